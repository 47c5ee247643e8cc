"""How an answer of Exchange Web Services is put together: envelope, response messages, errors."""

from __future__ import annotations

from handfast.lab.documents import Node, Prefixes, builder
from handfast.lab.soap import SOAP, XSI, soap

TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
_PREFIXES: Prefixes = {"s": SOAP, "t": TYPES, "m": MESSAGES, "i": XSI}

t = builder(TYPES, _PREFIXES)
m = builder(MESSAGES, _PREFIXES)


class EwsError(Exception):
    """A request that Exchange answers with an error instead of a result. `code` is a ResponseCode of MS-OXWSCDATA."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def envelope(body: Node) -> Node:
    """A whole answer, with the server's version in its header as clients want it."""
    version = t(
        "ServerVersionInfo",
        MajorVersion="15",
        MinorVersion="2",
        MajorBuildNumber="1544",
        MinorBuildNumber="4",
        Version="V2017_07_11",
    )
    return soap("Envelope", soap("Header", version), soap("Body", body))


def response(operation: str, *messages: Node) -> Node:
    """The answer to an operation that has one message for each thing asked about."""
    return m(f"{operation}Response", m("ResponseMessages", *messages))


def success(operation: str, *content: Node) -> Node:
    """A message that brings what was asked for."""
    return m(f"{operation}ResponseMessage", m("ResponseCode", "NoError"), *content, ResponseClass="Success")


def failure(operation: str, error: EwsError) -> Node:
    """A message that brings an error."""
    return m(
        f"{operation}ResponseMessage",
        m("MessageText", str(error)),
        m("ResponseCode", error.code),
        m("DescriptiveLinkKey", "0"),
        ResponseClass="Error",
    )
