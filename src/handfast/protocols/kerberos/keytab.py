"""Key tables: the file that holds a service's long-term keys, one entry for each name, key version and encryption type.

Big-endian throughout, after the two bytes 05 02: records of a signed length and their content. A negative length is a
hole that a removed entry left behind; a length of zero ends the file. After the key comes, in files of this century, the
key version again in 32 bits, because the field before has eight.

Source: MIT krb5 documentation, "Keytab file format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.kerberos.principal import Principal

MAX_FILE_BYTES = 1024 * 1024
MAX_ENTRIES = 4096
"""A pool's account has some dozen names, two types and two versions each."""

_VERSION = b"\x05\x02"
_NT_PRINCIPAL = 1


@dataclass(frozen=True, slots=True)
class KeytabEntry:
    """One key. `kvno` is its version, `enctype` the number of its encryption type, `timestamp` when it was written
    (seconds since 1970).
    """

    principal: Principal
    kvno: int
    enctype: int
    key: bytes = field(repr=False)
    timestamp: int = 0
    name_type: int = _NT_PRINCIPAL


def parse_keytab(data: bytes) -> tuple[KeytabEntry, ...]:
    """All entries in their order, holes left out. Raises: MalformedMessage."""
    if len(data) > MAX_FILE_BYTES:
        raise _malformed("file", f"{len(data)} bytes, more than {MAX_FILE_BYTES}")
    if data[:2] != _VERSION:
        raise _malformed("version", "it is no key table of version 0x0502")
    entries: list[KeytabEntry] = []
    reader = _Reader(data, 2)
    while reader.left:
        length: int = reader.unpack(">i", "record")
        if length == 0:
            break
        content = reader.take(abs(length), "record")
        if length > 0:
            if len(entries) == MAX_ENTRIES:
                raise _malformed("file", f"more than {MAX_ENTRIES} entries")
            entries.append(_parse_entry(_Reader(content, 0)))
    return tuple(entries)


def encode_keytab(entries: Iterable[KeytabEntry]) -> bytes:
    """A file with these entries and no holes."""
    records = [_encode_entry(entry) for entry in entries]
    return _VERSION + b"".join(struct.pack(">i", len(record)) + record for record in records)


def _parse_entry(reader: _Reader) -> KeytabEntry:
    count: int = reader.unpack(">H", "components")
    realm = reader.text("realm")
    components = tuple(reader.text("component") for _ in range(count))
    if not components:
        raise _malformed("components", "a principal without a name")
    name_type, timestamp, kvno, enctype = reader.unpack_all(">IIBH", "entry")
    key = reader.counted("key")
    if reader.left >= 4:
        # Writers that need no more than eight bits may leave it 0.
        kvno = reader.unpack(">I", "kvno") or kvno
    return KeytabEntry(Principal(components, realm), kvno, enctype, key, timestamp, name_type)


def _encode_entry(entry: KeytabEntry) -> bytes:
    names = [part.encode() for part in (entry.principal.realm, *entry.principal.components)]
    head = struct.pack(">H", len(entry.principal.components)) + b"".join(map(_count, names))
    fixed = struct.pack(">IIBH", entry.name_type, entry.timestamp, entry.kvno & 0xFF, entry.enctype)
    return head + fixed + _count(entry.key) + struct.pack(">I", entry.kvno)


def _count(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


class _Reader:
    """Takes fields off `data` from `at` on. All methods raise MalformedMessage."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, length: int, field: str) -> bytes:
        if length > self.left:
            raise _malformed(field, f"{length} bytes announced, {self.left} there")
        self._at += length
        return self._data[self._at - length : self._at]

    def unpack_all(self, layout: str, field: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout), field))

    def unpack(self, layout: str, field: str) -> int:
        return self.unpack_all(layout, field)[0]

    def counted(self, field: str) -> bytes:
        return self.take(self.unpack(">H", field), field)

    def text(self, field: str) -> str:
        try:
            return self.counted(field).decode()
        except UnicodeDecodeError:
            raise _malformed(field, "is not UTF-8") from None


def _malformed(field: str, problem: str) -> MalformedMessage:
    return MalformedMessage("keytab", field, problem, "MIT keytab file format")
