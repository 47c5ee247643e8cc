"""Answers that are rewritten: whole, decoded, without anything that describes the body they were; or 502."""

from __future__ import annotations

import gzip
import threading
import time
import zlib

import pytest

from handfast.decision.reasons import Reason
from handfast.identity.records import RevocationScope
from tests.fakes.gateway_peers import RawBackend, request_bytes, until
from tests.fakes.transforming import POX, ExchangeGateway, FakeRewriter

JSON = "/autodiscover/autodiscover.json?Email=alice@example.org&Protocol=Ews"


def answering(data: bytes, *, closes: bool = False):
    async def answer(peer):
        while True:
            await peer.read_request()
            await peer.send(data)
            if closes:
                return

    return answer


def plain(body: bytes, fields: str = "Content-Type: text/xml\r\n", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def answered(data: bytes, *, closes: bool = False, extra: str = "", rewriter=None, method="POST"):
    async with (
        RawBackend(answering(data, closes=closes)) as backend,
        ExchangeGateway(backend.url, rewriter=rewriter) as gateway,
    ):
        client = await gateway.client(
            before=request_bytes(
                target=POX, body=b"x" if method == "POST" else None, extra=extra, method=method
            )
        )
        answer = await client.read_answer(method=method)
        await until(lambda: bool(gateway.identity.records))
        answer.record = gateway.identity.records[0]
        answer.events = gateway.identity.events
        answer.sent = backend.heads[0]
        return answer


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nins\r\n3\r\nide\r\n0\r\nX-Trailer: 1\r\n\r\n"
)
SAME = {
    "plain": plain(b"inside"),
    "chunked": CHUNKED,
    "gzip": plain(gzip.compress(b"inside"), "Content-Encoding: gzip\r\n"),
    "deflate": plain(zlib.compress(b"inside"), "Content-Encoding: deflate\r\n"),
    "identity": plain(b"inside", "Content-Encoding: identity\r\n"),
}


@pytest.mark.parametrize("name", SAME)
async def test_it_leaves_rewritten_with_its_own_length(name):
    answer = await answered(SAME[name])
    assert (answer.status, answer.body) == (200, b"outside!")
    assert answer.headers["content-length"] == "8"
    assert not {"transfer-encoding", "content-encoding", "x-trailer"} & answer.headers.keys()
    assert answer.record.reason is Reason.ALLOWED
    assert answer.record.bytes_out == 8


async def test_one_that_ends_with_its_connection_is_whole_then():
    data = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\ninside"
    assert (await answered(data, closes=True)).body == b"outside!"


DESCRIBING = (
    'ETag: "1"\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\nDigest: sha-256=x\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n'
    "Expires: Mon, 01 Jan 2035 00:00:00 GMT\r\nCache-Control: private, max-age=60\r\nAge: 5\r\nAccept-Ranges: bytes\r\n"
    "Content-Disposition: attachment; filename=inside.xml\r\nX-Inside: ex01.corp.internal\r\nServer: ex01\r\n"
    "Set-Cookie: X-BackEndCookie=ex01; path=/\r\nSet-Cookie: a=1; path=/; domain=corp.internal\r\n"
)


async def test_nothing_that_described_the_old_body_or_the_server_is_left():
    answer = await answered(plain(b"inside", DESCRIBING))
    assert b"corp.internal" not in answer.head
    assert set(answer.headers) == {"set-cookie", "cache-control", "x-request-id", "content-length"}
    assert answer.headers["set-cookie"] == "a=1; path=/"
    assert answer.headers["cache-control"] == "no-store"


async def test_the_server_is_asked_for_a_whole_plain_answer():
    fields = (
        "Accept-Encoding: br, gzip\r\nRange: bytes=0-5\r\nIf-None-Match: x\r\nIf-Modified-Since: y\r\nIf-Range: z\r\n"
        "X-MapiHttpCapability: 1\r\n"
    )
    sent = (await answered(plain(b"inside"), extra=fields)).sent.lower()
    assert b"x-mapihttpcapability: 1" in sent
    assert not any(
        name in sent
        for name in (b"accept-encoding", b"range:", b"if-none-match", b"if-modified", b"if-range")
    )


WITHHELD = {
    "an inside name": plain(b"secret"),
    "an unknown coding": plain(b"inside", "Content-Encoding: br\r\n"),
    "two codings": plain(gzip.compress(b"inside"), "Content-Encoding: gzip, gzip\r\n"),
    "a broken coding": plain(b"inside", "Content-Encoding: gzip\r\n"),
    "a coding that is cut off": plain(gzip.compress(b"inside")[:-4], "Content-Encoding: gzip\r\n"),
    "something behind the coding": plain(gzip.compress(b"inside") + b"secret", "Content-Encoding: gzip\r\n"),
    "too long": plain(b"x" * 10_001),
    "too long once decoded": plain(gzip.compress(b"x" * 10_001), "Content-Encoding: gzip\r\n"),
    "a part": plain(b"inside", "Content-Range: bytes 0-5/9\r\n", "206 Partial Content"),
    "two types": plain(b"inside", "Content-Type: text/xml\r\nContent-Type: text/html\r\n"),
    "two places": plain(b"", "Location: /a\r\nLocation: /b\r\n", "302 Found"),
    "an error that names the inside": plain(b"secret", status="500 Internal Server Error"),
}


@pytest.mark.parametrize("name", WITHHELD)
async def test_on_any_doubt_it_stays_here_and_identity_is_told(name):
    answer = await answered(WITHHELD[name])
    assert answer.status == 502
    assert b"secret" not in answer.body
    assert b"corp.internal" not in answer.head + answer.body
    assert answer.record.reason is Reason.ANSWER_WITHHELD
    event = next(event for event in answer.events if event.name == "answer-withheld")
    details = dict(event.details)
    assert event.publication == "mail"
    assert details["request_id"] == answer.record.request_id
    assert details["detail"]


async def test_the_event_names_the_host_that_was_found():
    answer = await answered(WITHHELD["an inside name"])
    assert dict(answer.events[0].details)["host"] == "ex01.corp.internal"
    assert answer.record.detail == "names the inside: ex01.corp.internal"


@pytest.mark.parametrize("status", ["400 Bad", "404 Not Found", "500 Inside ex01", "503 Busy"])
async def test_errors_are_rewritten_like_any_answer(status):
    answer = await answered(plain(b"inside", status=status))
    assert (answer.status, answer.body) == (int(status[:3]), b"outside!")
    assert b"ex01" not in answer.head


async def test_a_redirect_is_rewritten_and_has_to_lead_outside():
    good = plain(b"", "Location: https://inside.corp.internal/a\r\n", "302 Found")
    assert (await answered(good)).headers["location"] == "https://mail.example.org/a"
    bad = plain(b"", "Location: https://ex02.corp.internal/a\r\n", "302 Found")
    answer = await answered(bad)
    assert (answer.status, answer.record.reason) == (502, Reason.BACKEND_MALFORMED)


async def test_a_rewriter_that_writes_a_head_is_no_danger():
    class Careless(FakeRewriter):
        def rewrite(self, request, answer):
            return type(answer)(200, b"text/xml\r\nX-A: 1", b"")

    answer = await answered(plain(b"inside"), rewriter=Careless())
    assert (answer.status, answer.record.reason) == (502, Reason.ANSWER_WITHHELD)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ninside",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ninside\r\n",
    ],
)
async def test_one_that_breaks_off_is_not_sent_in_part(data):
    answer = await answered(data, closes=True)
    assert answer.status == 502
    assert b"inside" not in answer.body
    assert answer.record.reason is Reason.BACKEND_UNAVAILABLE


async def test_the_back_ends_401_is_not_the_clients():
    assert (await answered(plain(b"inside", "WWW-Authenticate: NTLM\r\n", "401 No"))).status == 503


async def test_the_connections_on_both_sides_serve_the_next_request():
    async with RawBackend(answering(plain(b"inside"))) as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client()
        for _ in range(3):
            assert (await client.ask(target=POX, body=b"x")).body == b"outside!"
        assert len(backend.heads) == 1
        assert (await client.ask(target=POX, body=b"refuse")).status == 403
        assert (await client.ask(target=POX, body=b"x")).body == b"outside!"


async def test_head_gets_the_head_alone():
    data = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 6\r\n\r\n"
    answer = await answered(data, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


async def test_http_1_0_gets_it_with_a_length_and_a_close():
    async with RawBackend(answering(CHUNKED)) as backend, ExchangeGateway(backend.url) as gateway:
        data = request_bytes(target=POX, body=b"x").replace(b"HTTP/1.1", b"HTTP/1.0")
        client = await gateway.client(before=data)
        answer = await client.read_answer()
        assert answer.body == b"outside!"
        assert answer.headers["connection"] == "close"
        assert await client.is_closed()


def slow_rewriter(seconds: float) -> FakeRewriter:
    class Slow(FakeRewriter):
        def rewrite(self, request, answer):
            time.sleep(seconds)
            return super().rewrite(request, answer)

    return Slow(1_000_000)


class HeldRewriter(FakeRewriter):
    """Is done when it is let go."""

    def __init__(self) -> None:
        super().__init__(1_000_000)
        self.begun, self.let_go = threading.Event(), threading.Event()

    def rewrite(self, request, answer):
        self.begun.set()
        assert self.let_go.wait(20), "nobody let go: where it runs, nothing else does"
        return super().rewrite(request, answer)


LONG = plain(b"inside" + b"x" * 100_000)


async def test_a_long_answer_keeps_no_other_connection_waiting():
    rewriter = HeldRewriter()
    async with (
        RawBackend(answering(LONG)) as backend,
        ExchangeGateway(backend.url, rewriter=rewriter) as gateway,
    ):
        first, second = await gateway.client(), await gateway.client()
        await first.send(request_bytes(target=POX, body=b"x"))
        await until(rewriter.begun.is_set)
        answers = [await second.ask(target=JSON, method="GET", body=None) for _ in range(10)]
        assert {answer.status for answer in answers} == {200}
        rewriter.let_go.set()
        assert (await first.read_answer()).body.startswith(b"outside!x")


async def test_a_server_that_closes_after_a_long_answer_spoils_nothing():
    async with (
        RawBackend(answering(LONG, closes=True)) as backend,
        ExchangeGateway(backend.url, rewriter=slow_rewriter(0.2)) as gateway,
    ):
        client = await gateway.client()
        for _ in range(2):
            assert (await client.ask(target=POX, body=b"x")).body.startswith(b"outside!x")


async def test_a_block_while_a_long_answer_is_rewritten_keeps_it_here():
    rewriter = HeldRewriter()
    async with (
        RawBackend(answering(LONG)) as backend,
        ExchangeGateway(backend.url, rewriter=rewriter) as gateway,
    ):
        client = await gateway.client(before=request_bytes(target=POX, body=b"x"))
        await until(rewriter.begun.is_set)
        gateway.identity.revoke(RevocationScope.ACCOUNT, account_id=1)
        await until(lambda: gateway.worker.state.link.epoch == 2)
        rewriter.let_go.set()
        assert (await client.read_answer()).status == 403
