"""A client, a gateway worker, a back end: what is served, and how connections go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from tests.fakes.gateway_peers import (
    HOST,
    TARGET,
    FakeIdentity,
    Gateway,
    RawBackend,
    basic,
    request_bytes,
    until,
)


async def test_a_request_is_forwarded_with_its_body_and_the_signed_in_user():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        answer = await client.ask(body=b"hello")
        assert (answer.status, answer.body) == (200, b"alice:hello")
        assert "server" not in answer.headers
        head = backend.heads[0]
        assert b"Authorization" not in head
        assert b"X-Forwarded-For: 127.0.0.1" in head
        record = gateway.identity.records[0]
        assert (record.status, record.login, record.device_id) == (200, "alice", "ABC123")
        assert (record.bytes_in, record.bytes_out, record.command) == (5, 11, "Sync")
        assert f"X-Request-Id: {record.request_id}".encode() in head


async def test_a_kept_connection_reuses_grant_and_back_end_connection():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        for number in range(5):
            assert (await client.ask(body=b"%d" % number)).body == b"alice:%d" % number
        assert len(backend.seen) == 1
        assert len(gateway.identity.asked) == 1
        assert [record.grant_reused for record in gateway.identity.records] == [False] + [True] * 4


async def test_a_grant_is_found_again_on_another_connection_but_not_by_another_secret():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        assert (await (await gateway.client()).ask()).status == 200
        assert (await (await gateway.client()).ask()).status == 200
        assert len(gateway.identity.asked) == 1
        client = await gateway.client()
        await client.send(request_bytes(user=None, extra=f"Authorization: {basic('alice', 'wrong')}\r\n"))
        assert (await client.read_answer()).status == 401
        assert len(gateway.identity.asked) == 2


async def test_changed_credentials_on_one_connection_change_the_person_and_the_back_end_connection():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        assert (await client.ask(user="alice", body=b"1")).body == b"alice:1"
        assert (await client.ask(user="bob", body=b"2")).body == b"bob:2"
        assert (await client.ask(user="alice", body=b"3")).body == b"alice:3"
        assert len(backend.seen) == 2
        assert b"X-Remote-User: bob" not in backend.heads[0]


async def test_pipelined_requests_are_answered_in_order():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(b"".join(request_bytes(body=b"%d" % number) for number in range(50)))
        for number in range(50):
            assert (await client.read_answer()).body == b"alice:%d" % number


async def test_pipelining_without_reading_is_bounded():
    async def stall(peer):
        await peer.read_head()
        await asyncio.sleep(300)

    async with RawBackend(stall) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        one = request_bytes(body=b"x" * 1000)
        client.writer.write(one * 20000)
        await until(lambda: bool(backend.seen))
        assert await at_rest(client.writer.transport.get_write_buffer_size) > 0
        connection = next(iter(gateway.worker.state.connections))
        assert len(connection._inbox) < 1024 * 1024


async def at_rest(size: Callable[[], int]) -> int:
    """What a size comes to once it has stood still for a fifth of a second."""
    seen: list[int] = []
    async with asyncio.timeout(20):
        while len(seen) < 40 or len(set(seen[-40:])) > 1:
            seen.append(size())
            await asyncio.sleep(0.005)
    return seen[-1]


async def test_the_request_arrives_byte_by_byte():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        for byte in request_bytes(body=b"abc"):
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.read_answer()).body == b"alice:abc"


async def test_a_chunked_request_is_chunked_anew_without_extensions_and_trailers():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(
            request_bytes(body=None, extra="Transfer-Encoding: chunked\r\n")
            + b"3;evil=1\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Evil: 1\r\n\r\n"
        )
        assert (await client.read_answer()).body == b"alice:abc0123456789abcdef"
        assert b"evil" not in backend.heads[0].lower()
        assert (await client.ask(body=b"next")).body == b"alice:next"


@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_chunked_answer_reaches_http_11_chunked(pieces):
    async def chunked(peer):
        while True:
            await peer.read_request()
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(pieces):
                await peer.send(b"5\r\nhello\r\n")
                await asyncio.sleep(0.01)
            await peer.send(b"0\r\nX-Trailer: inside\r\n\r\n")

    async with RawBackend(chunked) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        for _ in range(2):
            answer = await client.ask()
            assert answer.body == b"hello" * pieces
            assert answer.headers["transfer-encoding"] == "chunked"
        assert len(backend.seen) == 1


async def test_http_10_gets_a_chunked_answer_unframed_and_closed():
    async def chunked(peer):
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        await asyncio.sleep(5)

    async with RawBackend(chunked) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes().replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await client.read_answer()
        assert answer.body == b"hello"
        assert "transfer-encoding" not in answer.headers
        assert await client.is_closed()


async def test_http_10_keep_alive_when_asked_for():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        for _ in range(2):
            await client.send(
                request_bytes(extra="Connection: keep-alive\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")
            )
            answer = await client.read_answer()
            assert answer.headers["connection"] == "keep-alive"
        await client.send(request_bytes().replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert (await client.read_answer()).headers["connection"] == "close"
        assert await client.is_closed()


async def test_connection_close_is_honoured():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        answer = await client.ask(extra="Connection: close\r\n")
        assert answer.headers["connection"] == "close"
        assert await client.is_closed()


async def test_100_continue_comes_after_the_decision_and_not_on_a_refusal():
    identity = FakeIdentity(delay_seconds=0.1)
    async with RawBackend() as backend, Gateway(backend.url, identity=identity) as gateway:
        client = await gateway.client()
        await client.send(request_bytes(body=None, extra="Content-Length: 5\r\nExpect: 100-continue\r\n"))
        assert (await client.read_answer()).status == 100
        assert len(identity.asked) == 1
        await client.send(b"hello")
        assert (await client.read_answer()).body == b"alice:hello"
        assert b"Expect" not in backend.heads[0]
        bad = await gateway.client()
        await bad.send(
            request_bytes(user=None, body=None, extra="Content-Length: 5\r\nExpect: 100-continue\r\n")
        )
        answer = await bad.read_answer()
        assert answer.status == 401
        assert answer.headers["connection"] == "close"


async def test_interim_answers_of_the_back_end_stay_there():
    async def interim(peer):
        await peer.read_request()
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </inside>\r\n\r\n")
        await peer.answer(b"ok")

    async with RawBackend(interim) as backend, Gateway(backend.url) as gateway:
        answer = await (await gateway.client()).ask()
        assert (answer.status, answer.body) == (200, b"ok")


async def test_options_without_a_device_and_a_post_without_one():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        assert (
            await client.ask(method="OPTIONS", target="/Microsoft-Server-ActiveSync", body=None)
        ).status == 200
        assert gateway.identity.asked[0].device is None
        answer = await client.ask(target="/Microsoft-Server-ActiveSync?Cmd=Sync&User=alice")
        assert answer.status == 400
        assert len(backend.seen) == 1


async def test_an_early_answer_is_passed_on_and_the_connections_end():
    async def early(peer):
        await peer.read_head()
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await peer.reader.read()

    async with RawBackend(early) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes(body=None, extra="Content-Length: 1000000\r\n") + b"x" * 1000)
        answer = await client.read_answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert await client.is_closed()
        await until(lambda: backend.open == 0)


async def test_a_client_that_leaves_frees_the_back_end():
    async def hang(peer):
        await peer.read_request()
        await peer.reader.read()

    async with RawBackend(hang) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: backend.open == 1 and bool(backend.seen))
        client.close()
        await until(lambda: backend.open == 0)
        await until(lambda: bool(gateway.identity.records))
        record = gateway.identity.records[0]
        assert (record.reason, record.status) == (Reason.CLIENT_GONE, 0)


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
async def test_a_back_end_gone_in_mid_answer_never_looks_like_an_end(sent):
    async def half(peer):
        await peer.read_request()
        await peer.send(sent)
        await asyncio.sleep(0.05)

    async with RawBackend(half) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        received = b""
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            received = await client.reader.readexactly(10_000)
        assert b"0\r\n\r\n" not in received
        await until(lambda: bool(gateway.identity.records))
        assert gateway.identity.records[0].reason is Reason.BACKEND_UNAVAILABLE
        assert gateway.identity.records[0].outcome is Outcome.DENY


async def test_an_answer_that_ends_with_the_connection():
    async def until_close(peer):
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")

    async with RawBackend(until_close) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        async with asyncio.timeout(20):
            data = await _read_all(client)
        assert data.endswith(b"all of it")


async def _read_all(client) -> bytes:
    data = b""
    while True:
        try:
            piece = await client.reader.read(65536)
        except ConnectionError:
            return data
        if not piece:
            return data
        data += piece


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://inside.local/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 451 Elsewhere\r\nX-MS-Location: https://inside.local/Microsoft-Server-ActiveSync\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
async def test_an_answer_in_doubt_is_502(answer):
    async def odd(peer):
        await peer.read_request()
        await peer.send(answer)
        await asyncio.sleep(1)

    async with RawBackend(odd) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        received = await client.ask()
        assert received.status in (502, 503)
        assert b"inside" not in received.head + received.body
        assert gateway.identity.records[0].reason is Reason.BACKEND_MALFORMED


async def test_a_published_redirect_passes():
    async def redirect(peer):
        await peer.read_request()
        await peer.send(
            f"HTTP/1.1 302 Found\r\nLocation: https://{HOST}/x\r\nContent-Length: 0\r\n\r\n".encode()
        )

    async with RawBackend(redirect) as backend, Gateway(backend.url) as gateway:
        assert (await (await gateway.client()).ask()).headers["location"] == f"https://{HOST}/x"


async def test_a_back_end_401_is_503_reported_and_never_relayed():
    async def refuse(peer):
        await peer.read_request()
        await peer.send(
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=inside\r\nContent-Length: 0\r\n\r\n"
        )

    identity = FakeIdentity(version="v1")
    async with RawBackend(refuse) as backend, Gateway(backend.url, identity=identity) as gateway:
        answers = await asyncio.gather(*[_ask_once(gateway) for _ in range(5)])
        assert [answer.status for answer in answers] == [503] * 5
        assert all("www-authenticate" not in answer.headers for answer in answers)
        assert len(backend.seen) == 1
        assert identity.refused_versions == ["v1"]
        assert [event.name for event in identity.events] == ["backend-sign-in-refused"]


async def _ask_once(gateway):
    return await (await gateway.client()).ask()


async def test_what_a_client_says_about_itself_stays_outside():
    lies = (
        "X-Forwarded-For: 1.2.3.4\r\nX-Remote-User: bob\r\nX-BEServer: x\r\nX-FE-Evil: 1\r\nX_Remote_User: bob\r\n"
        "Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nForwarded: for=1.2.3.4\r\nTE: trailers\r\nVia: 1.1 x\r\n"
    )
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        assert (await (await gateway.client()).ask(extra=lies)).body == b"alice:"
        head = backend.heads[0].lower()
        for word in (
            b"1.2.3.4",
            b"bob",
            b"x-be",
            b"x-fe",
            b"x_remote",
            b"x-secret",
            b"forwarded: for",
            b"te:",
            b"via",
        ):
            assert word not in head, word


async def test_the_path_behind_is_the_configured_one():
    options = {"path": "/SOGo/Microsoft-Server-ActiveSync", "host": "sogo.inside"}
    async with RawBackend() as backend, Gateway(backend.url, backend=options) as gateway:
        await (await gateway.client()).ask(target=TARGET.replace("Microsoft-Server", "MICROSOFT-server"))
        head = backend.heads[0]
        assert head.startswith(b"POST /SOGo/Microsoft-Server-ActiveSync?Cmd=Sync&User=alice&DeviceId=ABC123")
        assert b"\r\nHost: sogo.inside\r\n" in head


async def test_unknown_host_path_and_method_reach_nobody():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes().replace(HOST.encode(), b"other.example"))
        assert (await client.read_answer()).status == 404
        assert (await client.ask(target="/owa")).status == 404
        answer = await client.ask(method="PUT")
        assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, POST")
        assert backend.seen == []
        assert gateway.identity.asked == []


QUANTUM = 1.0


@pytest.mark.alone
async def test_refusals_leave_on_the_quantum_but_a_bare_challenge_at_once():
    async with RawBackend() as backend, Gateway(backend.url, denial_quantum_seconds=QUANTUM) as gateway:
        loop = asyncio.get_running_loop()
        client = await gateway.client()
        began = loop.time()
        assert (await client.ask(user=None)).status == 401
        assert loop.time() - began < QUANTUM * 0.75
        for _ in range(2):
            began = loop.time()
            await client.send(request_bytes(user=None, extra=f"Authorization: {basic('alice', 'no')}\r\n"))
            assert (await client.read_answer()).status == 401
            assert QUANTUM * 0.95 < loop.time() - began < QUANTUM * 1.5


async def test_a_refused_body_is_drained_and_the_connection_goes_on():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes(user=None, body=b"x" * 100_000))
        assert (await client.read_answer()).status == 401
        assert (await client.ask(body=b"again")).body == b"alice:again"


async def test_a_refusal_reaches_a_client_that_is_still_sending():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(
            request_bytes(user=None, body=None, extra="Content-Length: 9000000\r\n") + b"x" * 500_000
        )
        answer = await client.read_answer()
        assert (answer.status, answer.headers.get("connection")) == (401, None)
        assert backend.seen == []


async def test_a_body_above_the_limit_is_413():
    async with RawBackend() as backend, Gateway(backend.url, max_body_bytes=10) as gateway:
        assert (await (await gateway.client()).ask(body=b"x" * 11)).status == 413
        client = await gateway.client()
        await client.send(
            request_bytes(body=None, extra="Transfer-Encoding: chunked\r\n")
            + b"b\r\n01234567890\r\n0\r\n\r\n"
        )
        assert (await client.read_answer()).status == 413


SHORT = 1.0
"""Long enough for whoever does not mean to be late."""


async def test_timeouts_of_head_idle_and_body():
    times = dict.fromkeys(("head_timeout_seconds", "idle_timeout_seconds", "body_timeout_seconds"), SHORT)
    async with RawBackend() as backend, Gateway(backend.url, listener=times) as gateway:
        silent = await gateway.client()
        assert await silent.is_closed()
        half = await gateway.client()
        await half.send(b"POST / HTTP/1.1\r\nHost: x")
        assert (await half.read_answer()).status == 408
        idle = await gateway.client()
        assert (await idle.ask()).status == 200
        assert await idle.is_closed()
        body = await gateway.client()
        await body.send(request_bytes(body=None, extra="Content-Length: 5\r\n") + b"ab")
        assert (await body.read_answer()).status == 408
        assert await body.is_closed()


async def test_a_long_answer_is_no_timeout_of_the_client():
    async def slow(peer):
        await peer.read_request()
        await asyncio.sleep(SHORT * 2.5)
        await peer.answer(b"late")

    times = dict.fromkeys(("head_timeout_seconds", "idle_timeout_seconds", "body_timeout_seconds"), SHORT)
    async with RawBackend(slow) as backend, Gateway(backend.url, listener=times) as gateway:
        assert (await (await gateway.client()).ask(body=b"x")).body == b"late"


async def test_a_back_end_that_never_answers_is_504():
    async def never(peer):
        await peer.read_request()
        await peer.reader.read()

    async with (
        RawBackend(never) as backend,
        Gateway(backend.url, backend={"answer_timeout_seconds": 0.3}) as gateway,
    ):
        await (client := await gateway.client()).send(request_bytes())
        assert (await client.read_answer()).status in (503, 504)
        assert gateway.identity.records[0].reason is Reason.BACKEND_TIMEOUT
        await until(lambda: backend.open == 0)


async def test_failover_to_the_second_server_and_an_answer_when_there_is_none():
    async with RawBackend() as first, RawBackend() as second, Gateway(first.url, second.url) as gateway:
        assert (await _ask_once(gateway)).status == 200
        assert len(first.seen) == 1
        await first.__aexit__()
        await until(lambda: gateway.idle_behind == 0)
        assert (await _ask_once(gateway)).status == 200
        assert len(second.seen) == 1
        await second.__aexit__()
        await until(lambda: gateway.idle_behind == 0)
        answer = await _ask_once(gateway)
        assert answer.status in (502, 503)
        assert "retry-after" in answer.headers


async def test_limits_of_connections_per_source():
    async with (
        RawBackend() as backend,
        Gateway(backend.url, listener={"max_connections_per_source": 2}) as gateway,
    ):
        one, two = await gateway.client(), await gateway.client()
        assert (await one.ask()).status == (await two.ask()).status == 200
        three = await gateway.client()
        assert await three.is_closed()
        one.close()
        await until(lambda: len(gateway.worker.state.connections) == 1)
        assert (await _ask_once(gateway)).status == 200


async def test_a_slow_reader_does_not_grow_memory_and_gets_everything():
    size = 30 * 1024 * 1024

    async def large(peer):
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // 65536):
            await peer.send(b"x" * 65536)
        await peer.read_request()  # until the gateway leaves: what is not written yet would be cut off

    async with RawBackend(large) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: bool(gateway.worker.state.connections))
        connection = next(iter(gateway.worker.state.connections))
        await until(lambda: connection.transport.get_write_buffer_size() > 0)
        assert await at_rest(connection.transport.get_write_buffer_size) < 2 * 1024 * 1024
        answer = await client.read_answer(timeout=20)
        assert len(answer.body) == size


async def test_a_slow_back_end_holds_the_uploading_client():
    got, let_go = 0, asyncio.Event()

    async def slow(peer):
        nonlocal got
        await peer.read_head()
        await let_go.wait()
        body = await peer.reader.readexactly(20_000_000)
        got = len(body)
        await peer.answer(b"done")

    async with RawBackend(slow) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        client.writer.write(request_bytes(body=b"x" * 20_000_000))
        await until(lambda: bool(backend.seen))
        connection = next(iter(gateway.worker.state.connections))
        upstream = connection._exchange._upstream
        assert 0 < await at_rest(upstream.transport.get_write_buffer_size) < 2 * 1024 * 1024
        let_go.set()
        assert (await client.read_answer(timeout=20)).body == b"done"
        assert got == 20_000_000


async def test_a_reader_that_stops_is_cut():
    async def large(peer):
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            await peer.send(b"x" * 65536)

    async with (
        RawBackend(large) as backend,
        Gateway(backend.url, listener={"write_timeout_seconds": 0.5}) as gateway,
    ):
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: len(gateway.worker.state.connections) == 1)
        await until(lambda: len(gateway.worker.state.connections) == 0)


async def test_stop_lets_requests_in_flight_end_and_closes_idle_ones():
    let_go = asyncio.Event()

    async def slow(peer):
        await peer.read_request()
        await let_go.wait()
        await peer.answer(b"late")

    async with RawBackend(slow) as backend, Gateway(backend.url) as gateway:
        idle, busy = await gateway.client(), await gateway.client()
        await busy.send(request_bytes())
        await until(lambda: bool(backend.seen))
        stopping = asyncio.get_running_loop().create_task(gateway.worker.stop(30))
        assert await idle.is_closed(5)
        let_go.set()
        answer = await busy.read_answer()
        assert (answer.body, answer.headers.get("connection")) == (b"late", "close")
        await asyncio.wait_for(stopping, 15)


async def test_reload_swaps_what_the_next_request_sees_and_keeps_connections():
    from dataclasses import replace

    async with RawBackend() as old, RawBackend() as new, Gateway(old.url) as gateway:
        client = await gateway.client()
        assert (await client.ask()).status == 200
        publication = gateway.config.publications[0]
        moved = replace(publication, backend=replace(publication.backend, urls=(new.url,)))
        await gateway.worker.reload(replace(gateway.config, publications=(moved,)))
        assert (await client.ask()).status == 200
        assert (len(old.seen), len(new.seen)) == (1, 1)


async def test_head_gets_no_body():
    from dataclasses import replace

    from handfast.decision.publication import ACTIVESYNC_RULES, QueryShape

    async def answer(peer):
        while True:
            await peer.read_head()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")

    async with RawBackend(answer) as backend, Gateway(backend.url) as gateway:
        rule = replace(ACTIVESYNC_RULES[0], methods=frozenset({"HEAD"}), query=QueryShape.NONE)
        item = gateway.config.publications[0]
        item = replace(item, publication=replace(item.publication, rules=(rule,)))
        await gateway.worker.reload(replace(gateway.config, publications=(item,)))
        client = await gateway.client()
        for _ in range(2):
            got = await client.ask(method="HEAD", target="/Microsoft-Server-ActiveSync", body=None)
            assert (got.status, got.headers["content-length"]) == (200, "1234")
        assert (
            await client.ask(method="HEAD", target="/Microsoft-Server-ActiveSync", body=None, user="bob")
        ).status == 200
        refused = await client.ask(method="HEAD", target="/Microsoft-Server-ActiveSync", body=None, user=None)
        assert refused.status == 401
        assert (
            await client.ask(method="HEAD", target="/Microsoft-Server-ActiveSync", body=None)
        ).status == 200


@pytest.mark.parametrize("delay", [0.0, 0.2])
async def test_a_guess_is_recorded_although_the_guesser_hangs_up(delay):
    identity = FakeIdentity(delay_seconds=delay)
    async with (
        RawBackend() as backend,
        Gateway(backend.url, identity=identity, denial_quantum_seconds=0.3) as gateway,
    ):
        client = await gateway.client()
        await client.send(request_bytes(user=None, extra=f"Authorization: {basic('alice', 'guess')}\r\n"))
        await until(lambda: bool(identity.asked))
        await asyncio.sleep(0.02)
        client.close()
        await until(lambda: bool(identity.records))
        assert [(item.reason, item.outcome) for item in identity.records] == [
            (Reason.CREDENTIAL_WRONG, Outcome.DENY)
        ]


async def test_a_client_that_left_during_the_decision_reaches_no_back_end():
    identity = FakeIdentity(gate=asyncio.Event())
    async with RawBackend() as backend, Gateway(backend.url, identity=identity) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: bool(identity.asked))
        client.close()
        await until(lambda: not gateway.worker.state.connections)
        identity.gate.set()
        await until(lambda: bool(identity.records))
        assert identity.records[0].reason is Reason.CLIENT_GONE
        assert backend.seen == []
