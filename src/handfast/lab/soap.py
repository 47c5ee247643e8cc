"""SOAP 1.1 envelopes of the simulated Exchange: what a request asks for, and how it is told that it asked wrongly."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.lab.documents import (
    BadDocument,
    Node,
    builder,
    children,
    find,
    local_name,
    read_document,
    text_at,
)
from handfast.lab.reply import Reply, xml_reply

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

soap = builder(SOAP, {"s": SOAP})
_bare = builder("", {})


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request's operation, its element, and in whose name it wants to be answered ("" for the signed-in user's)."""

    operation: str
    element: Node
    impersonated: str = ""


def read_envelope(body: bytes) -> Envelope:
    """Raises: BadDocument."""
    root = read_document(body)
    content = children(find(root, "Body"))
    if root.tag != f"{{{SOAP}}}Envelope" or len(content) != 1:
        raise BadDocument("no SOAP envelope with one operation")
    operation = local_name(content[0])
    for suffix in ("RequestMessage", "Request"):
        operation = operation.removesuffix(suffix)
    return Envelope(operation, content[0], _impersonated(find(root, "Header")))


def soap_fault(reason: str, *, code: str = "ErrorInvalidRequest") -> Reply:
    """What Exchange answers a request it cannot read: 500 with a fault."""
    fault = soap(
        "Fault",
        _bare("faultcode", f"a:{code}"),
        _bare("faultstring", reason),
        _bare("detail", _bare("ResponseCode", code), _bare("Message", reason)),
    )
    return xml_reply(soap("Envelope", soap("Body", fault)), status=500)


def _impersonated(header: Node | None) -> str:
    """The claim of ExchangeImpersonation or SerializedSecurityContext. Source: MS-OXWSCORE 2.2.2."""
    if header is None:
        return ""
    impersonation = find(header, "ExchangeImpersonation", "ConnectingSID")
    if impersonation is not None:
        return next((child.text or "" for child in children(impersonation)), "")
    context = find(header, "SerializedSecurityContext")
    return (
        (text_at(context, "PrimarySmtpAddress") or text_at(context, "UserSid")) if context is not None else ""
    )
