"""The same answer through the eyes of clients that read different fields of it: all end at the published URL.

Source of each reading: docs/autodiscover.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.protocols.autodiscover.pox_answer import PoxAnswer, parse_pox_answer
from handfast.protocols.autodiscover.soap_answer import SubjectSettings, parse_soap_answer

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "autodiscover"
EWS = "https://mail.lab.test/EWS/Exchange.asmx"
OAB = "https://mail.lab.test/OAB/c21c7bc2-53b3-4ddc-ad89-1219b486c37c/"
OF_A_MAILBOX = {"Type", "ServerDN", "MdbDN", "ServerVersion"}


def pox(name: str, when: str = "after") -> PoxAnswer:
    return parse_pox_answer((GOLDEN / when / f"{name}.xml").read_bytes())


def soap(when: str = "after") -> SubjectSettings:
    (found,) = parse_soap_answer((GOLDEN / when / "soap-user-settings.xml").read_bytes())
    return found


def gnome_online_accounts(answer: PoxAnswer) -> tuple[str, str]:
    """The first block, whatever it is, and both URLs or nothing."""
    first = answer.protocols[0]
    return first.first("ASUrl"), first.first("OABUrl")


def sipe(answer: PoxAnswer) -> tuple[str, str]:
    """The first EXCH or EXPR that has the field."""
    blocks = [block for block in answer.protocols if block.kind in ("EXCH", "EXPR")]
    return tuple(next(b.first(name) for b in blocks if b.first(name)) for name in ("EwsUrl", "OABUrl"))


def evolution(answer: PoxAnswer) -> tuple[str, str]:
    """EXPR, else EXCH."""
    block = answer.of_kind("EXPR") or answer.of_kind("EXCH")
    return block.first("ASUrl"), block.first("OABUrl")


def internal_ews_client(answer: PoxAnswer) -> tuple[str, str]:
    block = answer.of_kind("EXCH")
    return block.first("EwsUrl"), block.first("OABUrl")


@pytest.mark.parametrize("read", [gnome_online_accounts, sipe, evolution, internal_ews_client])
def test_a_plain_xml_client_ends_at_the_published_urls(read):
    assert read(pox("outlook-2016-rpc")) == (EWS, OAB)


@pytest.mark.parametrize("read", [gnome_online_accounts, sipe, internal_ews_client])
def test_unchanged_the_answer_would_have_led_it_inside(read):
    assert "corp.lab.internal" in read(pox("outlook-2016-rpc", "before"))[0]


def test_evolution_would_have_found_nothing():
    assert evolution(pox("outlook-2016-rpc", "before")) == ("", "")


@pytest.mark.parametrize("side", ["Internal", "External"])
def test_outlook_ends_at_the_published_mapi_on_either_side(side):
    block = pox("outlook-2016").of_kind("mapiHttp")
    for holder in ("MailStore", "AddressBook"):
        assert block.first(f"{holder}/{side}Url").startswith("https://mail.lab.test/mapi/")


@pytest.mark.parametrize("name", ["InternalEwsUrl", "ExternalEwsUrl"])
def test_a_soap_client_ends_at_the_published_url_by_either_setting(name):
    assert soap().first(name) == EWS


def test_exchangelib_finds_what_it_needs():
    found = soap()
    assert found.first("AutoDiscoverSMTPAddress") == "alice.adams@lab.test"
    assert found.first("EwsSupportedSchemas").endswith("Exchange2016")


def test_a_phone_ends_at_the_published_activesync_whether_it_reads_url_or_name():
    (server,) = pox("mobilesync").protocols
    assert [name for name, _ in server.fields] == ["Type", "Url", "Name"]  # Android wants Type first
    assert server.first("Url") == server.first("Name") == "https://mail.lab.test/Microsoft-Server-ActiveSync"


@pytest.mark.parametrize("name", ["outlook-2016-rpc", "outlook-no-external-urls"])
def test_exch_says_what_expr_says(name):
    answer = pox(name)
    inside, outside = (
        {field: text for field, text in answer.of_kind(kind).fields if field not in OF_A_MAILBOX}
        for kind in ("EXCH", "EXPR")
    )
    assert inside == outside != {}


def test_internal_says_what_external_says():
    web = dict(pox("outlook-2016").of_kind("WEB").fields)
    settings = dict(soap().settings)
    pairs = [
        (value, where["External" + name.removeprefix("Internal")])
        for where in (web, settings)
        for name, value in where.items()
        if name.startswith("Internal") and "External" + name.removeprefix("Internal") in where
    ]
    assert len(pairs) > 5
    assert all(inside == outside for inside, outside in pairs if inside not in ("EXCH", "EXPR"))
