from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.protocols.autodiscover.pox_answer import PoxAnswer, parse_pox_answer
from handfast.protocols.autodiscover.schemas import ENVELOPE, PoxSchema
from handfast.protocols.errors import MalformedMessage

BEFORE = Path(__file__).resolve().parents[3] / "golden" / "autodiscover" / "before"


def sample(name: str) -> PoxAnswer:
    return parse_pox_answer((BEFORE / f"{name}.xml").read_bytes(), b"text/xml; charset=utf-8")


def test_the_protocols_keep_the_server_s_order():
    answer = sample("outlook-2016-rpc")
    assert (answer.schema, answer.action) == (PoxSchema.OUTLOOK, "settings")
    assert [protocol.kind for protocol in answer.protocols] == ["EXCH", "EXPR", "EXHTTP", "EXHTTP"]


def test_a_field_is_named_by_its_path():
    answer = sample("outlook-2016")
    web, mapi = answer.of_kind("WEB"), answer.of_kind("mapiHttp")
    assert web is not None
    assert mapi is not None
    assert web.first("External/Protocol/ASUrl") == "https://webmail.lab.test/EWS/Exchange.asmx"
    assert mapi.first("AddressBook/InternalUrl").startswith("https://ex01.corp.lab.internal/mapi/nspi/")
    assert mapi.first("AddressBook/ExternalUrl") == ""
    assert answer.of_kind("EXPR") is None


def test_a_phone_s_server_is_a_protocol_too():
    answer = sample("mobilesync")
    assert answer.schema is PoxSchema.MOBILESYNC
    assert [protocol.kind for protocol in answer.protocols] == ["MobileSync", "CertEnroll"]


@pytest.mark.parametrize(
    ("name", "action", "target"),
    [
        ("outlook-redirect-address", "redirect-address", "alice.adams@lab.test"),
        (
            "outlook-redirect-url",
            "redirect-url",
            "https://ex02.corp.lab.internal/autodiscover/autodiscover.xml",
        ),
        ("mobilesync-redirect", "redirect-address", "alice@lab.test"),
        ("mobilesync-error", "error", "1"),
        ("outlook-error", "error", "500"),
    ],
)
def test_redirects_and_errors_have_a_target(name, action, target):
    answer = sample(name)
    assert (answer.action, answer.target, answer.protocols) == (action, target, ())


@pytest.mark.parametrize(
    "data",
    [
        b"<a/>",
        f'<Autodiscover xmlns="{ENVELOPE}"/>'.encode(),
        f'<Autodiscover xmlns="{ENVELOPE}"><Response/><Response/></Autodiscover>'.encode(),
        f'<Autodiscover xmlns="{ENVELOPE}"><Response xmlns="urn:x"/></Autodiscover>'.encode(),
        f'<Autodiscover xmlns="{ENVELOPE}"><Request/></Autodiscover>'.encode(),
    ],
)
def test_anything_else_is_no_answer(data):
    with pytest.raises(MalformedMessage):
        parse_pox_answer(data)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_malformed_message(data):
    with pytest.raises(MalformedMessage):
        parse_pox_answer(data)
