"""I3: whatever two readers could understand differently is refused and the connection closed: never forwarded, never left
hanging. Ambiguous framing from the back end is 502.

The forms are those of tests/integration/gateway/test_smuggling.py, which says how each is answered; here each is shown to
reach the back end when nobody is strict.
"""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest

from handfast.protocols.http1 import chunked
from handfast.protocols.http1.framing import CHUNKED, ContentLength, response_body_framing
from tests.fakes.gateway_peers import Gateway, RawBackend, request_bytes, until
from tests.invariants.lax_reader import forgive
from tests.invariants.taking_out import take_out


def _corpus():
    path = Path(__file__).parents[1] / "integration" / "gateway" / "test_smuggling.py"
    spec = importlib.util.spec_from_file_location("smuggling_corpus", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CORPUS = _corpus()
FORMS = {name: sent for name, (sent, _) in CORPUS.HEADS.items()}
NO_END = {"head too large and endless", "bare LF everywhere"}
"""Heads that never end: a forgiving reader waits for more."""
TOO_LARGE = "head too large"
NO_SIGN_IN = {"HTTP/2 preface", "TLS where HTTP is spoken", "HTTP/0.9"}
"""No fields, whoever reads it: there is no sign-in in it to abuse."""


async def fate(sent: bytes, seconds: float = 20.0, **listener) -> str:
    """Whether a form that carries a valid sign-in reached the back end, was answered at once, or was left hanging."""

    async def record(peer):
        await peer.read_head()
        await peer.answer()
        await peer.reader.read()

    async with (
        RawBackend(record) as backend,
        Gateway(backend.url, listener={"head_timeout_seconds": 30.0, **listener}) as gateway,
    ):
        client = await gateway.client()
        await client.send(sent)
        answer = asyncio.ensure_future(client.reader.read(1))
        try:
            await until(lambda: answer.done() or bool(backend.seen), seconds)
        except TimeoutError:
            return "left hanging"
        finally:
            answer.cancel()
        await asyncio.sleep(0.02)
        return "reached" if backend.seen else "answered"


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_in_doubt_is_answered_and_reaches_nobody(name):
    assert await fate(FORMS[name]) == "answered"


@pytest.mark.parametrize("name", sorted(FORMS.keys() - NO_END - NO_SIGN_IN - {TOO_LARGE}))
async def test_without_strictness_it_reaches_the_back_end(name, monkeypatch):
    forgive(monkeypatch)
    assert await fate(FORMS[name]) == "reached"


@pytest.mark.parametrize("name", sorted(NO_END))
async def test_without_strictness_a_head_without_end_is_left_hanging(name, monkeypatch):
    forgive(monkeypatch)
    assert await fate(FORMS[name], 0.5, max_head_bytes=1 << 20) == "left hanging"


async def test_without_the_limit_a_large_head_reaches_the_back_end():
    assert await fate(FORMS[TOO_LARGE], max_head_bytes=1 << 20) == "reached"


async def ended_behind(body: bytes) -> bool:
    """Whether the back end was given an end to a chunked body that broke its rules."""

    async def record(peer):
        while data := await peer.reader.read(65536):
            peer.seen.extend(data)

    async with RawBackend(record) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes(body=None, extra="Transfer-Encoding: chunked\r\n"))
        await until(lambda: bool(backend.seen))
        await client.send(body)
        is_over = asyncio.ensure_future(client.reader.read(1))

        def has_end() -> bool:
            return backend.heads[0].endswith(b"0\r\n\r\n")

        try:
            # Refused: the client is told, and the connection behind ends with all that was sent on it read.
            await until(lambda: has_end() or (is_over.done() and backend.open == 0))
        finally:
            is_over.cancel()
        return has_end()


ENDED = {name: sent for name, (sent, _) in CORPUS.CHUNKS.items() if sent.endswith(b"0\r\n\r\n")}


@pytest.mark.parametrize("name", ENDED)
async def test_a_chunked_body_in_doubt_gets_no_end(name):
    assert not await ended_behind(ENDED[name])


def lax_feed(decoder: chunked.ChunkedDecoder, data: bytes) -> list[bytes]:
    decoder._state = chunked._DONE
    decoder.rest = b""
    return [data]


@pytest.mark.parametrize("name", ENDED)
async def test_without_the_strict_decoder_it_gets_one(name, monkeypatch):
    monkeypatch.setattr(chunked.ChunkedDecoder, "feed", lax_feed)
    assert await ended_behind(ENDED[name])


ANSWERS = {
    "both framings": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    "length as a list": b"Content-Length: 2, 2\r\n\r\nok",
    "signed length": b"Content-Length: +2\r\n\r\nok",
    "another coding": b"Transfer-Encoding: gzip\r\n\r\nok",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
}


async def answered(fields: bytes) -> int:
    async def answer(peer):
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + fields)
        await peer.reader.read()

    async with RawBackend(answer) as backend, Gateway(backend.url) as gateway:
        return (await (await gateway.client()).ask()).status


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_in_doubt_is_502(name):
    assert await answered(ANSWERS[name]) == 502


@pytest.mark.parametrize("name", ANSWERS)
async def test_without_the_check_of_answers_it_passes(name, monkeypatch):
    framing = CHUNKED if b"0\r\n\r\n" in ANSWERS[name] else ContentLength(2)
    take_out(monkeypatch, response_body_framing, lambda *_: framing)
    assert await answered(ANSWERS[name]) == 200
