"""HTTP messages of the laboratory."""

import asyncio

import pytest

from handfast.lab.http_message import BadMessage, Headers, may_have_body, read_body, read_head, render_head
from handfast.lab.wire import Wire


def wire(data: bytes) -> Wire:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return Wire(reader, None)


async def read(data: bytes, **options):
    wired = wire(data)
    start_line, headers = await read_head(wired)
    return start_line, headers, await read_body(wired, headers, **options)


async def test_a_body_by_length():
    start_line, headers, body = await read(
        b"POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\nX: a\r\nx:b \r\n\r\nabcd"
    )
    assert (start_line, body) == ("POST / HTTP/1.1", b"abc")
    assert (headers.get("X"), headers.all("x"), headers.get("Y")) == ("a", ["a", "b"], "")


async def test_a_body_by_chunks():
    chunks = b"3\r\nabc\r\n1;ext=1\r\nd\r\n0\r\nTrailer: x\r\n\r\n"
    assert (await read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks))[2] == b"abcd"


async def test_a_body_until_the_end_or_none():
    assert (await read(b"HTTP/1.0 200 OK\r\n\r\nabc", until_end=True))[2] == b"abc"
    assert (await read(b"GET / HTTP/1.1\r\n\r\nabc"))[2] == b""


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nName : x\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\na",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        b"x" * 70_000,
    ],
)
async def test_bad_messages(data):
    with pytest.raises(BadMessage):
        await read(data)


@pytest.mark.parametrize(
    "data", [b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc"]
)
async def test_messages_cut_short(data):
    with pytest.raises(EOFError):
        await read(data)


def test_rendering_and_bodies():
    assert render_head("GET / HTTP/1.1", [("A", "b")]) == b"GET / HTTP/1.1\r\nA: b\r\n\r\n"
    assert Headers().get("a") == ""
    assert may_have_body("POST", 200)
    assert not any((may_have_body("HEAD", 200), may_have_body("POST", 204), may_have_body("POST", 100)))
