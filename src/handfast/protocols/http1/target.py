"""The request target, decoded once and strictly, so that nobody behind us can find another path in it.

What does not survive a strict reading is refused, not repaired: encoded slashes and percent signs, backslashes, dot
segments, empty segments, parameters, and anything that is not ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from handfast.protocols.errors import MalformedMessage

_PLAIN_RE = re.compile(rb"/|(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~!$&'()*+,=:@-]++)++/?+")
_ENCODED_RE = re.compile(rb"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE_RE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ABSOLUTE_RE = re.compile(rb"([A-Za-z]+)://([^/?#]*)(.*)", re.DOTALL)
_DECODED_RE = re.compile(rb"/|(?:/(?!\.{1,2}(?:/|\Z))[\x20-\x2e\x30-\x3a\x3c-\x5b\x5d-\x7e]++)++/?+")
_QUERY_RE = re.compile(rb"[\x21\x22\x24-\x7e]*")


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """`path` is decoded and lower-case, for matching alone; `query` is as sent, None where there is no `?`."""

    path: str
    query: bytes | None


def parse_target(target: bytes, host: bytes) -> RequestTarget:
    """Splits and decodes a target in origin-form, or in absolute-form where it names `host` (lower-case Host field).

    Raises: MalformedMessage. Source: RFC 9112 3.2.
    """
    if not target.startswith(b"/"):
        target = _origin_form(target, host)
    raw_path, mark, query = target.partition(b"?")
    if mark and not _QUERY_RE.fullmatch(query):
        raise _refused("query", "holds a character no query has")
    return RequestTarget(_decode_path(raw_path), query if mark else None)


def _origin_form(target: bytes, host: bytes) -> bytes:
    match = _ABSOLUTE_RE.fullmatch(target)
    if match is None or match[1].lower() not in (b"http", b"https"):
        raise _refused("target", "is neither a path nor an http or https URL")
    if match[2].lower() != host:
        raise _refused("target", "names another host than Host")
    rest = match[3]
    return rest if rest.startswith(b"/") else b"/" + rest


def _decode_path(raw: bytes) -> str:
    if _PLAIN_RE.fullmatch(raw):
        return raw.decode("ascii").lower()
    if b"#" in raw:
        raise _refused("path", "holds a fragment")
    if _BAD_ESCAPE_RE.search(raw):
        raise _refused("path", "a percent sign without two hexadecimal digits")
    for escape in _ENCODED_RE.findall(raw):
        code = int(escape, 16)
        if code < 0x20 or code >= 0x7F or code in b"/\\%":
            raise _refused(
                "path", "encodes a slash, a percent sign, a control character or something not ASCII"
            )
    decoded = _ENCODED_RE.sub(lambda match: bytes([int(match[1], 16)]), raw)
    if not _DECODED_RE.fullmatch(decoded):
        raise _refused("path", "holds a dot segment, an empty segment, a backslash or a parameter")
    return decoded.decode("ascii").lower()


def _refused(name: str, problem: str) -> MalformedMessage:
    return MalformedMessage("http", name, problem, "RFC 9112 3.2")
