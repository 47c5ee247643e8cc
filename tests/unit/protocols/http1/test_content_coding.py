from __future__ import annotations

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.content_coding import decode_content, is_coded


def bare(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(data) + coder.flush()


CODED = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b"GZIP": gzip.compress,
    b"deflate": zlib.compress,
    b"identity": bytes,
}


@pytest.mark.parametrize("coding", CODED)
@given(data=st.binary(max_size=2000))
def test_what_was_coded_comes_back(coding, data):
    assert decode_content(CODED[coding](data), [coding], 2000) == data


@given(data=st.binary(min_size=1, max_size=2000))
def test_deflate_without_its_wrapping_is_understood(data):
    coded = bare(data)
    if coded[0] & 0x0F == 8 and int.from_bytes(coded[:2], "big") % 31 == 0:
        return  # happens to look wrapped
    assert decode_content(coded, [b"deflate"], 2000) == data


def test_no_coding_leaves_the_body():
    assert decode_content(b"abc", [], 3) == b"abc"
    assert decode_content(b"", [b"gzip"], 3) == b""


@pytest.mark.parametrize(
    "codings", [[b"br"], [b"zstd"], [b"gzip, gzip"], [b"gzip", b"gzip"], [b"gzip, br"], [b""]]
)
def test_other_codings_and_several_are_refused(codings):
    with pytest.raises(MalformedMessage, match="only gzip and deflate"):
        decode_content(gzip.compress(b"a"), codings, 100)


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"identity"])
def test_the_limit_counts_what_comes_out(coding):
    assert len(decode_content(CODED[coding](b"a" * 1000), [coding], 1000)) == 1000
    with pytest.raises(MalformedMessage, match="longer than 999"):
        decode_content(CODED[coding](b"a" * 1000), [coding], 999)


def test_a_bomb_costs_no_more_than_the_limit():
    bomb = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(MalformedMessage, match="longer than"):
        decode_content(bomb, [b"gzip"], 100_000)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (gzip.compress(b"abc")[:-1], "cut off"),
        (gzip.compress(b"abc") + b"x", "follows"),
        (gzip.compress(b"abc") * 2, "follows"),
        (b"\x1f\x8bno", "broken"),
        (b"plain", "broken"),
    ],
    # By name, for gzip writes the time into what it makes, and every process of a run must see the same tests.
    ids=["end missing", "more behind it", "twice", "no head", "nothing of it"],
)
def test_a_damaged_body_is_refused(body, problem):
    with pytest.raises(MalformedMessage, match=problem):
        decode_content(body, [b"gzip"], 1000)


@pytest.mark.parametrize(
    ("codings", "is_told"),
    [
        ([], False),
        ([b"identity"], False),
        ([b" Identity "], False),
        ([b"gzip"], True),
        ([b"identity", b"br"], True),
    ],
)
def test_whether_a_body_is_coded_has_no_case(codings, is_told):
    assert is_coded(codings) is is_told


@given(st.binary(max_size=200), st.sampled_from([b"gzip", b"deflate", b"identity", b"br"]))
def test_any_bytes_give_a_body_or_are_refused(data, coding):
    with contextlib.suppress(MalformedMessage):
        assert len(decode_content(data, [coding], 500)) <= 500
