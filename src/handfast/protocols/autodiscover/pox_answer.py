"""The plain XML answer as a client reads it: what to do, and the fields of each protocol.

Source: MS-OXDSCLI 2.2.4; MS-ASCMD 2.2.3.153.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from handfast.protocols.autodiscover import schemas
from handfast.protocols.autodiscover.schemas import PoxSchema
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import XmlElement, XmlLimits, parse_xml
from handfast.protocols.xml.tree import local_name

LIMITS: Final = XmlLimits()
_SOURCE = "MS-OXDSCLI 2.2.4"
_RESPONSES = {
    schemas.OUTLOOK_RESPONSE: PoxSchema.OUTLOOK,
    schemas.MOBILESYNC_RESPONSE: PoxSchema.MOBILESYNC,
    schemas.ENVELOPE: None,
}
_TARGETS: dict[str, Literal["redirect-address", "redirect-url"]] = {
    "RedirectAddr": "redirect-address",
    "Redirect": "redirect-address",
    "RedirectUrl": "redirect-url",
}


@dataclass(frozen=True, slots=True)
class PoxProtocol:
    """One Protocol block, or one Server of a phone's answer.

    Attributes:
        kind: its Type: EXCH, EXPR, EXHTTP, WEB, mapiHttp, MobileSync.
        fields: path of each field that has a text, e.g. "EwsUrl" or "External/Protocol/ASUrl", and the text.
    """

    kind: str
    fields: tuple[tuple[str, str], ...]

    def first(self, path: str) -> str:
        """The first field of that path, "" without one."""
        return next((text for name, text in self.fields if name == path), "")


@dataclass(frozen=True, slots=True)
class PoxAnswer:
    """What a client is told.

    Attributes:
        schema: the dialect, None for an error of the service itself.
        action: what to do.
        target: the address or URL of a redirect, the code or status of an error, else "".
        protocols: in the server's order, which is that of its preference.
    """

    schema: PoxSchema | None
    action: Literal["settings", "redirect-address", "redirect-url", "error"]
    target: str = ""
    protocols: tuple[PoxProtocol, ...] = ()

    def of_kind(self, kind: str) -> PoxProtocol | None:
        """The first block of that type."""
        return next((protocol for protocol in self.protocols if protocol.kind == kind), None)


def parse_pox_answer(data: bytes, content_type: bytes = b"") -> PoxAnswer:
    """Raises: MalformedMessage."""
    root = parse_xml(data, content_type=content_type, limits=LIMITS)
    if local_name(root) != (schemas.ENVELOPE, "Autodiscover") or len(root) != 1:
        raise MalformedMessage("autodiscover", "answer", "not an Autodiscover answer", _SOURCE)
    namespace, name = local_name(root[0])
    if name != "Response" or namespace not in _RESPONSES:
        raise MalformedMessage("autodiscover", "Response", "of no known schema", _SOURCE)
    return _read_response(root[0], _RESPONSES[namespace])


def _read_response(response: XmlElement, schema: PoxSchema | None) -> PoxAnswer:
    fields = dict(_fields_of(response, ""))
    for path, text in fields.items():
        *before, last = path.split("/")
        if before[-1:] == ["Error"] and last in ("ErrorCode", "Status"):
            return PoxAnswer(schema, "error", text)
        if before[-1:] in (["Account"], ["Action"]) and last in _TARGETS:
            return PoxAnswer(schema, _TARGETS[last], text)
    blocks = tuple(_block(element) for element in response.iter() if _is_block(element))
    return PoxAnswer(schema, "settings", "", blocks)


def _is_block(element: XmlElement) -> bool:
    parent = element.getparent()
    above = local_name(parent)[1] if parent is not None else ""
    return (local_name(element)[1], above) in {("Protocol", "Account"), ("Server", "Settings")}


def _block(element: XmlElement) -> PoxProtocol:
    fields = tuple(_fields_of(element, ""))
    kind = element.get("Type") or next((text for path, text in fields if path == "Type"), "")
    return PoxProtocol(str(kind), fields)


def _fields_of(element: XmlElement, above: str) -> Iterator[tuple[str, str]]:
    """Every leaf with a text below `element`. The reader bounds the depth."""
    for child in element:
        path = f"{above}{local_name(child)[1]}"
        text = (child.text or "").strip()
        if len(child):
            yield from _fields_of(child, f"{path}/")
        elif text:
            yield path, text
