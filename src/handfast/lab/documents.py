"""XML as the laboratory reads and writes it: one strict parser, and builders whose calls look like the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from lxml import etree

Node = etree._Element  # noqa: SLF001 - lxml's public name for an element is a function
Content = Node | str | None
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


class BadDocument(ValueError):
    """What arrived is no XML document this laboratory accepts."""


def read_document(body: bytes) -> Node:
    """The root element. Entities, document types and the network are never touched. Raises: BadDocument."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadDocument(str(error)) from None
    if b"<!DOCTYPE" in body or root.getroottree().docinfo.internalDTD is not None:
        raise BadDocument("a document type")
    return root


Prefixes = Mapping[str | None, str]


def builder(namespace: str, prefixes: Prefixes) -> Callable[..., Node]:
    """A function `(name, *content, **attributes)` that makes elements of one namespace.

    Content is text, elements, or None, which is left out.
    """

    def build(name: str, /, *content: Content, **attributes: str) -> Node:
        tag = f"{{{namespace}}}{name}" if namespace else name
        element = etree.Element(tag, attributes, nsmap=cast("Mapping[str, str]", prefixes))
        for part in content:
            if isinstance(part, str):
                element.text = (element.text or "") + part
            elif part is not None:
                element.append(part)
        return element

    return build


def local_name(node: Node) -> str:
    """The name without its namespace."""
    return etree.QName(node).localname


def find(node: Node, *path: str) -> Node | None:
    """The first descendant along local names, whatever their namespaces."""
    for name in path:
        following = next((child for child in node if local_name(child) == name), None)
        if following is None:
            return None
        node = following
    return node


def text_at(node: Node, *path: str) -> str:
    """Text of the first descendant along local names, "" without one."""
    found = find(node, *path)
    return (found.text or "").strip() if found is not None else ""


def is_true(text: str) -> bool:
    """A value of xs:boolean; clients write it in either way."""
    return text.lower() in ("true", "1")


def children(node: Node | None) -> list[Node]:
    """The child elements, none for None."""
    return [] if node is None else list(node)
