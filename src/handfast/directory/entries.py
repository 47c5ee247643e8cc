"""One object as a search returned it, and what of its values is not plain: parts of long ones, names in the extended form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handfast.directory.values import PROTOCOL
from handfast.protocols.errors import MalformedMessage

# `<GUID=...>;<SID=S-1-5-21-...>;CN=...`; contacts and other objects without one have no SID.
_EXTENDED = re.compile(rb"<GUID=[0-9a-fA-F-]{32,36}>;(?:<SID=(S(?:-[0-9]{1,15}){2,17})>;|(?!<SID=))")
_RANGE = re.compile(r"([a-z0-9-]{1,128});range=([0-9]{1,9})-([0-9]{1,9}|\*)")


@dataclass(frozen=True, slots=True)
class Range:
    """Values are given in parts where there are many: this attribute's next part begins at `next_index`.

    Source: MS-ADTS 3.1.1.3.1.3.3.
    """

    attribute: str
    next_index: int


@dataclass(frozen=True, slots=True)
class Entry:
    """`values` by lower-case attribute name; an attribute the directory did not give is not in it. `ranges` are those of which
    it gave a first part only.
    """

    dn: str
    values: Mapping[str, Sequence[bytes]]
    ranges: tuple[Range, ...] = ()

    def first(self, attribute: str) -> bytes | None:
        """The attribute's one value; None without. Raises: MalformedMessage where there are several."""
        values = self.values.get(attribute.lower(), ())
        if len(values) > 1:
            raise MalformedMessage(PROTOCOL, attribute, "more than one value")
        return values[0] if values else None

    def require(self, attribute: str) -> bytes:
        """The attribute's one value. Raises: MalformedMessage."""
        value = self.first(attribute)
        if value is None:
            raise MalformedMessage(PROTOCOL, attribute, "not there, or not readable")
        return value


def build_entry(dn: str, given: Mapping[str, Sequence[bytes]]) -> Entry:
    """An entry of what a search returned: empty attributes left out, parts of long ones under their plain names."""
    values: dict[str, Sequence[bytes]] = {}
    ranges = []
    for name, some in given.items():
        if some:
            plain, part = _parse_option(name.lower())
            values[plain] = some
            ranges += [part] if part else []
    return Entry(dn, values, tuple(ranges))


def _parse_option(name: str) -> tuple[str, Range | None]:
    """(`member`, where its next part begins) of `member;range=0-1499`; (the name, None) of plain names and last parts."""
    found = _RANGE.fullmatch(name) if ";" in name else None
    if found is None:
        return name, None
    return found[1], None if found[3] == "*" else Range(found[1], int(found[3]) + 1)


def parse_extended_dn(value: bytes, field: str) -> str | None:
    """The SID in a distinguished name of the extended form; None where the object has none.

    The name behind it is not looked at: it may be of any length, and whoever may make containers writes it.
    Raises: MalformedMessage. Source: MS-ADTS 3.1.1.3.4.1.5 (LDAP_SERVER_EXTENDED_DN_OID).
    """
    if (found := _EXTENDED.match(value)) is None:
        raise MalformedMessage(PROTOCOL, field, "not an extended distinguished name", "MS-ADTS 3.1.1.3.4.1.5")
    return found[1].decode("ascii") if found[1] else None
