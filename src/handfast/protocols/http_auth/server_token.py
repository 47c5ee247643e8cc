"""The token by which a server proves itself, from the `WWW-Authenticate` of an answer it gave to a ticket.

Source: RFC 4559 5; RFC 9110 11.6.1.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.spnego.tokens import MAX_TOKEN_BYTES


def find_server_token(values: Sequence[bytes]) -> bytes | None:
    """The token of the one `Negotiate` value that has one, among all `WWW-Authenticate` values of an answer; or None.

    Raises: MalformedMessage (several tokens, broken base64, above 96 KiB).
    """
    found: bytes | None = None
    for value in values:
        scheme, _, rest = value.strip(b" \t").partition(b" ")
        encoded = rest.strip(b" \t")
        if scheme.lower() != b"negotiate" or not encoded:
            continue
        if found is not None:
            raise MalformedMessage("http", "WWW-Authenticate", "several Negotiate tokens", "RFC 4559 5")
        found = _decode(encoded)
    return found


def _decode(encoded: bytes) -> bytes:
    try:
        token = binascii.a2b_base64(encoded, strict_mode=True)
    except binascii.Error as error:
        raise MalformedMessage("http", "WWW-Authenticate", "is not base64", "RFC 4648 4") from error
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedMessage("http", "WWW-Authenticate", f"above {MAX_TOKEN_BYTES} bytes")
    return token
