"""XML documents as trees, and back to bytes.

libxml2 builds the tree, but it is shown only what is harmless: the characters are decoded and the XML declaration cut
off before (see `charset`), a document type or a processing instruction ends the reading, and what could cost more than
its bytes are worth (elements, attributes, namespaces, depth) is counted first. Without a document type no entity can be
declared, so none but the five of XML itself are known, and there is nothing left that could point to a file or a network.

Comments are dropped and CDATA becomes text: `ex<!-- -->1` is read as "ex1".

Source: XML 1.0 2.8 (prolog), 4.6 (the predefined entities).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import Final

from lxml import etree

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.charset import decode_document

XmlElement = etree._Element  # noqa: SLF001 - the public name of the type is this one
"""An element of the tree. `tag` is "{namespace}name"; there are no comments, instructions or entities among its children."""


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """What a document may have. The defaults hold every Autodiscover message with room to spare.

    Attributes:
        max_bytes: size as sent.
        max_depth: levels of elements, the document element being the first; at most 200, below libxml2's own limit.
        max_elements: elements, text runs, comments and CDATA sections together, near enough.
        max_attributes: attributes and namespace declarations of one element.
        max_namespaces: namespace declarations of the whole document.
    """

    max_bytes: int = 1024 * 1024
    max_depth: int = 40
    max_elements: int = 20_000
    max_attributes: int = 32
    max_namespaces: int = 1_000


DEFAULT_LIMITS: Final = XmlLimits()

_SPACE = "[ \\t\\r\\n]"
_PROLOG_RE = re.compile(rf"(?:{_SPACE}++|<!--(?:[^-]|-(?!-))*+-->)*+")
_FORBIDDEN_RE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def parse_xml(data: bytes, *, content_type: bytes = b"", limits: XmlLimits = DEFAULT_LIMITS) -> XmlElement:
    """The document element. `content_type` is the message's field, whose charset has to agree with the document's own.

    Raises: MalformedMessage, for what is not well-formed with namespaces, and for anything above `limits`.
    """
    if len(data) > limits.max_bytes:
        raise _refused("document", f"longer than {limits.max_bytes} bytes")
    text = decode_document(data, content_type)
    _check_characters(text)
    _check_prolog(text)
    _check_counts(text, limits)
    root = _build(text)
    _check_tree(root, limits)
    return root


def serialise_xml(root: XmlElement) -> bytes:
    """The document in UTF-8 with its XML declaration."""
    body: bytes = etree.tostring(root, encoding="utf-8")
    declared = b"<?xml version='1.0' encoding='utf-8'?>"
    body = body.removeprefix(declared).lstrip()
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + body


def _check_characters(text: str) -> None:
    """No control characters: libxml2 has ended documents at a NUL."""
    match = _FORBIDDEN_RE.search(text)
    if match is not None:
        raise _refused("document", f"character U+{ord(match[0]):04X} at {match.start()}", "XML 1.0 2.2")


def _check_prolog(text: str) -> None:
    """Nothing but comments before the document element. A document type can stand nowhere else."""
    end = _PROLOG_RE.match(text).end()  # type: ignore[union-attr]  # it matches the empty string too
    following = text[end : end + 2]
    if following == "<!":
        raise _refused("prolog", "a document type", "XML 1.0 2.8")
    if following == "<?":
        raise _refused("prolog", "a processing instruction", "XML 1.0 2.6")
    if not following.startswith("<"):
        raise _refused("prolog", "no document element", "XML 1.0 2.1")


def _check_counts(text: str, limits: XmlLimits) -> None:
    """Bounds the work before the tree exists; each count is at least what it stands for."""
    # An element has two "<" at most.
    if text.count("<") > 2 * limits.max_elements:
        raise _refused("document", f"more than {limits.max_elements} elements")
    if text.count("xmlns") > limits.max_namespaces:
        raise _refused("document", f"more than {limits.max_namespaces} namespace declarations")
    if _crowded_re(limits.max_attributes).search(text):
        raise _refused("element", f"more than {limits.max_attributes} attributes")


def _crowded_re(max_attributes: int) -> re.Pattern[str]:
    """A start tag with too many quoted values. An old libxml2 compares each attribute with each other one.

    Every repetition is possessive and ends at the next "<", so a search costs each character once. `re` keeps it compiled.
    """
    values = "(?:\"[^\"<]*+\"|'[^'<]*+')"
    return re.compile(rf"<[^<>\"'!?/]*+(?:{values}[^<>\"']*+){{{max_attributes + 1}}}")


def _build(text: str) -> XmlElement:
    parser = etree.XMLParser(
        encoding="utf-8",
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        resolve_entities=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        collect_ids=False,
    )
    try:
        return etree.fromstring(text.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        problem = str(error.msg).encode("ascii", "backslashreplace").decode("ascii")[:120]
        raise _refused("document", f"not well-formed: {problem}") from None


def _check_tree(root: XmlElement, limits: XmlLimits) -> None:
    """No document type, no instruction, no unresolved entity, no element too deep."""
    if root.getroottree().docinfo.internalDTD is not None:  # pragma: no cover - the prolog has been checked
        raise _refused("prolog", "a document type", "XML 1.0 2.8")
    if any(True for _ in chain(root.iter(etree.PI, etree.Entity), root.itersiblings())):
        raise _refused("document", "a processing instruction", "XML 1.0 2.6")
    if root.xpath("/*" * (limits.max_depth + 1) + "[1]"):
        raise _refused("document", f"deeper than {limits.max_depth} levels")


def _refused(field: str, problem: str, source: str = "") -> MalformedMessage:
    return MalformedMessage("xml", field, problem, source)
