"""Whom an Autodiscover request asks about, whatever its language."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.protocols.autodiscover.mail_address import parse_mail_address
from handfast.protocols.autodiscover.pox_request import PoxRequest, parse_pox_request
from handfast.protocols.autodiscover.soap_request import SoapRequest, parse_soap_request
from handfast.rewriting.answers import InspectedRequest

POX_PATH = "/autodiscover/autodiscover.xml"
SOAP_PATH = "/autodiscover/autodiscover.svc"


@dataclass(frozen=True, slots=True)
class Subjects:
    """`addresses` as written; `domains` in lower case, those of the addresses included."""

    addresses: tuple[str, ...]
    domains: frozenset[str]


def parse_request(request: InspectedRequest) -> PoxRequest | SoapRequest:
    """Raises: MalformedMessage."""
    if request.path.lower() == SOAP_PATH:
        return parse_soap_request(request.body, request.content_type, request.soap_action)
    return parse_pox_request(request.body, request.content_type)


def subjects_of(parsed: PoxRequest | SoapRequest) -> Subjects:
    """Whom it asks about. A request with a legacy distinguished name alone names nobody."""
    if isinstance(parsed, SoapRequest):
        addresses, domains = parsed.mailboxes, parsed.domains
    else:
        addresses, domains = (parsed.address,) if parsed.address else (), ()
    return Subjects(addresses, frozenset({parse_mail_address(a)[1] for a in addresses} | set(domains)))
