"""Text inside a query: strict UTF-8 without control characters, of bounded length."""

from __future__ import annotations

import re

from handfast.protocols.errors import MalformedMessage

# Search's LongId is the longest value real clients send (some 200 characters); attachment names follow.
MAX_VALUE_BYTES = 1024

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def decode_text(field: str, raw: bytes) -> str:
    """`raw` as text. Raises: MalformedMessage for overlong or broken UTF-8, control characters, too many bytes."""
    if len(raw) > MAX_VALUE_BYTES:
        raise MalformedMessage("activesync", field, f"longer than {MAX_VALUE_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedMessage(
            "activesync", field, f"not UTF-8 at byte {error.start}", "RFC 3629 3"
        ) from None
    if _CONTROL.search(text):
        raise MalformedMessage("activesync", field, "a control character")
    return text
