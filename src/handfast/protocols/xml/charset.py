"""In which characters an XML document is written, where byte order mark, XML declaration and Content-Type must agree.

Two readers that choose different characters for the same bytes see different documents. So nobody is believed over
another: what speaks must say the same, and only four charsets are known. Bytes that are all ASCII are the same text in
three of them; there a disagreement is harmless, and common (observed: text/xml; charset=us-ascii around a UTF-8 declaration).

Source: RFC 7303 3; XML 1.0 4.3.3 and appendix F.
"""

from __future__ import annotations

import re

from handfast.protocols.errors import MalformedMessage

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_UNMARKED = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))
_NAMES = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "us-ascii",
    "ascii": "us-ascii",
    "iso-8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
_WIDE = frozenset({"utf-16", "utf-16-le", "utf-16-be"})
_CHARSET_RE = re.compile(rb';\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]*))', re.IGNORECASE)
_DECLARATION_RE = re.compile(
    r"<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:\"1\.0\"|'1\.0')"
    r"(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:\"([A-Za-z0-9._-]{1,40})\"|'([A-Za-z0-9._-]{1,40})'))?"
    r"(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:\"(?:yes|no)\"|'(?:yes|no)'))?[ \t\r\n]*\?>"
)
_MAX_DECLARATION_CHARACTERS = 200
_SOURCE = "RFC 7303 3"


def decode_document(data: bytes, content_type: bytes = b"") -> str:
    """The document's characters, without byte order mark and XML declaration.

    Raises: MalformedMessage for an unknown or contradicted charset, and for bytes that are not of it.
    """
    mark, marked = _marked(data)
    body = data[len(mark) :]
    asked = _of_content_type(content_type)
    if marked is None and asked in _WIDE and asked != "utf-16":
        marked = asked
    reading = marked or "iso-8859-1"  # every ASCII-like charset reads the declaration alike
    declared, declaration = _declared(_decode(body[: 4 * _MAX_DECLARATION_CHARACTERS], reading, cut=True))
    charset = _agreed(marked, declared, asked, is_ascii=body.isascii())
    return _decode(body, charset)[len(declaration) :]


def _marked(data: bytes) -> tuple[bytes, str | None]:
    """The byte order mark, and the charset that the first bytes prove, None for something like ASCII."""
    for mark, charset in _BOMS:
        if data.startswith(mark):
            return mark, charset
    return b"", next((charset for start, charset in _UNMARKED if data.startswith(start)), None)


def _of_content_type(content_type: bytes) -> str | None:
    found = _CHARSET_RE.findall(content_type)
    if not found:
        return None
    if len(found) > 1:
        raise _refused("Content-Type", "names its charset twice")
    return _known(next(filter(None, found[0]), b"").decode("latin-1"), "Content-Type")


def _declared(text: str) -> tuple[str | None, str]:
    """The charset of the XML declaration, and the declaration itself, both empty without one."""
    if not text.startswith("<?xml") or text[5:6].isalnum():
        return None, ""
    match = _DECLARATION_RE.match(text)
    if match is None:
        raise _refused("declaration", "is not one of XML 1.0")
    name = match[1] or match[2]
    return (_known(name, "declaration") if name else None), match[0]


def _known(name: str, field: str) -> str:
    try:
        return _NAMES[name.strip().lower()]
    except KeyError:
        raise _refused(field, f"unknown charset {name[:40]!r}") from None


def _agreed(marked: str | None, declared: str | None, asked: str | None, *, is_ascii: bool) -> str:
    """The one charset that all who speak mean."""
    said = [charset for charset in (marked, declared, asked) if charset]
    if marked in _WIDE:
        if any(charset not in (marked, "utf-16") for charset in said):
            raise _refused("charset", "byte order, declaration and Content-Type differ")
        return marked or ""
    if _WIDE.intersection(said):
        raise _refused("charset", "said to be UTF-16 and is not")
    if is_ascii:
        return "us-ascii"
    if len(set(said)) > 1:
        raise _refused("charset", "byte order mark, declaration and Content-Type differ")
    return said[0] if said else "utf-8"


def _decode(data: bytes, charset: str, *, cut: bool = False) -> str:
    """`cut` says that the last character may be incomplete."""
    try:
        return data.decode(charset, "ignore" if cut else "strict")
    except UnicodeDecodeError as error:
        raise _refused("document", f"not {charset} at byte {error.start}") from None


def _refused(field: str, problem: str) -> MalformedMessage:
    return MalformedMessage("xml", field, problem, _SOURCE)
