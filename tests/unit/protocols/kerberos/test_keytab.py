import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.kerberos.keytab import (
    MAX_ENTRIES,
    MAX_FILE_BYTES,
    KeytabEntry,
    encode_keytab,
    parse_keytab,
)
from handfast.protocols.kerberos.principal import Principal

NAMES = st.text(max_size=12)
U32 = st.integers(0, 2**32 - 1)
ENTRIES = st.builds(
    KeytabEntry,
    principal=st.builds(Principal, st.lists(NAMES, min_size=1, max_size=3).map(tuple), NAMES),
    kvno=U32,
    enctype=st.integers(0, 65535),
    key=st.binary(max_size=40),
    timestamp=U32,
    name_type=U32,
)
ALICE = KeytabEntry(
    Principal(("HTTP", "mail.contoso.lab"), "CONTOSO.LAB"), 3, 18, bytes(range(32)), 1700000000
)
# Made with MIT's ktutil ("addent -key -p a/b@R -k 300 -e aes128-cts", then "wkt").
KTUTIL = bytes.fromhex(
    "05020000002c0002000152000161000162000000016b01179b2c00110010000102030405060708090a0b0c0d0e0f0000012c"
)


@given(entries=st.lists(ENTRIES, max_size=5))
def test_what_is_written_is_read_back(entries):
    assert parse_keytab(encode_keytab(entries)) == tuple(entries)


def test_a_file_of_ktutil():
    (entry,) = parse_keytab(KTUTIL)
    assert (str(entry.principal), entry.kvno, entry.enctype) == ("a/b@R", 300, 17)
    assert (entry.key, entry.name_type, entry.timestamp) == (bytes(range(16)), 1, 0x6B01179B)


def test_a_key_is_never_shown():
    assert "key=" not in repr(ALICE)
    assert ALICE.key.hex() not in repr(ALICE)


def test_an_old_files_eight_bit_version():
    record = encode_keytab([ALICE])[6:-4]
    for content in (record, record + b"\0\0", record + bytes(4)):
        (entry,) = parse_keytab(b"\5\2" + struct.pack(">i", len(content)) + content)
        assert entry.kvno == 3


def test_holes_are_skipped_and_a_zero_ends_the_file():
    one = encode_keytab([ALICE])[2:]
    hole = struct.pack(">i", -7) + b"removed"
    assert parse_keytab(b"\5\2" + hole + one + hole + one + bytes(4) + b"whatever") == (ALICE, ALICE)
    assert parse_keytab(b"\5\2") == ()


def entry_of(content: bytes) -> bytes:
    return b"\5\2" + struct.pack(">i", len(content)) + content


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no key table of version"),
        (b"\5\1", "no key table of version"),
        (b"\5\2\0\0", "4 bytes announced, 2 there"),
        (b"\5\2\0\0\0\1", "1 bytes announced, 0 there"),
        (b"\5\2\x80\0\0\0", "2147483648 bytes announced"),
        (entry_of(b"\0\0\0\1R" + bytes(13)), "without a name"),
        (entry_of(b"\0\1\0\1R\0\1a" + bytes(10)), "announced"),
        (entry_of(b"\0\1\0\1\xff\0\1a" + bytes(13)), "not UTF-8"),
        (entry_of(b"\0\1\0\1R\0\1a" + bytes(11) + b"\0\x10"), "16 bytes announced, 0 there"),
        (bytes(MAX_FILE_BYTES + 1), "more than"),
    ],
)
def test_refused(data, said):
    with pytest.raises(MalformedMessage, match=said) as refused:
        parse_keytab(data)
    assert refused.value.protocol == "keytab"


def test_more_entries_than_anybody_has():
    small = KeytabEntry(Principal(("a",), "R"), 1, 18, b"")
    assert len(parse_keytab(encode_keytab([small] * MAX_ENTRIES))) == MAX_ENTRIES
    with pytest.raises(MalformedMessage, match="more than 4096 entries"):
        parse_keytab(encode_keytab([small] * (MAX_ENTRIES + 1)))
