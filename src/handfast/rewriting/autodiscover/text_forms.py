"""The forms in which a client might read the same text: unescaped, decoded, with look-alike characters made plain.

A name that is hidden behind an encoding is a leak like any other: some client, or some person, decodes it.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

MAX_ROUNDS = 6
"""Encodings within encodings that are undone. No answer of Exchange has more than two."""

_ENCODED_RE = re.compile(r"%[0-9a-f]{2}|&(?:#|[a-z])|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}")
_ESCAPE_RE = re.compile(r"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})")
_INVISIBLE_RE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": ".", "\u2024": ".", "\ufe52": "."})
_BASE64_RE = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{8,}={0,2}(?![A-Za-z0-9+/_=-])")
_PRINTABLE_RE = re.compile(rb"[\t\r\n\x20-\x7e]+")
_PRINTABLE_UTF_16_RE = re.compile(rb"(?:[\t\r\n\x20-\x7e]\0)+")


def forms_of(text: str) -> Iterator[str]:
    """`text` folded, then each further form, every one in lower case with plain dots.

    Raises: ValueError where the encodings do not come to an end: what that means nobody knows.
    """
    folded = fold_text(text)
    yield folded
    yield from _decoded_base64(text)
    for _ in range(MAX_ROUNDS):
        if not _ENCODED_RE.search(folded):
            return
        decoded = fold_text(_decode_once(folded))
        if decoded == folded:
            return
        yield decoded
        folded = decoded
    raise ValueError("encodings within encodings")


def fold_text(text: str) -> str:
    """Lower case, compatibility characters made plain (full-width letters, one-dot leaders), invisible ones dropped."""
    if text.isascii():
        return text.lower()
    return (
        unicodedata.normalize("NFKC", _INVISIBLE_RE.sub("", text).translate(_DOTS))
        .casefold()
        .translate(_DOTS)
    )


def _decode_once(text: str) -> str:
    """Percent-encoding, character references, and the escapes of JSON and C."""
    plain = html.unescape(unquote(text, errors="replace"))
    return _ESCAPE_RE.sub(lambda match: chr(int(match[1] or match[2], 16)), plain)


def _decoded_base64(text: str) -> Iterator[str]:
    """What words that decode to plain text say. A GUID or a word of prose decodes to noise, and is no text."""
    for word in _BASE64_RE.findall(text):
        if word in (word.lower(), word.upper()):  # a GUID, a word: what a name encodes to has both cases
            continue
        bare = word.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            decoded = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        if _PRINTABLE_RE.fullmatch(decoded):
            yield fold_text(decoded.decode("ascii"))
        elif _PRINTABLE_UTF_16_RE.fullmatch(decoded):
            yield fold_text(decoded.decode("utf-16-le"))
