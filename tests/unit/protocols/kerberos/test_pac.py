"""The SID in a PAC's logon information."""

import base64
import contextlib
import struct
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.kerberos.pac import MAX_BYTES, parse_logon_sid

# What MIT's library tells as urn:mspac:logon-info of a ticket for alice (RID 1102) that Samba's KDC made.
SAMBA = base64.b64decode(
    "ARAIAMzMzMzoAQAAAAAAAAAAAgBeAc3KkXndAf////////9//////////388jAqIjXndATyMCoiNed0BPAxkfY6a3QEKAAoABAAC"
    "ABoAGgAIAAIAAAAAAAwAAgAAAAAAEAACAAAAAAAUAAIAAAAAABgAAgABAAAATgQAAAECAAAGAAAAHAACACAAAAAAAAAAAAAAAAAA"
    "AAAAAAAABgAIACAAAgAOABAAJAACACgAAgAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAACwAAgAA"
    "AAAAAAAAAAAAAAAFAAAAAAAAAAUAAABhAGwAaQBjAGUAAAANAAAAAAAAAA0AAABBAGwAaQBjAGUAIABFAHgAYQBtAHAAbABlAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABgAAAAECAAAHAAAAYAQAAAcAAABhBAAABwAA"
    "AGIEAAAHAAAAYwQAAAcAAABnBAAABwAAAAQAAAAAAAAAAwAAAEQAQwAxAAAACAAAAAAAAAAHAAAAQwBPAE4AVABPAFMATwAAAAQA"
    "AAABBAAAAAAABRUAAAAW3c8znvOKvB9VChEBAAAAMAACAAcAAAABAAAAAQEAAAAAABIBAAAA"
)
ALICE = "S-1-5-21-869260566-3163222942-285889823-1102"
DOMAIN = (21, 869260566, 3163222942, 285889823)
USER_ID = 0x78
"""Where Samba's logon information has it; `SID` is where its domain's SID begins."""
SID = SAMBA.index(bytes.fromhex("0104000000000005")) - 4
U32 = st.integers(0, 2**32 - 1)
TEXTS = st.none() | st.text(st.characters(codec="utf-16-le"), max_size=9)


@dataclass(frozen=True)
class LogonInfo:
    """KERB_VALIDATION_INFO, written as MS-PAC 2.5 lays it out. A string or list that is None is a null pointer."""

    names: tuple[str | None, ...] = ("alice", "", None, None, "", "")
    user_id: int = 1102
    groups: tuple[tuple[int, int], ...] | None = ((513, 7),)
    servers: tuple[str | None, ...] = ("DC1", "CONTOSO")
    domain: tuple[int, ...] | None = DOMAIN
    more: bytes = b""

    def encode(self) -> bytes:
        """With its headers."""
        fixed = bytes(48) + b"".join(map(_pointer_to, self.names)) + struct.pack("<HH", 1, 0)
        fixed += struct.pack("<IIII", self.user_id, 513, len(self.groups or ()), self.groups is not None)
        fixed += (
            bytes(20) + b"".join(map(_pointer_to, self.servers)) + struct.pack("<I", self.domain is not None)
        )
        body = struct.pack("<I", 0x20000) + fixed + bytes(60) + b"".join(map(_text, self.names))
        if self.groups is not None:
            body += struct.pack("<I", len(self.groups)) + b"".join(
                struct.pack("<II", *one) for one in self.groups
            )
        body += b"".join(map(_text, self.servers))
        if self.domain is not None:
            count = len(self.domain)
            body += struct.pack("<IBB6s", count, 1, count, bytes([0, 0, 0, 0, 0, 5]))
            body += struct.pack(f"<{count}I", *self.domain)
        body += self.more
        return struct.pack("<BBHIII", 1, 0x10, 8, 0xCCCCCCCC, len(body), 0) + body


def _pointer_to(text: str | None) -> bytes:
    length = len((text or "").encode("utf-16-le"))
    return struct.pack("<HHI", length, length, text is not None)


def _text(text: str | None) -> bytes:
    if text is None:
        return b""
    data = text.encode("utf-16-le")
    units = len(data) // 2
    return struct.pack("<III", units, 0, units) + data + bytes(len(data) % 4)


def changed(at: int, *values: int) -> bytes:
    """Samba's, with other bytes at `at`."""
    return SAMBA[:at] + bytes(values) + SAMBA[at + len(values) :]


def test_what_sambas_kdc_writes():
    assert parse_logon_sid(SAMBA) == ALICE


def test_the_account_number_is_read_whole():
    assert parse_logon_sid(changed(USER_ID, 0xF4, 1, 0, 0x80)).endswith("-2147484148")


@given(
    names=st.tuples(*[TEXTS] * 6),
    user_id=st.integers(1, 2**32 - 1),
    groups=st.none() | st.lists(st.tuples(U32, U32), max_size=4).map(tuple),
    servers=st.tuples(TEXTS, TEXTS),
    domain=st.lists(U32, min_size=1, max_size=14).map(tuple),
    more=st.binary(max_size=8),
)
def test_what_is_written_is_read_back(names, user_id, groups, servers, domain, more):
    data = LogonInfo(names, user_id, groups, servers, domain, more).encode()
    assert parse_logon_sid(data) == "-".join(map(str, ("S-1-5", *domain, user_id)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(20),
        SAMBA.ljust(MAX_BYTES + 1, b"\0"),
        changed(0, 2),
        changed(1, 0),
        changed(2, 16),
        changed(16, 0, 0, 0, 0),
        changed(USER_ID, 0, 0, 0, 0),
        replace(LogonInfo(), domain=None).encode(),
        replace(LogonInfo(), domain=()).encode(),
        replace(LogonInfo(), domain=DOMAIN * 4).encode(),
        changed(SID, 3),
        changed(SID + 4, 2),
        changed(SID + 5, 3),
        changed(0x80, 5),
        changed(0xEC, 4),
        changed(0xF0, 1),
    ],
    ids=[
        "nothing",
        "zeros",
        "too much",
        "another version",
        "big-endian",
        "another header",
        "no structure",
        "an account whose SID is among the further ones",
        "no domain",
        "a domain without a number",
        "a domain with sixteen",
        "a SID of another size",
        "a SID of another revision",
        "a SID of fewer numbers",
        "fewer groups than there are",
        "a name longer than its buffer",
        "a name that begins later",
    ],
)
def test_what_is_no_logon_information(data):
    with pytest.raises(MalformedMessage, match="MS-PAC"):
        parse_logon_sid(data)


def test_one_that_ends_early_is_none_wherever_it_does():
    end = SID + 24
    for length in range(end):
        with pytest.raises(MalformedMessage):
            parse_logon_sid(SAMBA[:length])
        shortened = SAMBA[:8] + struct.pack("<I", max(length - 16, 0)) + SAMBA[12:]
        with pytest.raises(MalformedMessage):
            parse_logon_sid(shortened)


@given(data=st.binary(max_size=300) | st.binary(max_size=300).map(lambda more: SAMBA[:0x74] + more))
def test_any_bytes_give_a_sid_or_a_malformed_message(data):
    with contextlib.suppress(MalformedMessage):
        assert parse_logon_sid(data).startswith("S-1-")
