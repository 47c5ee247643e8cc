"""Mutated Autodiscover messages through reader, inspector and rewriter: a value each time, and never an inside name.

`HANDFAST_FUZZ_EXAMPLES` (default 200) says how long; nightly runs set it high.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handfast.protocols.autodiscover.pox_answer import parse_pox_answer
from handfast.protocols.autodiscover.pox_request import PoxRequest, encode_pox_request, parse_pox_request
from handfast.protocols.autodiscover.schemas import PoxSchema
from handfast.protocols.autodiscover.soap_answer import parse_soap_answer
from handfast.protocols.autodiscover.soap_request import parse_soap_request
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import parse_xml
from handfast.rewriting.answers import (
    InspectedRequest,
    PrincipalNames,
    RefusedRequest,
    WholeAnswer,
    Withheld,
)
from handfast.rewriting.autodiscover.address_rules import AutodiscoverInspector
from handfast.rewriting.autodiscover.published_names import PublishedNames
from handfast.rewriting.autodiscover.rewriter import AutodiscoverRewriter

SAMPLES = [
    path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "golden" / "autodiscover" / "before").glob("*.xml"))
]
EXAMPLES = int(os.environ.get("HANDFAST_FUZZ_EXAMPLES", "200"))
PIECES = [
    b"<!DOCTYPE x>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?x y?>",
    b"&x;",
    b"&#46;",
    b"</Protocol>",
    b"<Protocol>",
    b' xmlns="urn:x"',
    b' xmlns:s="urn:s"',
    b"ex01.corp.lab.internal",
    b"\\\\EX01\\",
    b"%2e",
    b"\xff",
    b"\x00",
    b"\xef\xbb\xbf",
    b'encoding="utf-16"',
]
PROPERTY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = PublishedNames(
    autodiscover="autodiscover.lab.test",
    ews="mail.lab.test",
    mail_domains=frozenset({"lab.test"}),
    inside_names=frozenset({"corp.lab.internal", "ex01"}),
)
REWRITER = AutodiscoverRewriter(NAMES)
INSPECTOR = AutodiscoverInspector()
ALICE = PrincipalNames(addresses=frozenset({"alice@lab.test"}))
REQUEST = encode_pox_request(PoxRequest(PoxSchema.OUTLOOK, PoxSchema.OUTLOOK, "alice@lab.test"))
READERS = [parse_xml, parse_pox_answer, parse_pox_request, parse_soap_answer, parse_soap_request]


@st.composite
def mutated(draw, samples) -> bytes:
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["piece", "bytes", "cut", "copy"])):
            case "piece":
                data[at:at] = draw(st.sampled_from(PIECES))
            case "bytes":
                data[at:at] = draw(st.binary(max_size=4))
            case "cut":
                del data[at : at + draw(st.integers(1, 40))]
            case _:
                data[at:at] = data[max(0, at - 60) : at]
    return bytes(data)


@PROPERTY
@given(mutated([*SAMPLES, REQUEST]) | st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_malformed_message(data):
    for read in READERS:
        with contextlib.suppress(MalformedMessage):
            read(data)


@PROPERTY
@given(mutated(SAMPLES), st.sampled_from([b"text/xml", b"text/xml; charset=utf-8", b"application/xml"]))
def test_no_mutation_of_an_answer_lets_a_name_out(data, content_type):
    request = InspectedRequest(b"POST", "/autodiscover/autodiscover.xml", "", b"text/xml", b"", REQUEST)
    answer = REWRITER.rewrite(request, WholeAnswer(200, content_type, data))
    if isinstance(answer, WholeAnswer):
        assert b"corp.lab" not in answer.body.lower()
        parse_xml(answer.body, content_type=answer.content_type)
    else:
        assert isinstance(answer, Withheld)


@PROPERTY
@given(mutated([REQUEST, REQUEST.replace(b"lab.test", b"other.test")]))
def test_no_mutation_of_a_request_asks_about_a_foreign_domain(data):
    request = InspectedRequest(b"POST", "/autodiscover/autodiscover.xml", "", b"text/xml", b"", data)
    passed = INSPECTOR.inspect(request, ALICE)
    if isinstance(passed, RefusedRequest):
        return
    asked = parse_pox_request(passed.body, passed.content_type)
    assert asked.address.lower().rstrip(".").endswith("@lab.test") or (not asked.address and asked.legacy_dn)
