"""Questions that every reader of an XML message asks its elements."""

from __future__ import annotations

from lxml import etree

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import XmlElement


def local_name(element: XmlElement) -> tuple[str, str]:
    """Namespace ("" for none) and name of an element."""
    namespace, brace, name = str(element.tag).rpartition("}")
    return namespace[1:] if brace else "", name


def text_of(element: XmlElement) -> str:
    """The text of an element without children, without surrounding white space.

    Raises: MalformedMessage where there are children.
    """
    if len(element):
        raise MalformedMessage("xml", local_name(element)[1][:40], "has elements where text is expected")
    return (element.text or "").strip()


def only_children(element: XmlElement, namespace: str, names: frozenset[str]) -> dict[str, XmlElement]:
    """The children by name: each of `namespace` and `names`, none twice, no text between them.

    Raises: MalformedMessage.
    """
    found: dict[str, XmlElement] = {}
    parent = local_name(element)[1][:40]
    if has_loose_text(element):
        raise MalformedMessage("xml", parent, "has text among its elements")
    for child in element:
        of, name = local_name(child)
        if of != namespace or name not in names:
            raise MalformedMessage("xml", parent, f"has an unknown element {name[:40]!r}")
        if name in found:
            raise MalformedMessage("xml", parent, f"has {name} twice")
        found[name] = child
    return found


def has_loose_text(element: XmlElement) -> bool:
    """Whether text that is no white space stands among an element's children. False for one without children."""
    return bool(len(element)) and any(
        piece and not piece.isspace() for piece in (element.text, *(child.tail for child in element))
    )


def attributes_of(element: XmlElement) -> list[tuple[str, str]]:
    """Names, "{namespace}name" where they have one, and values."""
    return [(str(key), str(value)) for key, value in element.attrib.items()]


def build_element(namespace: str, name: str, *children: XmlElement, text: str | None = None) -> XmlElement:
    """A new element whose namespace is the default one."""
    element = etree.Element(etree.QName(namespace, name), nsmap={None: namespace})  # type: ignore[dict-item]  # lxml-stubs lack the default namespace
    element.text = text
    element.extend(children)
    return element
