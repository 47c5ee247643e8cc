"""The Content-Type of a SOAP message: XML, and in one charset that nobody can read in two ways.

A server that believes `charset` and one that believes the document's first bytes see different messages where the two
differ, so only charsets are taken in which both see the same: UTF-8, and US-ASCII, which is part of it. A message in MTOM
parts (`multipart/related`) or binary XML is none that this can read, and is refused as well.

Source: RFC 9110 8.3, RFC 7303 9.1, RFC 3902 (application/soap+xml), RFC 6532 and WS-I BP 1.1 R1018 on charsets.
"""

from __future__ import annotations

import re

from handfast.protocols.errors import MalformedMessage

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"[\t\x20\x21\x23-\x5b\x5d-\x7e]*"'
_PARAMETER_RE = re.compile(rb"[ \t]*;[ \t]*(?:(" + _TOKEN + rb")=(" + _TOKEN + rb"|" + _QUOTED + rb"))?")
_TYPE_RE = re.compile(rb"(" + _TOKEN + rb"/" + _TOKEN + rb")")
_TYPES = frozenset({b"text/xml", b"application/xml", b"application/soap+xml"})
_CHARSETS = frozenset({b"utf-8", b"us-ascii"})


def check_content_type(value: bytes | None) -> bytes:
    """The charset that a SOAP message announces, b"utf-8" where it announces none; lower case.

    Raises: MalformedMessage, with status 415, for anything but XML in UTF-8 or US-ASCII.
    """
    match = _TYPE_RE.match(value or b"")
    if match is None or match[1].lower() not in _TYPES:
        raise _refused("is no XML")
    assert value is not None
    charset, position = b"utf-8", match.end()
    seen: set[bytes] = set()
    while position < len(value):
        parameter = _PARAMETER_RE.match(value, position)
        if parameter is None:
            raise _refused("is no list of parameters")
        position = parameter.end()
        name = (parameter[1] or b"").lower()
        if name and name in seen:
            raise _refused("names a parameter twice")
        seen.add(name)
        if name == b"charset":
            charset = parameter[2].strip(b'"').lower()
    if charset not in _CHARSETS:
        raise _refused(f"a charset that is not read here: {charset[:40]!a}")
    return charset


def _refused(problem: str) -> MalformedMessage:
    return MalformedMessage("soap", "Content-Type", problem, "RFC 9110 8.3", status=415)
