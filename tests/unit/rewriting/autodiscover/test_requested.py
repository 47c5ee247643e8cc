from __future__ import annotations

import pytest

from handfast.protocols.autodiscover.pox_request import PoxRequest, encode_pox_request
from handfast.protocols.autodiscover.schemas import PoxSchema
from handfast.protocols.autodiscover.soap_request import SoapRequest
from handfast.protocols.errors import MalformedMessage
from handfast.rewriting.answers import InspectedRequest
from handfast.rewriting.autodiscover.requested import (
    POX_PATH,
    SOAP_PATH,
    Subjects,
    parse_request,
    subjects_of,
)

POX = PoxRequest(PoxSchema.OUTLOOK, PoxSchema.OUTLOOK, "Alice@LAB.test")


def request(path: str, body: bytes) -> InspectedRequest:
    return InspectedRequest(b"POST", path, "", b"text/xml", b"", body)


def test_the_path_says_the_language():
    assert parse_request(request(POX_PATH.title(), encode_pox_request(POX))) == POX
    with pytest.raises(MalformedMessage, match=r"SOAP 1\.1"):
        parse_request(request(SOAP_PATH.upper(), encode_pox_request(POX)))


def test_an_address_brings_its_domain():
    assert subjects_of(POX) == Subjects(("Alice@LAB.test",), frozenset({"lab.test"}))


def test_a_legacy_dn_alone_names_nobody():
    assert subjects_of(PoxRequest(PoxSchema.OUTLOOK, PoxSchema.OUTLOOK, "", "/o=x")) == Subjects(
        (), frozenset()
    )


def test_soap_asks_about_several():
    found = subjects_of(SoapRequest("GetUserSettings", ("a@lab.test", "b@sub.test"), (), ()))
    assert found.domains == {"lab.test", "sub.test"}
    assert subjects_of(SoapRequest("GetDomainSettings", (), ("x.test",), ())) == Subjects(
        (), frozenset({"x.test"})
    )
