from __future__ import annotations

import time

import pytest

from handfast.rewriting.autodiscover.name_scan import Evidence, NameScan

SCAN = NameScan(
    hosts=frozenset({"mail.lab.test", "autodiscover.lab.test"}),
    mail_domains=frozenset({"lab.test", "corp.lab"}),
    inside=frozenset({"corp.lab", "hidden.example", "ex9"}),
)
DN = "/o=Lab/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"
GUID = "7c1d2e3f-4a5b-4c6d-8e9f-0a1b2c3d4e5f"

CLEAN = [
    "",
    "Alice Adams",
    "https://mail.lab.test/EWS/Exchange.asmx",
    "https://MAIL.lab.test.:443/owa/?path=/options/photo",
    "https://mail.lab.test",
    f"https://mail.lab.test/mapi/emsmdb/?MailboxId={GUID}@lab.test",
    "https://mail.lab.test/mapi/emsmdb/?MailboxId=2e2e2e2e-4a5b-4c6d-8e9f-0a1b2c3d4e5f@lab.test",
    "msstd:mail.lab.test",
    f"{GUID}@lab.test",
    f"{DN}/cn=Configuration/cn=Servers/cn={GUID}@lab.test/cn=Microsoft Private MDB",
    f"{DN}/cn=Recipients/cn=1f0c3a5e9d8b47c6a2e4f60718293a4b-alice.van.adams",
    "alice.van.adams+tag.x@lab.test",
    "bob@corp.lab",
    "DC=corp,DC=lab",
    "options/ecp/PersonalSettings/DeliveryReport.aspx?rfr=olk&IsOWA=<IsOWA>&realm=lab.test",
    "?rfr=olk&p=sms/textmessaging.slab&exsvurl=1",
    "Exchange2013_SP1, Exchange2015",
    "73C18880",
    "15.01.2507.006",
    "10:21:30.1234567",
    "12:34:56",
    "e.g. this, i.e. that. The end",
    "http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettingsResponse",
    "mail",
    "ex9.lab",  # a short name is not searched within longer ones
    "Basic, Fba",
    "::",
    "a//b",
    "LAB\\alice",
    "//",
]


@pytest.mark.parametrize("text", [t for t in CLEAN if t != "ex9.lab" and t != "//"])
def test_what_every_good_answer_has_is_seen_as_clean(text):
    assert SCAN.first(text) is None


CONNECTS = [
    ("https://ex1/EWS/", "ex1"),
    ("http://ex1:8080", "ex1"),
    ("ldap://dc1/", "dc1"),
    ("https://lab.test/", "lab.test"),
    ("https://mail.lab.test:444/", "mail.lab.test"),
    ("https://x@mail.lab.test/", "mail.lab.test"),
    ("https://mail.lab.test@ex1/", "ex1"),
    ("https://167772161/", "167772161"),
    ("https://0x0a000001/", "0x0a000001"),
    ("https://[fe80::1]/", "[fe80::1]"),
    ("https:\\\\ex1\\owa", "ex1"),
    ("//ex1/x", "ex1"),
    ("?to=//ex1/x", "ex1"),
    ("\\\\EX1\\share", "ex1"),
    ("file://ex1/c$", "ex1"),
    ("msstd:ex1", "ex1"),
    ("msstd: *.lab.test", "*.lab.test"),
    (f"{DN}/cn=Configuration/cn=Servers/cn=EX1", "ex1"),
    (f"{DN}/CN = Configuration/CN = Servers/CN = EX1/cn=Microsoft Private MDB", "ex1"),
    ("CN=EX1,CN=Servers,CN=Exchange Administrative Group", "ex1"),
    ("https%3A%2F%2Fex1%2F", "ex1"),
]


@pytest.mark.parametrize(("text", "name"), CONNECTS)
def test_a_name_without_dots_is_found_where_something_connects_to_it(text, name):
    found = SCAN.first(text)
    assert found is not None
    assert (found.name, found.evidence) == (name, Evidence.CONNECTS)


LOOKS = [
    ("see srv1.other.net, please", "srv1.other.net"),
    ("SRV1.Other.NET.", "srv1.other.net"),
    ("sub.mail.lab.test", "sub.mail.lab.test"),
    ("mail.lab.test.other.net", "mail.lab.test.other.net"),
    ("srv1.other.net:6001", "srv1.other.net"),
    ("x=srv1.other.net;y", "srv1.other.net"),
    ("srv_1.other.net", "srv_1.other.net"),
    ("xn--bcher-kva.other.net", "xn--bcher-kva.other.net"),
    ("b\u00fccher.other.net", "b\u00fccher.other.net"),
    ("srv1.aspx", None),
    ("x srv1.aspx", "srv1.aspx"),
    ("a.srv1.aspx", "a.srv1.aspx"),
    ("10.1.2.3", "10.1.2.3"),
    ("fd00:7::77", "fd00:7::77"),
    ("[fd00:7::77]", "fd00:7::77"),
    ("10.1.2.3:443", "10.1.2.3"),
    (f"{GUID}@other.net", "other.net"),
    ("alice@dc1", "dc1"),
    ("alice@[10.1.2.3]", "10.1.2.3"),
    ("CN=x,DC=other,DC=net", "other.net"),
    ("ex1.local@lab.test", "ex1.local"),
    (f"{DN}/cn=Recipients/cn=abc-ex1.corp.internal", "abc-ex1.corp.internal"),
    (f"{DN}/cn=Recipients/cn=abc-alice.adams and srv1.other.net", "srv1.other.net"),
    (f"{DN}/cn=Recipients/cn=abc-alice.adams@other.net", "other.net"),
]


@pytest.mark.parametrize(("text", "name"), LOOKS)
def test_what_looks_like_a_host_is_taken_for_one(text, name):
    found = SCAN.first(text)
    assert (found and found.name) == name


KNOWN = [
    (f"{DN}/cn=Recipients/cn=abc-srv.hidden.example", True),
    ("srv.hidden.example@lab.test", True),
    ("hidden.example@lab.test", True),
    ("ex9@lab.test", True),
    ("on EX9 today", True),
    ("ex99", False),
    ("ex9-a", False),
    ("bob.corp.lab@lab.test", True),
]


@pytest.mark.parametrize(("text", "is_found"), KNOWN)
def test_a_name_known_to_be_inside_is_found_where_others_may_stand(text, is_found):
    assert (SCAN.first(text) is not None) is is_found


@pytest.mark.parametrize(
    ("text", "name"),
    [(text, name) for text, name in CONNECTS if text.isascii()] + [("see xmsstd:ex1, xdc=a,dc=b", None)],
)
def test_names_to_connect_to_are_found_alone(text, name):
    together = f"{text}\nsrv.other.net bob@other.net 10.1.2.3"
    found = [finding.name for finding in SCAN.findings(together) if finding.evidence is Evidence.CONNECTS]
    assert list(SCAN.connecting(together)) == found
    assert found[:1] == ([] if name is None else [name])


def test_what_is_learnt_to_be_inside_is_searched_from_then_on():
    text = "srv7.other.net@lab.test"
    assert SCAN.first(text) is None
    assert SCAN.knowing(["srv7.other.net", "mail.lab.test"]).first(text) is not None
    assert SCAN.knowing(["mail.lab.test"]).first("https://mail.lab.test/") is None


def test_encodings_without_end_are_a_finding():
    text = "."
    for _ in range(12):
        text = text.replace("%", "%25").replace(".", "%2e")
    found = SCAN.first(text)
    assert found is not None
    assert found.evidence is Evidence.UNREADABLE


def test_many_texts_are_told_apart():
    texts = [*CLEAN[:-2], *(text for text, _ in CONNECTS), "srv.other.net"]
    unclean = SCAN.unclean_of(texts)
    assert unclean == {text for text, _ in CONNECTS} | {"srv.other.net"} | ({"ex9.lab"} & set(texts))
    assert SCAN.unclean_of([]) == frozenset()


def test_without_known_names_the_rest_is_searched_all_the_same():
    scan = NameScan(frozenset({"mail.lab.test"}))
    assert scan.first("ex9") is None
    assert scan.first("https://ex9/") is not None


@pytest.mark.parametrize(
    "unit",
    [
        "a.",
        "a.b@",
        "x@",
        "//",
        "\\\\",
        "%25",
        "&amp;",
        "dc=a,",
        "cn=servers/",
        "cn=",
        "cn=a ",
        "1:",
        "AbC1",
        "a b ",
        "/cn=recipients/cn=",
        "-.",
        "a.b+",
        "\u3002",
        "msstd:",
        "http:",
        "hidden.",
        "a=b&",
    ],
)
def test_a_long_text_is_searched_in_its_time(unit):
    text = unit * (200_000 // len(unit))
    began = time.process_time()
    SCAN.first(text)
    list(SCAN.findings(text[:50_000]))
    assert time.process_time() - began < 3


@pytest.mark.parametrize("text", ["cn=" + " " * 20_000, "cn=a" * 20_000, "cn=a,cn=" + "b " * 20_000])
def test_a_distinguished_name_that_never_comes_to_its_servers_is_searched_in_its_time(text):
    began = time.process_time()
    assert SCAN.first(text) is None
    assert time.process_time() - began < 1
