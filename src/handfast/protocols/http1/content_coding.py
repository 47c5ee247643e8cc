"""Content codings of whole bodies, undone within a limit. Source: RFC 9110 8.4.1, RFC 1950 to 1952.

Only `gzip` and `deflate` are known, and one of them at a time. What is decoded is counted while it grows, so that some
bytes which stand for gigabytes cost no more than the limit.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from handfast.protocols.errors import MalformedMessage

_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_SOURCE = "RFC 9110 8.4"


def decode_content(body: bytes, codings: Sequence[bytes], max_bytes: int) -> bytes:
    """The body without its content coding; `codings` are the values of all Content-Encoding fields.

    Raises: MalformedMessage for another coding or several, a body that is broken, cut, or followed by more, and one
    of more than `max_bytes` when decoded.
    """
    coding = _coding(codings)
    if len(body) > max_bytes and coding == b"identity":
        raise _refused(f"longer than {max_bytes} bytes")
    if coding == b"identity" or not body:
        return body
    if coding == b"gzip":
        return _inflate(body, _GZIP_WINDOW, max_bytes)
    return _inflate(body, _ZLIB_WINDOW if _is_zlib(body) else _RAW_WINDOW, max_bytes)


def is_coded(codings: Sequence[bytes]) -> bool:
    """Whether a body has to be decoded before it can be read; `codings` are the values of all Content-Encoding fields.

    A coding's name has no case, and `identity` is none. Source: RFC 9110 8.4.1, 12.5.3.
    """
    return any(coding.strip().lower() != b"identity" for coding in codings)


def _coding(codings: Sequence[bytes]) -> bytes:
    """The one coding that was used."""
    if not codings:
        return b"identity"
    name = codings[0].strip().lower().removeprefix(b"x-")
    if len(codings) > 1 or name not in (b"gzip", b"deflate", b"identity"):
        raise _refused(f"only gzip and deflate are known, not {b', '.join(codings)[:60]!a}")
    return name


def _is_zlib(body: bytes) -> bool:
    """Whether `deflate` stands in its zlib wrapping, as it should; some servers send it bare. Source: RFC 1950 2.2."""
    return body[0] & 0x0F == 8 and len(body) > 1 and int.from_bytes(body[:2], "big") % 31 == 0


def _inflate(body: bytes, window: int, max_bytes: int) -> bytes:
    decoder = zlib.decompressobj(window)
    try:
        decoded = decoder.decompress(body, max_bytes + 1)
    except zlib.error:
        raise _refused("the body is broken") from None
    if len(decoded) > max_bytes:
        raise _refused(f"longer than {max_bytes} bytes when decoded")
    if not decoder.eof:
        raise _refused("the body is cut off")
    if decoder.unused_data:
        raise _refused("something follows the body")
    return decoded


def _refused(problem: str) -> MalformedMessage:
    return MalformedMessage("http", "Content-Encoding", problem, _SOURCE)
