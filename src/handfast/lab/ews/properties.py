"""Properties of folders and items by their paths: named ones (`item:Subject`) and MAPI ones (tag 0x0E23).

Source: MS-OXWSCDATA 2.2.5.4 (paths), 2.2.4.41 (shapes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from handfast.lab.documents import Node, children, find, is_true, local_name, text_at
from handfast.lab.ews.answers import t

Value = str | Node
Property = Callable[[], Value]


@dataclass(frozen=True, slots=True)
class Record:
    """A folder or an item as clients see it.

    `element` is its element's name, `identity` its FolderId or ItemId. `properties` are made when asked for; a MAPI
    property's path is `0x` and four hexadecimal digits, its value always a string. `default` are the paths of the
    shape Default.
    """

    element: str
    identity: Callable[[], Node]
    properties: Mapping[str, Property]
    default: frozenset[str] = frozenset()

    def text(self, path: str) -> str:
        """A property's value to compare, "" without one."""
        if path not in self.properties:
            return ""
        value = self.properties[path]()
        return value if isinstance(value, str) else "".join(str(part) for part in value.itertext())

    def shown(self, shape: Shape) -> Node:
        """The element, with the properties a request wants."""
        named = [path for path in self.properties if path in shape.paths or shape.takes(path, self.default)]
        nodes = [_named(path, self.properties[path]()) for path in named if ":" in path]
        extended = [
            t("ExtendedProperty", t("ExtendedFieldURI", **attributes), t("Value", self.text(path)))
            for path, attributes in shape.extended.items()
            if path in self.properties
        ]
        return t(self.element, self.identity(), *nodes, *extended)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a request wants to see of each result: a base shape and further paths."""

    base: str
    paths: frozenset[str]
    extended: Mapping[str, dict[str, str]]
    """MAPI properties by path, with the attributes they were asked for with: the answer repeats them."""

    def takes(self, path: str, default: frozenset[str]) -> bool:
        """Whether the base shape itself brings that named property."""
        if path == "item:MimeContent":
            return False  # It comes only where it is named. Source: MS-OXWSCORE 2.2.4.24.
        return ":" in path and (self.base == "AllProperties" or (self.base == "Default" and path in default))


def read_shape(request: Node) -> Shape:
    """The ItemShape, FolderShape or AttachmentShape of a request."""
    shape = next((child for child in children(request) if local_name(child).endswith("Shape")), None)
    if shape is None:
        return Shape("IdOnly", frozenset(), {})
    asked = children(find(shape, "AdditionalProperties"))
    paths = {path_of(node) for node in asked if local_name(node) != "ExtendedFieldURI"}
    if is_true(text_at(shape, "IncludeMimeContent")):
        paths.add("item:MimeContent")
    extended = {
        path_of(node): {str(name): str(value) for name, value in node.attrib.items()}
        for node in asked
        if local_name(node) == "ExtendedFieldURI"
    }
    return Shape(text_at(shape, "BaseShape") or "IdOnly", frozenset(paths), extended)


def path_of(node: Node) -> str:
    """The path that a FieldURI or ExtendedFieldURI element names; a MAPI property without tag keeps its own name."""
    if local_name(node) != "ExtendedFieldURI":
        return str(node.get("FieldURI", ""))
    tag = str(node.get("PropertyTag", ""))
    try:
        return f"0x{int(tag, 0):04X}"
    except ValueError:
        return f"{node.get('DistinguishedPropertySetId', '')}/{node.get('PropertyName') or node.get('PropertyId')}"


def _named(path: str, value: Value) -> Node:
    return value if not isinstance(value, str) else t(path.partition(":")[2], value)
