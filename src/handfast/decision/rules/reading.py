"""A request target as the most forgiving of servers might read it: to recognise an attack, never to serve a request.

What is served is read strictly and once (`protocols.http1.target`). This reading undoes whatever anybody is known to
undo (several rounds of percent-decoding, `%uXXXX`, overlong and full-width letters, backslashes, path parameters, dot
segments, trailing dots, stream names), so that one rule names an attack however it is dressed up.
"""

from __future__ import annotations

import re

MAX_TARGET_CHARACTERS = 2048
MAX_ROUNDS = 4

_ESCAPE_RE = re.compile(r"%u([0-9a-f]{4})|%([0-9a-f]{2})")
_OVERLONG = {"%c0%af": "/", "%c1%9c": "/", "%c0%2f": "/", "%c0%ae": ".", "%c1%8e": "."}
_OVERLONG_RE = re.compile("|".join(_OVERLONG))
_FULL_WIDTH_RE = re.compile(r"\xef(?:\xbc[\x81-\xbf]|\xbd[\x80-\x9e])")
_PARAMETER_RE = re.compile(r";[^/?]*")
_ORIGIN_RE = re.compile(r"\Ahttps?://[^/?#]*")
_STREAM_RE = re.compile(r"::?\$[a-z0-9_]+")
_SEPARATORS_RE = re.compile(r"[/\\]+")


def forgiving_reading(target: str) -> str:
    """Path, and query after `?`, in lower case with every disguise taken off. Bounded in length and rounds."""
    path, mark, query = _unescaped(target[:MAX_TARGET_CHARACTERS].lower()).partition("?")
    return _plain_path(path) + mark + _SEPARATORS_RE.sub("/", query)


def raw_path(target: str) -> str:
    """The path as sent, in lower case, without origin and query: to recognise the disguises themselves."""
    return _ORIGIN_RE.sub("", target[:MAX_TARGET_CHARACTERS].lower()).partition("?")[0]


def _unescaped(text: str) -> str:
    for _ in range(MAX_ROUNDS):
        before, text = (
            text,
            _ESCAPE_RE.sub(_letter, _OVERLONG_RE.sub(lambda match: _OVERLONG[match[0]], text)),
        )
        text = _FULL_WIDTH_RE.sub(_narrow_bytes, text).lower()
        if text == before:
            break
    return text


def _letter(escape: re.Match[str]) -> str:
    code = int(escape[1] or escape[2], 16)
    if 0xFF01 <= code <= 0xFF5E:
        code -= 0xFEE0
    return chr(code) if code < 0x100 else "?"


def _narrow_bytes(found: re.Match[str]) -> str:
    """A full-width letter in UTF-8 (U+FF01 to U+FF5E), decoded byte by byte before."""
    high, low = ord(found[0][1]) & 0x3F, ord(found[0][2]) & 0x3F
    return chr((0xF000 | high << 6 | low) - 0xFEE0)


def _plain_path(path: str) -> str:
    segments: list[str] = []
    for segment in _SEPARATORS_RE.split(_PARAMETER_RE.sub("", _ORIGIN_RE.sub("", path))):
        if segment == "..":
            del segments[-1:]
            continue
        name = _STREAM_RE.sub("", segment).strip(". \t\x00\r\n")
        if name:
            segments.append(name)
    return "/" + "/".join(segments)
