import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.identity_api.wire import (
    MAX_BODY_BYTES,
    MAX_LINE_BYTES,
    STREAM_HEAD,
    Answer,
    LineReader,
    MessageReader,
    encode_answer,
    encode_chunk,
    encode_request,
    parse_request_line,
    parse_status_line,
)
from handfast.protocols.errors import MalformedMessage


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.integers(1, 40))
def test_requests_come_whole_however_they_are_cut(bodies: list[bytes], size: int):
    data = b"".join(encode_request("POST", "/v1/x", body) for body in bodies)
    reader, found = MessageReader(), []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        while (message := reader.next_message()) is not None:
            found.append(message)
    assert found == [(b"POST /v1/x HTTP/1.1", body) for body in bodies]


@given(st.binary(max_size=300))
def test_any_bytes_give_messages_or_malformed(data: bytes):
    reader, lines = MessageReader(), LineReader()
    try:
        reader.feed(data)
        message = reader.next_message()
        if message:
            parse_request_line(message[0])
    except MalformedMessage:
        pass
    with contextlib.suppress(MalformedMessage, EOFError):
        lines.feed(data)


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 1\r\nContent-Length: 1",
        b"Content-Length: +1",
        b"Content-Length: 01",
        b"Content-Length: 1, 1",
        b"Content-Length: -1",
        b"Content-Length: 99999999999",
        b"Content-Length: %d" % (MAX_BODY_BYTES + 1),
        b"Content-Length: 1\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Transfer-Encoding: chunked, chunked",
        b"Expect: 100-continue",
        b"Upgrade: h2c",
        b"A: b\r\n c",
        b"A : b",
        b"A: b\nC: d",
        b"A: b\x00",
        b"no colon",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(fields: bytes):
    reader = MessageReader()
    reader.feed(b"POST / HTTP/1.1\r\n" + fields + b"\r\n\r\nx")
    with pytest.raises(MalformedMessage):
        reader.next_message()


def test_sizes_are_bounded():
    reader = MessageReader()
    reader.feed(b"G" * 4096)
    with pytest.raises(MalformedMessage, match="longer"):
        reader.next_message()
    with pytest.raises(MalformedMessage, match="too much"):
        reader.feed(b"x" * (MAX_BODY_BYTES + 1))


@pytest.mark.parametrize(
    "line",
    [b"PUT / HTTP/1.1", b"GET / HTTP/1.0", b"GET  / HTTP/1.1", b"GET x HTTP/1.1", b"GET /%2e HTTP/1.1"],
)
def test_other_request_lines_are_refused(line: bytes):
    with pytest.raises(MalformedMessage):
        parse_request_line(line)


def test_start_lines():
    assert parse_request_line(b"GET /v1/revocations?after=3 HTTP/1.1") == (
        "GET",
        "/v1/revocations",
        "after=3",
    )
    assert parse_status_line(b"HTTP/1.1 503 -") == 503
    with pytest.raises(MalformedMessage):
        parse_status_line(b"HTTP/1.1 700 x")


def test_answers_are_read_back():
    reader = MessageReader()
    reader.feed(encode_answer(Answer(409, b'{"a":1}'), close=True))
    assert reader.next_message() == (b"HTTP/1.1 409 -", b'{"a":1}')


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=5),
    st.integers(1, 20),
)
def test_stream_lines_come_whole_however_they_are_cut(lines: list[bytes], size: int):
    data = b"".join(encode_chunk(line) for line in lines)
    reader, found = LineReader(), []
    for start in range(0, len(data), size):
        found += reader.feed(data[start : start + size])
    assert found == lines


def test_the_stream_head_hands_over_what_follows():
    reader = MessageReader()
    reader.feed(STREAM_HEAD + b"rest")
    assert reader.next_message() == (b"HTTP/1.1 200 OK", b"")
    assert reader.is_stream
    assert reader.take_rest() == b"rest"


@pytest.mark.parametrize("data", [b"zz\r\n", b"A\r\n", b"1" * 16, b"1\r\nxyz", b"fffffff\r\n"])
def test_broken_chunks_are_malformed(data: bytes):
    with pytest.raises(MalformedMessage):
        LineReader().feed(data)


def test_the_last_chunk_ends_the_stream_and_lines_are_bounded():
    with pytest.raises(EOFError):
        LineReader().feed(b"0\r\n\r\n")
    reader = LineReader()
    with pytest.raises(MalformedMessage, match="longer"):
        for _ in range(3):
            reader.feed(b"%x\r\n" % (MAX_LINE_BYTES // 2) + b"x" * (MAX_LINE_BYTES // 2) + b"\r\n")


def test_who_answers_is_said_in_each_head():
    reader = MessageReader()
    reader.feed(encode_answer(Answer(200), sender="p1") + encode_answer(Answer(200)))
    names = []
    while reader.next_message() is not None:
        names.append(reader.sender)
    assert names == ["p1", ""]
