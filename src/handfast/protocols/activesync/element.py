"""One element of an ActiveSync body: what XML would show, without the XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from handfast.protocols.errors import MalformedMessage

UINT32_MAX = 2**32 - 1
_DIGITS = re.compile("[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Element:
    """An element with children, or text, or opaque bytes, or nothing; never two of these.

    `page` is the code page's name ("AirSync"), which is the XML namespace, `name` the tag ("SyncKey"). `text` None is an
    empty element, "" an empty string inside one. `opaque` keeps out of the representation: it holds whole mails.
    """

    page: str
    name: str
    children: tuple[Element, ...] = ()
    text: str | None = None
    opaque: bytes | None = field(default=None, repr=False)

    def all(self, name: str) -> Iterator[Element]:
        """The children of that name, in order."""
        return (child for child in self.children if child.name == name)

    def first(self, *path: str) -> Element | None:
        """The first descendant along `path`, taking the first child of each name; None where it ends early."""
        found: Element | None = self
        for name in path:
            found = next(found.all(name), None) if found else None
        return found

    def text_at(self, *path: str) -> str:
        """The text of the first descendant along `path`; "" without one."""
        found = self.first(*path)
        return (found.text or "") if found else ""

    def number_at(self, *path: str, largest: int = UINT32_MAX) -> int | None:
        """The number from 0 to `largest` along `path`; None without the element or where it is empty.

        Raises: MalformedMessage for anything but up to ten ASCII digits, and above `largest`.
        """
        text = self.text_at(*path)
        if not text:
            return None
        if not _DIGITS.fullmatch(text) or int(text) > largest:
            raise MalformedMessage("activesync", (self.name, *path)[-1], f"not a number from 0 to {largest}")
        return int(text)


def leaf(page: str, name: str, value: str | int) -> Element:
    """The element with `value` as its text."""
    return Element(page, name, text=str(value))
