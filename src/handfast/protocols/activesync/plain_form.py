"""The plain query, `Cmd=Sync&User=...&DeviceId=...`, decoded strictly and rebuilt from what was decoded.

Servers differ in what they make of odd queries: the first or the last of two equal names, `;` as a separator, a second
round of percent-decoding, `%uXXXX`. Every form on which two readers could disagree about the device is refused here.

Source: MS-ASHTTP 2.2.1.1.1.2; RFC 3986 3.4.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable

from handfast.protocols.activesync.text_value import decode_text
from handfast.protocols.errors import MalformedMessage

# Source: MS-ASHTTP 2.2.1.1.1.2.1-5; CollectionName and ParentId belong to protocol version 2.5.
NAMES = (
    "Cmd",
    "User",
    "DeviceId",
    "DeviceType",
    "AttachmentName",
    "CollectionId",
    "CollectionName",
    "ItemId",
    "LongId",
    "ParentId",
    "Occurrence",
    "SaveInSent",
    "Options",
    "AcceptMultiPart",
)
_NAME_BY_FOLDED = {name.lower(): name for name in NAMES}
_NAME_AS_DOCUMENTED = {name.encode(): name for name in NAMES}  # what clients really send, found in one step

# RFC 3986 query characters without `;` (a separator to some servers) and without `&` and `=`, which separate here.
_ESCAPED_TEXT = re.compile(rb"(?:[A-Za-z0-9\-._~!$'()*+,:@/?]|%[0-9A-Fa-f]{2})*")
_LITERAL_TEXT = re.compile(rb"[A-Za-z0-9\-._~!$'()*,:@/?]*")
_LEFT_OVER_ESCAPE = re.compile(rb"%(?:[0-9A-Fa-f]{2}|[uU][0-9A-Fa-f]{4})")
_SOURCE = "MS-ASHTTP 2.2.1.1.1.2"


def decode_plain(raw: bytes) -> dict[str, str]:
    """The parameters by their documented names, in the order sent; "" for a name without a value.

    Names are compared without case after decoding; unknown and repeated ones are refused. `+` is a space, as
    Exchange's own runtime reads it. Raises: MalformedMessage.
    """
    values: dict[str, str] = {}
    for part in raw.split(b"&"):
        raw_name, equals, raw_value = part.partition(b"=")
        if not equals:
            raise MalformedMessage("activesync", "query", "a part without '='", _SOURCE)
        name = _NAME_AS_DOCUMENTED.get(raw_name) or _known_name(raw_name)
        if name in values:
            raise MalformedMessage("activesync", name, "given more than once", _SOURCE)
        values[name] = _unescape(name, raw_value)
    return values


def encode_plain(parameters: Iterable[tuple[str, str]]) -> bytes:
    """The query that says exactly `parameters`; everything but unreserved characters is percent-encoded."""
    return "&".join(f"{name}={urllib.parse.quote(value, safe='')}" for name, value in parameters).encode(
        "ascii"
    )


def _known_name(raw: bytes) -> str:
    folded = _unescape("parameter name", raw).lower()
    if folded not in _NAME_BY_FOLDED:
        raise MalformedMessage("activesync", "query", f"unknown parameter {folded[:32]!a}", _SOURCE)
    return _NAME_BY_FOLDED[folded]


def _unescape(field: str, raw: bytes) -> str:
    if _LITERAL_TEXT.fullmatch(raw):
        return decode_text(field, raw)
    if not _ESCAPED_TEXT.fullmatch(raw):
        raise MalformedMessage(
            "activesync", field, "a character or escape that may not stand in a query", "RFC 3986 3.4"
        )
    decoded = urllib.parse.unquote_to_bytes(raw.replace(b"+", b" "))
    if _LEFT_OVER_ESCAPE.search(decoded):
        raise MalformedMessage("activesync", field, "percent-encoded twice", "RFC 3986 2.4")
    return decode_text(field, decoded)
