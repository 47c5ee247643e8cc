"""The SOAP request of clients of Exchange Web Services: settings wanted for mailboxes, or for domains.

Source: MS-OXWSADISC 3.1.4.3 (GetUserSettings), 3.1.4.2 (GetDomainSettings); SOAP 1.1 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from handfast.protocols.autodiscover.mail_address import parse_mail_address
from handfast.protocols.autodiscover.schemas import ACTION_PREFIX, ADDRESSING, AUTODISCOVER, SOAP_11
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import XmlElement, XmlLimits, parse_xml
from handfast.protocols.xml.tree import local_name, only_children, text_of

LIMITS: Final = XmlLimits(max_bytes=256 * 1024, max_depth=12, max_elements=2_000, max_attributes=24)
MAX_MAILBOXES: Final = 100
"""Exchange answers ErrorCode InvalidRequest to more (its default limit)."""

OPERATIONS: Final = {
    "GetUserSettings": ("Users", "User", "Mailbox"),
    "GetDomainSettings": ("Domains", "Domain", ""),
}
_HEADERS = frozenset(
    {
        (ADDRESSING, "Action"),
        (ADDRESSING, "To"),
        (ADDRESSING, "MessageID"),
        (ADDRESSING, "ReplyTo"),
        (AUTODISCOVER, "RequestedServerVersion"),
    }
)
_REQUEST_FIELDS = frozenset({"RequestedSettings", "RequestedVersion"})
_MAX_NAME_CHARACTERS = 100
_SOURCE = "MS-OXWSADISC 3.1.4"


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """One question.

    Attributes:
        operation: a key of OPERATIONS.
        mailboxes: mail addresses as written; empty for GetDomainSettings.
        domains: mail domains in lower case; empty for GetUserSettings.
        settings: names of the settings wanted, in the client's order.
        version: what RequestedServerVersion says, "" where it is missing.
    """

    operation: str
    mailboxes: tuple[str, ...]
    domains: tuple[str, ...]
    settings: tuple[str, ...]
    version: str = ""


def parse_soap_request(data: bytes, content_type: bytes = b"", soap_action: bytes = b"") -> SoapRequest:
    """The request's values. Header blocks that name another identity (impersonation, security) are unknown here.

    Raises: MalformedMessage; also where SOAPAction, the Action header and the body differ.
    """
    root = parse_xml(data, content_type=content_type, limits=LIMITS)
    if local_name(root) != (SOAP_11, "Envelope"):
        raise _refused("Envelope", "not SOAP 1.1")
    parts = only_children(root, SOAP_11, frozenset({"Header", "Body"}))
    version, action = _read_header(parts.get("Header"))
    operation, request = _read_body(parts.get("Body"))
    for said in (action, soap_action.decode("latin-1").strip().strip('"')):
        if said not in ("", ACTION_PREFIX + operation):
            raise _refused("Action", "does not fit the body")
    return _read_request(operation, request, version)


def _read_header(header: XmlElement | None) -> tuple[str, str]:
    """RequestedServerVersion and Action, "" where they are missing."""
    values: dict[str, str] = {}
    for block in () if header is None else header:
        namespace, name = local_name(block)
        if (namespace, name) not in _HEADERS:
            raise _refused("Header", f"unknown block {name[:40]!r}")
        if name in values:
            raise _refused("Header", f"{name} twice")
        values[name] = "" if name == "ReplyTo" else text_of(block)
    return values.get("RequestedServerVersion", "")[:_MAX_NAME_CHARACTERS], values.get("Action", "")


def _read_body(body: XmlElement | None) -> tuple[str, XmlElement]:
    """The operation and its Request element."""
    if body is None or len(body) != 1:
        raise _refused("Body", "not one message")
    namespace, name = local_name(body[0])
    operation = name.removesuffix("RequestMessage")
    if namespace != AUTODISCOVER or operation not in OPERATIONS:
        raise _refused("Body", f"unknown message {name[:40]!r}")
    request = only_children(body[0], AUTODISCOVER, frozenset({"Request"})).get("Request")
    if request is None:
        raise _refused("Request", "missing")
    return operation, request


def _read_request(operation: str, request: XmlElement, version: str) -> SoapRequest:
    many, one, inner = OPERATIONS[operation]
    fields = only_children(request, AUTODISCOVER, _REQUEST_FIELDS | {many})
    subjects = _each(fields.get(many), one)
    if not 0 < len(subjects) <= MAX_MAILBOXES:
        raise _refused(many, f"none, or more than {MAX_MAILBOXES}")
    settings = tuple(
        text_of(s)[:_MAX_NAME_CHARACTERS] for s in _each(fields.get("RequestedSettings"), "Setting")
    )
    if not inner:
        return SoapRequest(operation, (), tuple(_domain(each) for each in subjects), settings, version)
    return SoapRequest(operation, tuple(_mailbox(each) for each in subjects), (), settings, version)


def _each(parent: XmlElement | None, name: str) -> list[XmlElement]:
    children = [] if parent is None else list(parent)
    if any(local_name(child) != (AUTODISCOVER, name) for child in children):
        raise _refused(name, "an unknown element beside it")
    return children


def _mailbox(user: XmlElement) -> str:
    mailbox = only_children(user, AUTODISCOVER, frozenset({"Mailbox"})).get("Mailbox")
    address = "" if mailbox is None else text_of(mailbox)
    parse_mail_address(address)
    return address


def _domain(element: XmlElement) -> str:
    return parse_mail_address("x@" + text_of(element))[1]


def _refused(field: str, problem: str) -> MalformedMessage:
    return MalformedMessage("autodiscover", field, problem, _SOURCE)
