"""A query of `name=value` pairs, read so that nobody behind us can find another pair in it.

Servers differ in what they make of odd queries: the first or the last of two equal names, `;` as a separator, a second
round of percent-decoding, a pair without `=`. Every form on which two readers could disagree is refused here. Values
stay within printable ASCII without white space: none of those this product publishes needs more.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable

from handfast.protocols.errors import MalformedMessage

MAX_QUERY_BYTES = 1024
MAX_PAIRS = 16

_PAIR_RE = re.compile(rb"([A-Za-z0-9]{1,64})=((?:[A-Za-z0-9._~!$'()*+,:@/-]|%[0-9A-Fa-f]{2})*+)")
_VALUE_RE = re.compile(rb"[\x21-\x24\x26-\x7e]*+")
_SOURCE = "RFC 3986 3.4"


def parse_pairs(raw: bytes) -> dict[str, str]:
    """The pairs by lower-case name, in the order they came; {} for b"". A `+` stands for itself.

    Raises: MalformedMessage.
    """
    if not raw:
        return {}
    if len(raw) > MAX_QUERY_BYTES or raw.count(b"&") >= MAX_PAIRS:
        raise _refused(f"longer than {MAX_QUERY_BYTES} bytes or {MAX_PAIRS} pairs")
    pairs: dict[str, str] = {}
    for item in raw.split(b"&"):
        match = _PAIR_RE.fullmatch(item)
        if match is None:
            raise _refused("holds something that is no name=value of plain characters")
        name = match[1].decode("ascii").lower()
        if name in pairs:
            raise _refused("gives one name twice")
        pairs[name] = _decoded(match[2])
    return pairs


def encode_pairs(pairs: Iterable[tuple[str, str]]) -> bytes:
    """The query that says exactly this. All but unreserved characters and `@` are percent-encoded."""
    return "&".join(f"{name}={urllib.parse.quote(value, safe='@')}" for name, value in pairs).encode("ascii")


def _decoded(raw: bytes) -> str:
    value = urllib.parse.unquote_to_bytes(raw)
    if not _VALUE_RE.fullmatch(value):
        raise _refused("encodes a percent sign, white space, a control character or something not ASCII")
    return value.decode("ascii")


def _refused(problem: str) -> MalformedMessage:
    return MalformedMessage("http", "query", problem, _SOURCE)
