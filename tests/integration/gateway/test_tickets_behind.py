"""Kerberos behind: whose connection carries which ticket, what the server proves, and what a refusal costs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
from dataclasses import dataclass, field, replace

import pytest
from cryptography.hazmat.primitives import hashes

from handfast.decision.outcome import BackendAuthorization
from handfast.decision.ports import BackendSignInRefused
from handfast.decision.reasons import Reason
from handfast.gateway import tickets
from handfast.gateway.pool import REFUSED_SECONDS, BackendPool
from handfast.identity.ports import Unavailable
from handfast.identity.records import RevocationScope
from tests.fakes.gateway_peers import HOST, FakeIdentity, Gateway, RawBackend, request_bytes, until
from tests.integration.gateway.test_listeners import der_of, make_certificate

CONNECTION, REQUEST = {"ticket_per": "connection"}, {"ticket_per": "request"}


@dataclass
class Realm(FakeIdentity):
    """An identity that signs in by tickets `user-number`; a server proves itself to one with `proof-number`."""

    bindings: list[bytes] = field(default_factory=list)
    confirmed: list[tuple[str, bytes]] = field(default_factory=list)
    no_ticket: Exception | None = None
    wait: asyncio.Event | None = None

    async def authorize(self, grant, channel_binding=b""):
        self.bindings.append(channel_binding)
        number = str(len(self.bindings))
        if self.wait is not None:
            await self.wait.wait()
        if self.no_ticket is not None:
            raise self.no_ticket
        value = b"Negotiate " + base64.b64encode(f"{grant.principal}-{number}".encode())
        return BackendAuthorization(((b"Authorization", value),), handle=number, is_single_use=True)

    async def confirm(self, grant, handle, token):
        self.confirmed.append((handle, token))
        if token == b"unavailable":
            raise Unavailable("fake")
        if token == b"refused":
            raise BackendSignInRefused(Reason.GRANT_EXPIRED)
        if token == b"bug":
            raise RuntimeError("fake")
        return token == f"proof-{handle}".encode()


def ticket_of(head: bytes) -> str:
    """The ticket in a request, "" without one."""
    if b"Authorization: Negotiate " not in head:
        return ""
    return base64.b64decode(head.split(b"Authorization: Negotiate ")[1].split(b"\r\n")[0]).decode()


def negotiate(token: bytes) -> bytes:
    return b"WWW-Authenticate: Negotiate " + base64.b64encode(token) + b"\r\n"


@dataclass
class Server:
    """Signs in by ticket, for each connection or each request. `proof` makes what it proves itself with of a number."""

    per: str = "connection"
    proof: object = None
    forgets: bool = False

    async def __call__(self, peer) -> None:
        user = ""
        while True:
            head, body = await peer.read_request()
            ticket = ticket_of(head)
            extra = b""
            if ticket:
                user, number = ticket.split("-")
                extra = self.proof(number) if self.proof is not None else b""
            elif self.per == "request" or not user or self.forgets:
                await peer.send(
                    b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"
                )
                continue
            await peer.answer(f"{user}:{ticket}:".encode() + body, head=extra)


async def refuse_all(peer) -> None:
    while True:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 401 No\r\n" + negotiate(b"go on") + b"Content-Length: 0\r\n\r\n")


async def test_the_first_request_of_a_connection_carries_the_ticket_and_the_others_none():
    realm = Realm()
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        assert (await client.ask(body=b"1")).body == b"alice:alice-1:1"
        assert (await client.ask(body=b"2")).body == b"alice::2"
        assert (await (await gateway.client()).ask(body=b"3")).body == b"alice::3", (
            "another grant, the same account"
        )
        assert (await client.ask(user="bob", body=b"4")).body == b"bob:bob-2:4"
        assert realm.bindings == [b"", b""]
        assert len(backend.seen) == 2


async def test_with_a_ticket_for_each_request_the_connection_is_kept_all_the_same():
    realm = Realm()
    async with RawBackend(Server("request")) as backend:
        async with Gateway(backend.url, identity=realm, backend=REQUEST) as gateway:
            client = await gateway.client()
            for number in (1, 2, 3):
                assert (await client.ask(body=b"x")).body == f"alice:alice-{number}:x".encode()
            assert len(backend.seen) == 1


async def test_several_at_once_have_their_own_connections_and_tickets():
    realm = Realm()
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        clients = [await gateway.client() for _ in range(4)]
        answers = await asyncio.gather(*[client.ask() for client in clients])
        assert {answer.status for answer in answers} == {200}
        assert len(backend.seen) == len(realm.bindings) <= 4


@pytest.mark.parametrize(("algorithm", "name"), [(hashes.SHA256, "sha256"), (hashes.SHA512, "sha512")])
async def test_the_ticket_is_bound_to_the_certificate_the_server_showed(tmp_path, algorithm, name):
    certificate = make_certificate(tmp_path, HOST, algorithm=algorithm)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    fingerprint = hashlib.sha256(der_of(certificate)).hexdigest()
    trusts = {"ca_file": certificate.certificate, "server_name": HOST}
    for verified in (trusts, {"verify": "pin-sha256", "pin_sha256": (fingerprint,)}):
        realm = Realm()
        async with RawBackend(Server(), ssl=context) as backend:
            settings = {**CONNECTION, **verified}
            async with Gateway(backend.url, identity=realm, backend=settings) as gateway:
                assert (await (await gateway.client()).ask()).body == b"alice:alice-1:"
        assert realm.bindings == [b"tls-server-end-point:" + hashlib.new(name, der_of(certificate)).digest()]


@pytest.mark.parametrize("settings", [CONNECTION, REQUEST])
async def test_the_servers_proof_is_looked_at_and_stays_here(settings):
    realm, server = Realm(), Server(proof=lambda number: negotiate(f"proof-{number}".encode()))
    async with (
        RawBackend(server) as backend,
        Gateway(backend.url, identity=realm, backend=settings) as gateway,
    ):
        client = await gateway.client()
        for body in (b"1", b"2"):
            answer = await client.ask(body=body)
            assert (answer.status, answer.body[-1:]) == (200, body)
            assert "www-authenticate" not in answer.headers
        expected = [("1", b"proof-1"), ("2", b"proof-2")]
        assert realm.confirmed == expected[: 1 if settings is CONNECTION else 2]
        assert len(backend.seen) == 1


@pytest.mark.parametrize(
    "proof",
    [negotiate(b"proof-of-another"), negotiate(b"proof-1") * 2, b"WWW-Authenticate: Negotiate !!!\r\n"],
)
async def test_a_wrong_proof_keeps_the_answer_here_and_ends_the_connection(proof):
    realm, server = Realm(), Server(proof=lambda _: proof)
    async with (
        RawBackend(server) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        answer = await (await gateway.client()).ask(body=b"secret")
        assert answer.status == 503
        assert b"secret" not in answer.body
        assert "www-authenticate" not in answer.headers
        assert realm.records[-1].reason is Reason.BACKEND_SIGN_IN_REFUSED
        assert [event.name for event in realm.events] == ["backend-sign-in-refused"]
        await until(lambda: not backend.open)
        assert gateway.idle_behind == 0


@pytest.mark.parametrize(
    ("token", "status", "reason"),
    [
        (b"refused", 503, Reason.GRANT_EXPIRED),
        (b"bug", 503, Reason.INTERNAL_ERROR),
    ],
)
async def test_an_answer_that_identity_refuses_stays_here(token, status, reason):
    realm, server = Realm(), Server(proof=lambda _: negotiate(token))
    async with (
        RawBackend(server) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        assert (await (await gateway.client()).ask()).status == status
        assert realm.records[-1].reason is reason
        await until(lambda: not backend.open)


async def test_a_proof_that_could_not_be_looked_at_is_none_and_tls_stands():
    realm, server = Realm(), Server(proof=lambda _: negotiate(b"unavailable"))
    async with (
        RawBackend(server) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        answer = await (await gateway.client()).ask(body=b"x")
        assert (answer.status, answer.body) == (200, b"alice:alice-1:x")
        assert "www-authenticate" not in answer.headers
        assert (realm.events, realm.refused_versions) == ([], [])


async def test_a_connection_that_was_signed_in_long_ago_gives_way_to_a_new_ticket():
    realm = Realm()
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        assert (await client.ask()).body == b"alice:alice-1:"
        assert (await client.ask()).body == b"alice::"
        (upstream,) = opened(gateway)
        upstream.signed_in_at -= tickets.MAX_SIGNED_IN_SECONDS
        assert (await client.ask()).body == b"alice:alice-2:"
        assert (await client.ask()).body == b"alice::"
        assert not upstream.is_open
        await until(lambda: backend.open == 1)


async def test_after_a_reload_requests_of_a_grant_that_lives_on_have_tickets_of_their_own():
    goes_on = asyncio.Event()
    plain = Server("request")

    async def poll(peer):
        await peer.read_request()
        await goes_on.wait()
        await peer.answer(b"polled")

    async def serve(peer):
        await (plain if is_reloaded else poll)(peer)

    is_reloaded = False
    realm = Realm()
    async with (
        RawBackend(serve) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        waiting = await gateway.client()
        await waiting.send(request_bytes())
        await until(lambda: len(backend.seen) == 1 and bytes(backend.seen[0]).count(b"Negotiate") == 1)
        (before,) = gateway.config.publications
        changed = replace(before, backend=replace(before.backend, ticket_per="request"))
        is_reloaded = True
        asked = len(realm.asked)
        await gateway.worker.reload(replace(gateway.config, publications=(changed,)))
        await until(lambda: len(realm.asked) > asked)
        client = await gateway.client()
        for number in (2, 3):
            assert (await client.ask(body=b"x")).body == f"alice:alice-{number}:x".encode()
        goes_on.set()
        assert (await waiting.read_answer()).body == b"polled"
        assert len(realm.asked) == asked + 1, "the grant was looked at again, and lives on"


async def test_a_long_poll_answers_too_late_to_prove_anything(monkeypatch):
    monkeypatch.setattr(tickets, "PROOF_SECONDS", 0.05)

    async def poll(peer):
        await peer.read_request()
        await asyncio.sleep(0.2)
        await peer.answer(b"news", head=negotiate(b"proof-1"))

    realm = Realm()
    async with (
        RawBackend(poll) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        answer = await (await gateway.client()).ask()
        assert (answer.status, answer.body, "www-authenticate" in answer.headers) == (200, b"news", False)
        assert realm.confirmed == []


async def test_an_answer_in_pieces_waits_for_its_proof_and_arrives_whole():
    async def slowly(peer):
        await peer.read_request()
        await peer.send(
            b"HTTP/1.1 200 OK\r\n" + negotiate(b"proof-1") + b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(200):
            await peer.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
        await peer.send(b"0\r\n\r\n")
        await peer.reader.read()

    realm = Realm()
    async with (
        RawBackend(slowly) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        answer = await (await gateway.client()).ask()
        assert (answer.status, len(answer.body)) == (200, 200 * 1024)


async def test_a_connection_that_ends_after_a_whole_answer_has_answered():
    async def whole(peer):
        await peer.read_request()
        await peer.answer(b"bye", head=negotiate(b"proof-1"))
        await peer.reader.read()

    realm = Realm()
    realm.confirm = confirm_once(lambda: not any(conn.is_open for conn in opened(gateway)))
    settings = {**CONNECTION, "answer_timeout_seconds": 0.1}
    async with (
        RawBackend(whole) as backend,
        Gateway(backend.url, identity=realm, backend=settings) as gateway,
    ):
        answer = await (await gateway.client()).ask()
        assert (answer.status, answer.body) == (200, b"bye")


async def test_a_connection_that_ends_while_its_proof_is_looked_at_has_not_answered():
    async def half(peer):
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + negotiate(b"proof-1") + b"Content-Length: 9\r\n\r\nhalf")
        await peer.reader.read()

    realm = Realm()
    realm.confirm = confirm_once(lambda: bool(realm.records))
    settings = {**CONNECTION, "answer_timeout_seconds": 0.1}
    async with RawBackend(half) as backend, Gateway(backend.url, identity=realm, backend=settings) as gateway:
        assert (await (await gateway.client()).ask()).status == 504
        assert realm.records[-1].reason is Reason.BACKEND_TIMEOUT


def confirm_once(condition):
    """A confirmation that comes when something has happened."""

    async def confirm(grant, handle, token):
        await until(condition)
        return True

    return confirm


@pytest.mark.parametrize("settings", [CONNECTION, REQUEST])
async def test_a_refused_ticket_is_503_reported_and_never_repeated(settings):
    realm = Realm()
    async with (
        RawBackend(refuse_all) as backend,
        Gateway(backend.url, identity=realm, backend=settings) as gateway,
    ):
        client = await gateway.client()
        answer = await client.ask(body=b"x")
        assert (answer.status, "www-authenticate" in answer.headers) == (503, False)
        assert len(realm.bindings) == len(backend.seen) == 1
        await until(lambda: realm.refused_versions == [""])
        assert [event.name for event in realm.events] == ["backend-sign-in-refused"]
        realm.no_ticket = BackendSignInRefused(Reason.BACKEND_SIGN_IN_REFUSED)
        for _ in range(3):
            assert (await client.ask()).status == 503
        assert bytes(backend.seen[-1]).count(b"POST") == 1, "nothing more was sent behind"
        assert realm.records[-1].reason is Reason.BACKEND_SIGN_IN_REFUSED


async def test_a_server_that_forgot_who_signed_in_is_shown_a_new_ticket_next_time():
    realm, server = Realm(), Server()
    async with (
        RawBackend(server) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        assert (await client.ask()).status == 200
        server.forgets = True
        assert (await client.ask()).status == 503
        assert 'ticket_per = "request"' in realm.records[-1].detail
        assert (await client.ask()).body == b"alice:alice-2:"
        assert realm.refused_versions == [], "no ticket was refused"


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (BackendSignInRefused(Reason.DELEGATION_REFUSED), Reason.DELEGATION_REFUSED),
        (BackendSignInRefused(Reason.KDC_UNAVAILABLE), Reason.KDC_UNAVAILABLE),
        (Unavailable("fake"), Reason.IDENTITY_UNAVAILABLE),
    ],
)
async def test_without_a_ticket_nothing_is_sent(trouble, reason):
    realm = Realm(no_ticket=trouble)
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        assert (await (await gateway.client()).ask()).status == 503
        assert realm.records[-1].reason is reason
        assert backend.seen == []
        await until(lambda: not backend.open)
        assert gateway.idle_behind == 0, "in the pool it would pass for signed in"


async def test_who_was_refused_a_ticket_opens_no_connection_for_some_seconds(monkeypatch):
    realm = Realm(no_ticket=BackendSignInRefused(Reason.DELEGATION_REFUSED))
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        for _ in range(3):
            assert (await client.ask()).status == 503
            assert realm.records[-1].reason is Reason.DELEGATION_REFUSED
        assert len(realm.bindings) == 1
        realm.no_ticket = None
        assert (await client.ask(user="bob")).status == 200
        (pool,) = gateway.worker.state.model.backends.values()
        now = pool.now() + REFUSED_SECONDS
        monkeypatch.setattr(BackendPool, "now", lambda _: now)
        assert (await client.ask()).status == 200


async def test_a_bug_while_fetching_refuses():
    realm = Realm(no_ticket=RuntimeError("fake"))
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        assert (await (await gateway.client()).ask()).status == 503
        assert realm.records[-1].reason is Reason.INTERNAL_ERROR
        await until(lambda: not backend.open)


async def test_a_client_that_left_while_its_ticket_was_fetched_leaves_no_connection():
    realm = Realm(wait=asyncio.Event())
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: len(realm.bindings) == 1)
        client.close()
        await until(lambda: bool(realm.records))
        realm.wait.set()
        await until(lambda: not backend.open)
        assert (backend.seen, gateway.idle_behind) == ([], 0)


async def test_a_block_while_the_ticket_was_fetched_keeps_the_request_here():
    realm = Realm(wait=asyncio.Event())
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: len(realm.bindings) == 1)
        realm.revoke(RevocationScope.ACCOUNT, account_id=1)
        assert (await client.read_answer()).status == 403
        realm.wait.set()
        await until(lambda: not backend.open)
        assert backend.seen == []


async def test_a_kept_connection_that_ends_while_its_ticket_is_fetched_is_replaced():
    realm = Realm()
    async with RawBackend(Server("request")) as backend:
        async with Gateway(backend.url, identity=realm, backend=REQUEST) as gateway:
            client = await gateway.client()
            assert (await client.ask()).status == 200
            realm.wait = asyncio.Event()
            await client.send(request_bytes())
            await until(lambda: len(realm.bindings) == 2)
            for task in tuple(backend._tasks):
                task.cancel()
            await until(lambda: not backend.open)
            realm.wait.set()
            answer = await client.read_answer()
            assert (answer.status, answer.body) == (200, b"alice:alice-3:")


async def test_a_server_that_always_closes_first_is_unavailable():
    async def close(peer):
        await asyncio.sleep(0)

    realm = Realm()

    async def slow(grant, channel_binding=b""):
        realm.bindings.append(channel_binding)
        await until(lambda: not any(conn.is_open for conn in opened(gateway)))
        return BackendAuthorization(((b"Authorization", b"Negotiate YQ=="),), handle="1", is_single_use=True)

    realm.authorize = slow
    async with RawBackend(close) as backend, Gateway(backend.url, identity=realm, backend=REQUEST) as gateway:
        client = await gateway.client()
        asking = asyncio.get_running_loop().create_task(client.ask())
        for _ in range(2):
            await until(lambda: any(conn.is_open for conn in opened(gateway)))
            for conn in opened(gateway):
                conn.transport.abort()
            await until(lambda: not any(conn.is_open for conn in opened(gateway)))
        assert (await asking).status == 502
        assert len(realm.bindings) == 2


def opened(gateway):
    (pool,) = gateway.worker.state.model.backends.values()
    return [conn for mine in pool._open.values() for conn in mine]


async def test_no_server_and_too_many_connections_are_said():
    realm = Realm()
    async with Gateway("http://127.0.0.1:1", identity=realm, backend=CONNECTION) as gateway:
        assert (await (await gateway.client()).ask()).status == 502
    async with RawBackend(Server()) as backend:
        settings = {**CONNECTION, "max_connections": 0}
        async with Gateway(backend.url, identity=realm, backend=settings) as gateway:
            assert (await (await gateway.client()).ask()).status == 503
            assert realm.records[-1].reason is Reason.OVERLOADED
    assert realm.bindings == []


@pytest.mark.parametrize(("identity", "settings"), [(Realm(), {}), (FakeIdentity(), CONNECTION)])
async def test_where_the_settings_of_gateway_and_identity_differ_nobody_gets_in(identity, settings):
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=identity, backend=settings) as gateway,
    ):
        client = await gateway.client()
        for _ in range(2):
            assert (await client.ask()).status == 503
            assert identity.records[-1].reason is Reason.BACKEND_SIGN_IN_REFUSED
        assert backend.seen == []
