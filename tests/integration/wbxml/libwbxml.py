"""libwbxml's two programs as functions, and the difference in spelling between its tables and ours."""

from __future__ import annotations

import base64
import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

from handfast.protocols.activesync.code_pages import TAG_BY_TOKEN, TOKEN_BY_TAG
from handfast.protocols.activesync.element import Element

_SAID = json.loads((Path(__file__).parents[2] / "vectors" / "activesync" / "libwbxml_names.json").read_text())
_DOCTYPE = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<!DOCTYPE ActiveSync PUBLIC "-//MICROSOFT//DTD ActiveSync//EN" "http://www.microsoft.com/">'
)
# What the library shows as Base64, because its content is bytes; other opaque content it shows as it is.
BYTE_ARRAYS = frozenset(
    [
        ("AirSyncBase", "Content"),
        ("ComposeMail", "Mime"),
        ("Email2", "ConversationId"),
        ("Email2", "ConversationIndex"),
        ("GAL", "Data"),
        ("ItemOperations", "ConversationId"),
        ("ResolveRecipients", "Data"),
        ("Search", "ConversationId"),
    ]
)


def _namespace(page: str) -> str:
    return _SAID["namespaces"].get(page, page + ":")


def spelling(page: str, tag: str) -> str:
    """The library's name for a tag, "unknown" where it has none."""
    if page in _SAID["unknown_pages"]:
        return "unknown"
    return _SAID["pages"].get(page, {}).get(tag, tag)


KNOWN_TAGS = sorted(tag for tag in TOKEN_BY_TAG if spelling(*tag) != "unknown")
_OURS = {(_namespace(page), spelling(page, tag)): (page, tag) for page, tag in KNOWN_TAGS}
UNKNOWN_TOKENS = {token for token in TAG_BY_TOKEN if token not in {TOKEN_BY_TAG[tag] for tag in KNOWN_TAGS}}


def wbxml2xml(document: bytes) -> ET.Element:
    """What the library reads in a document."""
    return ET.fromstring(_run(["wbxml2xml", "-k", "-m", "0", "-l", "ACTIVESYNC", "-o", "-", "-"], document))


def xml2wbxml(element: Element) -> bytes:
    """The document that the library writes for the XML of `element`."""
    source = _DOCTYPE + ET.tostring(to_xml(element), encoding="unicode")
    return _run(["xml2wbxml", "-n", "-a", "-k", "-v", "1.3", "-o", "-", "-"], source.encode())


def to_xml(element: Element) -> ET.Element:
    """The XML of an element in the library's spelling."""
    node = ET.Element(f"{{{_namespace(element.page)}}}{spelling(element.page, element.name)}")
    node.text = base64.b64encode(element.opaque).decode() if element.opaque else element.text
    node.extend(map(to_xml, element.children))
    return node


def from_xml(node: ET.Element) -> Element:
    """The element that XML in the library's spelling shows."""
    namespace, _, name = node.tag[1:].partition("}")
    page, tag = _OURS[namespace, name]
    if (page, tag) in BYTE_ARRAYS and node.text:
        return Element(page, tag, opaque=base64.b64decode(node.text))
    return Element(page, tag, tuple(map(from_xml, node)), node.text)


def _run(command: list[str], data: bytes) -> bytes:
    done = subprocess.run(command, input=data, capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace") + repr(data[:200])
    return done.stdout
