from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from handfast.protocols.autodiscover.pox_request import PoxRequest, encode_pox_request
from handfast.protocols.autodiscover.schemas import PoxSchema
from handfast.protocols.xml.document import parse_xml
from handfast.rewriting.answers import InspectedRequest, WholeAnswer, Withheld
from handfast.rewriting.autodiscover.published_names import PublishedNames
from handfast.rewriting.autodiscover.rewriter import AutodiscoverRewriter

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "autodiscover"
SAMPLES = sorted(path.name for path in (GOLDEN / "before").glob("*.xml"))
NAMES = PublishedNames(
    autodiscover="autodiscover.lab.test",
    activesync="mail.lab.test",
    ews="mail.lab.test",
    oab="mail.lab.test",
    mapi="mail.lab.test",
    owa="mail.lab.test",
    ecp="mail.lab.test",
    mail_domains=frozenset({"lab.test"}),
    mapping={"ex02.corp.lab.internal": "autodiscover.lab.test"},
    auth_package="Basic",
)
REWRITER = AutodiscoverRewriter(NAMES)
REQUEST = InspectedRequest(b"POST", "/autodiscover/autodiscover.xml", "", b"text/xml", b"", b"")


def rewrite(body: bytes, status: int = 200, content_type: bytes = b"text/xml; charset=utf-8"):
    return REWRITER.rewrite(REQUEST, WholeAnswer(status, content_type, body))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_becomes_its_golden_file(name):
    """`HANDFAST_REGENERATE=1 pytest tests/unit/rewriting` writes the files anew; reviewing the diff is the test."""
    answer = rewrite((GOLDEN / "before" / name).read_bytes())
    assert isinstance(answer, WholeAnswer), answer
    path = GOLDEN / "after" / name
    if os.environ.get("HANDFAST_REGENERATE"):
        path.write_bytes(answer.body)
    assert answer.body == path.read_bytes()
    assert answer.content_type == b"text/xml; charset=utf-8"


def test_the_samples_name_the_inside_and_the_golden_files_do_not():
    for name in SAMPLES:
        assert b"corp.lab.internal" not in (GOLDEN / "after" / name).read_bytes().lower()
    assert (
        sum(b"corp.lab.internal" in (GOLDEN / "before" / name).read_bytes().lower() for name in SAMPLES) > 8
    )


SAMPLE = (GOLDEN / "before" / "mobilesync.xml").read_bytes()


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "iso-8859-1", "us-ascii"])
def test_other_charsets_become_utf_8(charset):
    body = SAMPLE.decode().replace('encoding="utf-8"', f'encoding="{charset}"')
    body = body if charset == "us-ascii" else body.replace("Alice", "\u00c4lice")
    answer = rewrite(body.encode(charset), content_type=f"text/xml; charset={charset}".encode())
    assert isinstance(answer, WholeAnswer)
    assert answer.content_type == b"text/xml; charset=utf-8"
    assert ("\u00c4lice" if charset != "us-ascii" else "Alice") in answer.body.decode()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (SAMPLE.replace(b"Alice", b"\xc4lice"), b"text/xml; charset=utf-8"),
        (SAMPLE.replace(b"Alice", "\u00c4lice".encode()), b"text/xml; charset=iso-8859-1"),
        (SAMPLE, b"text/xml; charset=utf-7"),
        (SAMPLE, b"text/html; charset=utf-8"),
        (SAMPLE, b""),
        (b"", b"text/xml"),
        (b"<html><body>ex1.corp.lab.internal</body></html>", b"text/xml"),
        (SAMPLE[:-20], b"text/xml"),
        (SAMPLE + b"<!-- " + b"x" * 1024 * 1024 + b" -->", b"text/xml"),
        (SAMPLE.replace(b"<Autodiscover", b"<!DOCTYPE a []><Autodiscover"), b"text/xml"),
        (SAMPLE.replace(b"mobilesync/response", b"other/response"), b"text/xml"),
        (b"<a>" * 100 + b"</a>" * 100, b"text/xml"),
        ((GOLDEN / "before" / "soap-fault.xml").read_bytes().replace(b"s:Fault", b"s:Other"), b"text/xml"),
    ],
)
def test_an_answer_that_can_t_be_read_is_withheld(body, content_type):
    withheld = rewrite(body, content_type=content_type)
    assert isinstance(withheld, Withheld)
    assert withheld.detail
    assert withheld.host == ""


@pytest.mark.parametrize(
    ("sample", "before", "after", "host"),
    [
        ("outlook-redirect-url", b"ex02.corp", b"ex09.corp", "ex09.corp.lab.internal"),
        ("outlook-redirect-address", b"@lab.test", b"@tenant.onmicrosoft.test", "tenant.onmicrosoft.test"),
        ("mobilesync-redirect", b"@lab.test", b"@other.test", "other.test"),
        ("soap-redirect-url", b"ex02.corp", b"ex09.corp", "ex09.corp.lab.internal"),
        ("outlook-2016", b"cn=Recipients", b"cn=Servers/cn=EX1/cn=Recipients", "ex1"),
        (
            "outlook-2016",
            b"<AutoDiscoverSMTPAddress>alice.adams@lab.test",
            b"<AutoDiscoverSMTPAddress>a@x.lab.internal",
            "x.lab.internal",
        ),
    ],
)
def test_a_name_that_has_no_form_outside_withholds_the_answer(sample, before, after, host):
    body = (GOLDEN / "before" / f"{sample}.xml").read_bytes()
    assert before in body
    withheld = rewrite(body.replace(before, after))
    assert isinstance(withheld, Withheld)
    assert withheld.host == host


def test_the_domain_a_client_asked_about_is_no_secret_to_it():
    body = (GOLDEN / "before" / "mobilesync.xml").read_bytes().replace(b"@lab.test", b"@asked.test")
    assert isinstance(rewrite(body), Withheld)
    asked = encode_pox_request(PoxRequest(PoxSchema.MOBILESYNC, PoxSchema.MOBILESYNC, "alice@asked.test"))
    request = InspectedRequest(b"POST", "/autodiscover/autodiscover.xml", "", b"text/xml", b"", asked)
    answer = REWRITER.rewrite(request, WholeAnswer(200, b"text/xml", body))
    assert isinstance(answer, WholeAnswer)
    assert b"alice.adams@asked.test" in answer.body


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_a_refusal_keeps_its_status_and_loses_its_page(status):
    answer = rewrite(b"<html>ex01.corp.lab.internal</html>", status, b"text/html")
    assert answer == WholeAnswer(status, b"", b"")


def test_a_fault_is_cleaned_and_one_that_can_t_be_read_loses_its_page():
    fault = (GOLDEN / "before" / "soap-fault.xml").read_bytes()
    answer = rewrite(fault, 500)
    assert isinstance(answer, WholeAnswer)
    assert (answer.status, b"ActionNotSupported" in answer.body, b"internal" in answer.body) == (
        500,
        True,
        False,
    )
    assert rewrite(b"<html>ex01<br></html>", 500, b"text/xml") == WholeAnswer(500, b"", b"")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (b"https://mail.lab.test/autodiscover/autodiscover.xml", b"https://mail.lab.test/autodiscover/autodiscover.xml"),
        (b"https://EX02.corp.lab.internal/autodiscover/autodiscover.xml", b"https://autodiscover.lab.test/autodiscover/autodiscover.xml"),
        (b"/autodiscover/autodiscover.xml", b"/autodiscover/autodiscover.xml"),
        (b"https://ex01.corp.lab.internal/", None),
        (b"https://mail.lab.test/?u=https://ex02.corp.lab.internal/", None),
        (b"/owa/?u=ex02.corp.lab.internal", None),
        (b"http://mail.lab.test/", None),
        (b"//ex01/", None),
        (b"/\\ex01/", None),
        (b"https://mail.lab.test/\r\nX: y", None),
        (b"https://mail.lab.test/\xe4", None),
        (b"", None),
        (None, None),
    ],
)  # fmt: skip
def test_a_redirect_leads_to_a_published_host(location, expected):
    answer = REWRITER.rewrite(REQUEST, WholeAnswer(302, b"text/html", b"<a href=x>", location))
    if expected is None:
        assert isinstance(answer, Withheld)
    else:
        assert answer == WholeAnswer(302, b"", b"", expected)


def test_an_answer_s_own_server_names_count_as_inside_everywhere():
    body = (GOLDEN / "before" / "outlook-2016-rpc.xml").read_bytes()
    body = body.replace(b"cn=1f0c3a5e9d8b47c6a2e4f60718293a4b-alice.adams", b"cn=SRV7.other.net")
    assert isinstance(rewrite(body), WholeAnswer)  # an alias may look like a host
    named = rewrite(body.replace(b"ex01.corp.lab.internal", b"srv7.other.net"))
    assert isinstance(named, Withheld)
    assert named.host == "srv7.other.net"


def test_half_a_megabyte_takes_no_long_time():
    sample = (GOLDEN / "before" / "outlook-2016.xml").read_bytes()
    start = sample.index(b"<AlternativeMailbox>")
    end = sample.index(b"</AlternativeMailbox>") + len(b"</AlternativeMailbox>")
    body = sample[:start] + sample[start:end] * (500_000 // (end - start)) + sample[end:]
    began = time.process_time()
    assert isinstance(rewrite(body), WholeAnswer)
    assert time.process_time() - began < 3


def test_what_leaves_is_xml():
    for name in SAMPLES:
        parse_xml((GOLDEN / "after" / name).read_bytes(), content_type=b"text/xml; charset=utf-8")


def test_an_answer_to_head_has_no_body_to_read():
    head = replace(REQUEST, method=b"HEAD")
    assert REWRITER.rewrite(head, WholeAnswer(200, b"text/xml", b"")) == WholeAnswer(200, b"", b"")
