"""The plain XML request of Outlook and of phones.

Source: MS-OXDSCLI 2.2.3 (outlook); MS-ASCMD 2.2.1.1 (mobilesync).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from handfast.protocols.autodiscover import schemas
from handfast.protocols.autodiscover.mail_address import parse_mail_address
from handfast.protocols.autodiscover.schemas import PoxSchema
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import XmlElement, XmlLimits, parse_xml, serialise_xml
from handfast.protocols.xml.tree import build_element, local_name, only_children, text_of

LIMITS: Final = XmlLimits(max_bytes=64 * 1024, max_depth=6, max_elements=32, max_attributes=8)
_REQUEST_NAMESPACES = {
    schemas.OUTLOOK_REQUEST: PoxSchema.OUTLOOK,
    schemas.MOBILESYNC_REQUEST: PoxSchema.MOBILESYNC,
}
_RESPONSE_SCHEMAS = {
    schemas.OUTLOOK_RESPONSE: PoxSchema.OUTLOOK,
    schemas.MOBILESYNC_RESPONSE: PoxSchema.MOBILESYNC,
}
_FIELDS = frozenset({"EMailAddress", "LegacyDN", "AcceptableResponseSchema"})
_MAX_LEGACY_DN_CHARACTERS = 2048
_SOURCE = "MS-OXDSCLI 2.2.3"


@dataclass(frozen=True, slots=True)
class PoxRequest:
    """Who is asked about, and in which language the answer is wanted.

    Attributes:
        asked_in: the dialect of the request.
        acceptable: the dialect of the answer; observed clients ask in either for either.
        address: the mail address as written, "" where the request has a legacy distinguished name alone.
        legacy_dn: the legacy distinguished name, "" where there is none.
    """

    asked_in: PoxSchema
    acceptable: PoxSchema
    address: str
    legacy_dn: str = ""


def parse_pox_request(data: bytes, content_type: bytes = b"") -> PoxRequest:
    """The request's values. What it could have beside them, or twice, is refused: Exchange would choose, and so would we.

    Raises: MalformedMessage.
    """
    root = parse_xml(data, content_type=content_type, limits=LIMITS)
    namespace, name = local_name(root)
    asked_in = _REQUEST_NAMESPACES.get(namespace)
    if asked_in is None or name != "Autodiscover":
        raise _refused("document", "not an Autodiscover request")
    request = only_children(root, namespace, frozenset({"Request"})).get("Request")
    if request is None:
        raise _refused("Request", "missing")
    values = {key: text_of(child) for key, child in only_children(request, namespace, _FIELDS).items()}
    return PoxRequest(asked_in, _acceptable(values, asked_in), _address(values), _legacy_dn(values))


def _acceptable(values: dict[str, str], asked_in: PoxSchema) -> PoxSchema:
    """Mandatory in the documents. Observed: missing from simple clients, which mean the dialect they ask in."""
    wanted = values.get("AcceptableResponseSchema")
    if wanted is None:
        return asked_in
    try:
        return _RESPONSE_SCHEMAS[wanted]
    except KeyError:
        raise _refused("AcceptableResponseSchema", "unknown") from None


def _address(values: dict[str, str]) -> str:
    address = values.get("EMailAddress", "")
    if address:
        parse_mail_address(address)
    elif not values.get("LegacyDN"):
        raise _refused("EMailAddress", "missing, and no LegacyDN either")
    return address


def _legacy_dn(values: dict[str, str]) -> str:
    legacy_dn = values.get("LegacyDN", "")
    if legacy_dn and (not legacy_dn.startswith("/") or len(legacy_dn) > _MAX_LEGACY_DN_CHARACTERS):
        raise _refused("LegacyDN", "not a legacy distinguished name")
    return legacy_dn


def encode_pox_request(request: PoxRequest) -> bytes:
    """The same question in one canonical form, in UTF-8."""
    namespace = _key_of(_REQUEST_NAMESPACES, request.asked_in)
    fields: list[XmlElement] = []
    if request.address:
        fields.append(build_element(namespace, "EMailAddress", text=request.address))
    if request.legacy_dn:
        fields.append(build_element(namespace, "LegacyDN", text=request.legacy_dn))
    schema = _key_of(_RESPONSE_SCHEMAS, request.acceptable)
    fields.append(build_element(namespace, "AcceptableResponseSchema", text=schema))
    inner = build_element(namespace, "Request", *fields)
    return serialise_xml(build_element(namespace, "Autodiscover", inner))


def _key_of(table: dict[str, PoxSchema], schema: PoxSchema) -> str:
    return next(key for key, value in table.items() if value is schema)


def _refused(field: str, problem: str) -> MalformedMessage:
    return MalformedMessage("autodiscover", field, problem, _SOURCE)
