import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.chunked import LAST_CHUNK, ChunkedDecoder, encode_chunk

SAMPLE = b'4\r\nWiki\r\n5;x="y"\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\nT: v\r\n\r\n'
BODY = b"Wikipedia in\r\n\r\nchunks."


def test_whole():
    decoder = ChunkedDecoder()
    assert b"".join(decoder.feed(SAMPLE)) == BODY
    assert decoder.is_done
    assert decoder.rest == b""


def test_byte_by_byte():
    decoder = ChunkedDecoder()
    body = b""
    for position in range(len(SAMPLE)):
        assert not decoder.is_done
        body += b"".join(decoder.feed(SAMPLE[position : position + 1]))
    assert body == BODY
    assert decoder.is_done


def test_trailing_bytes_are_the_next_messages():
    decoder = ChunkedDecoder()
    decoder.feed(SAMPLE + b"GET / HTTP/1.1\r\n")
    assert decoder.rest == b"GET / HTTP/1.1\r\n"


def test_a_piece_that_is_the_whole_feed_is_not_copied():
    decoder = ChunkedDecoder()
    decoder.feed(b"64\r\n")
    data = b"x" * 100
    assert decoder.feed(data)[0] is data


@pytest.mark.parametrize(
    "data",
    [
        b"x\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x1\r\n",
        b"1 \r\n",
        b" 1\r\n",
        b"1\n",
        b"1\r\nab",
        b"1\r\na\n",
        b"1\r\na\rb",
        b"1\r\na\r\r\n",
        b"12345678123456781\r\n",
        b"1;a\x00\r\n",
        b"1" + b";" * 1100,
        b"0\r\nno colon\r\n",
        b"0\r\n folded: x\r\n",
        b"0\r\n" + b"A: b\r\n" * 2000,
        b"0\r\nA: " + b"b" * 9000,
    ],
)
def test_faults(data):
    with pytest.raises(MalformedMessage):
        ChunkedDecoder().feed(data)
    decoder = ChunkedDecoder()
    with pytest.raises(MalformedMessage):
        for byte in data:
            decoder.feed(bytes([byte]))


@given(st.lists(st.binary(min_size=1, max_size=100)), st.integers(1, 50), st.binary(max_size=10))
def test_what_is_written_is_what_is_read(pieces, step, rest):
    data = b"".join(b"".join(encode_chunk(piece)) for piece in pieces) + LAST_CHUNK
    decoder = ChunkedDecoder()
    body = b""
    for position in range(0, len(data), step):
        body += b"".join(decoder.feed(data[position : position + step]))
    assert body == b"".join(pieces)
    assert decoder.is_done
    again = ChunkedDecoder()
    again.feed(data + rest)
    assert again.rest == rest


@given(st.binary(max_size=200))
def test_any_bytes_give_pieces_or_a_refusal(data):
    try:
        whole = ChunkedDecoder()
        pieces = b"".join(whole.feed(data))
    except MalformedMessage:
        return
    single = ChunkedDecoder()
    assert (
        b"".join(b"".join(single.feed(data[i : i + 1])) for i in range(len(data)) if not single.is_done)
        == pieces
    )
