import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.ntlm.av_pairs import MAX_PAIRS, AvId, encode_av_pairs, parse_av_pairs


def test_the_list_of_the_specification(spec):
    pairs = parse_av_pairs(bytes.fromhex(spec["target_info"]))
    assert pairs == {2: "Domain".encode("utf-16-le"), 1: "Server".encode("utf-16-le")}
    assert encode_av_pairs(pairs).hex() == spec["target_info"]


def test_what_follows_the_end_is_not_looked_at():
    assert parse_av_pairs(bytes(4) + b"\xff\xff") == {}


def test_labels():
    assert [av_id.label for av_id in AvId] == [
        "MsvAvEOL",
        "MsvAvNbComputerName",
        "MsvAvNbDomainName",
        "MsvAvDnsComputerName",
        "MsvAvDnsDomainName",
        "MsvAvDnsTreeName",
        "MsvAvFlags",
        "MsvAvTimestamp",
        "MsvAvSingleHost",
        "MsvAvTargetName",
        "MsvAvChannelBindings",
    ]


def pair(av_id, value):
    return struct.pack("<HH", av_id, len(value)) + value


END = bytes(4)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no end-of-list"),
        (END[:3], "no end-of-list"),
        (pair(1, b"ab"), "no end-of-list"),
        (b"\x01\x00\x05\x00abcd", "5 bytes where 4 are left"),
        (pair(6, b"\x02\x00\x00") + END, "MsvAvFlags|id|3 bytes"),
        (pair(7, b"") + END, "has 0 bytes, not 8"),
        (pair(10, bytes(15)) + END, "has 15 bytes, not 16"),
        (pair(9, b"a\x00") * 2 + END, "id 9 comes twice"),
        (b"".join(pair(100 + i, b"") for i in range(MAX_PAIRS + 1)) + END, "more than 32"),
    ],
)
def test_broken_lists(data, said):
    with pytest.raises(MalformedMessage, match=said):
        parse_av_pairs(data)


def test_as_many_pairs_as_allowed():
    assert len(parse_av_pairs(b"".join(pair(100 + i, b"") for i in range(MAX_PAIRS)) + END)) == MAX_PAIRS


ids = st.integers(1, 0xFFFF).filter(lambda av_id: av_id not in {6, 7, 10})


@given(st.dictionaries(ids, st.binary(max_size=60), max_size=MAX_PAIRS))
def test_round_trip(pairs):
    parsed = parse_av_pairs(encode_av_pairs(pairs))
    assert list(parsed.items()) == list(pairs.items())


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_malformed(data):
    try:
        parsed = parse_av_pairs(data)
    except MalformedMessage:
        return
    assert data.startswith(encode_av_pairs(parsed)[:-4])
