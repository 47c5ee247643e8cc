"""Both ends of the gateway API over real sockets: a Unix socket and mutual TLS on loopback."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handfast.decision.access import AccessRequest, BasicCredential, NtlmCredential
from handfast.decision.outcome import Decision, Grant, Outcome
from handfast.decision.ports import (
    BackendAuthorization,
    BackendSignInRefused,
    GatewayEvent,
    IssuedChallenge,
    WipeProgress,
    WipeReport,
)
from handfast.decision.reasons import Reason
from handfast.decision.reported import FACTS_EVENT
from handfast.identity.channels import Channel
from handfast.identity.ports import Unavailable
from handfast.identity.records import AccountId, RevocationScope, StageTrace
from handfast.identity_api import node_budget
from handfast.identity_api.client import EVENTS_EVERY_SECONDS, IdentityClient
from handfast.identity_api.client_pool import MAX_CONNECTIONS, ConnectionPool, TlsAddress, UnixAddress
from handfast.identity_api.codec import encode_access_request
from handfast.identity_api.fields import encode_object, parse_object
from handfast.identity_api.gateway_calls import Caller, InsideListeners
from handfast.identity_api.gateway_server import GatewayApiServer
from handfast.identity_api.wire import MessageReader, encode_request
from handfast.keys import pki
from handfast.keys.mutual_tls import build_identity_context, build_node_context
from handfast.keys.system import SystemClock
from handfast.protocols.errors import MalformedMessage
from tests.fakes.records import InMemoryRecords

PUSH_SECONDS = 0.5
"""Told at once, on a machine that may be busy; the next heartbeat would come after a second."""
GRANT = Grant("g1", "mail", AccountId(7), "alice@example.com", 0, 300.0, device_id="ABC")
REQUEST = AccessRequest(
    "r1",
    "local",
    "outside",
    "192.0.2.1",
    "mail",
    "activesync",
    Channel.ACTIVESYNC,
    BasicCredential("alice", "good"),
)


class Decider:
    """Decides by the secret; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[AccessRequest] = []
        self.hold = asyncio.Event()

    async def issue_challenge(
        self, publication: str, connection_id: str, negotiate: bytes
    ) -> IssuedChallenge:
        if not negotiate.startswith(b"NTLMSSP\0"):
            raise MalformedMessage("ntlm", "Signature", "not NTLMSSP", "MS-NLMP 2.2.1.1")
        return IssuedChallenge(f"{publication}:{connection_id}", b"type 2")

    async def evaluate(self, request: AccessRequest) -> Decision:
        self.asked.append(request)
        secret = getattr(request.credential, "secret", "good")
        match secret:
            case "good":
                grant = replace(GRANT, node=request.node, grant_id=request.request_id)
                return Decision(Outcome.ALLOW, Reason.ALLOWED, grant, (StageTrace("rule", "pass"),))
            case "slow":
                await self.hold.wait()
            case "down":
                raise Unavailable("database locked")
            case "bug":
                raise RuntimeError("unforeseen")
        return Decision(Outcome.DENY, Reason.CREDENTIAL_WRONG, login="alice")


class Desk:
    """Signs in with a header; one publication has a suspended secret."""

    def __init__(self) -> None:
        self.refused: list[tuple[Grant, str]] = []
        self.bindings: list[bytes] = []
        self.hold = asyncio.Event()

    async def authorize(self, grant: Grant, channel_binding: bytes = b"") -> BackendAuthorization:
        self.bindings.append(channel_binding)
        if grant.principal == "frozen":
            await self.hold.wait()
        if grant.principal == "suspended":
            raise BackendSignInRefused(Reason.BACKEND_SECRET_SUSPENDED)
        return BackendAuthorization(((b"X-Remote-User", grant.node.encode()),), "v1")

    async def confirm(self, grant: Grant, handle: str, token: bytes) -> bool:
        if grant.principal == "gone":
            raise BackendSignInRefused(Reason.GRANT_EXPIRED)
        return (handle, token) == ("h1", b"proof")

    async def report_refused(self, grant: Grant, version: str) -> None:
        self.refused.append((grant, version))


class Reports:
    """Stores what is reported of wipes, but for one note."""

    def __init__(self) -> None:
        self.stored: list[WipeReport] = []

    async def report_wipe(self, report: WipeReport) -> bool:
        if report.note == b"locked":
            raise Unavailable("database locked")
        self.stored.append(report)
        return report.note != b"old"


class Identity:
    """A running server with everything around it that a test looks at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = InMemoryRecords()
        self.decider, self.desk, self.reports = Decider(), Desk(), Reports()
        self.events: list[tuple[str, GatewayEvent]] = []
        self.server = GatewayApiServer(
            decider=self.decider,
            sign_in=self.desk,
            revocations=self.records,
            records=self.records,
            clock=SystemClock(),
            parse_certificate=pki.parse_node_certificate,
            events=lambda node, event: self.events.append((node, event)),
            local_only=frozenset({"vault"}),
            inside=InsideListeners(frozenset({"inside"}), frozenset({"lan1"})),
            devices=self.reports,
        )
        self.path = folder / "gateway.sock"
        self.port = 0

    async def serve_tls(self) -> None:
        now = datetime.now(UTC)
        pki.init(self.folder / "pki", now=now)
        own = pki.issue(self.folder / "pki", "identity", now=now, identity=True, hosts=["127.0.0.1"])
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        context = build_identity_context(own.certificate, own.key, self.folder / "pki" / "ca.crt")
        await self.server.serve_tls(listener, context)

    def node(
        self, name: str = "edge1", *, publications=("mail", "vault"), now=None, days=30, pki_folder=None
    ):
        issuer = pki_folder or self.folder / "pki"
        issued = pki.issue(issuer, name, now=now or datetime.now(UTC), publications=publications, days=days)
        # The node trusts identity's CA whoever issued its own certificate.
        context = build_node_context(issued.certificate, issued.key, self.folder / "pki" / "ca.crt")
        return IdentityClient.over_tls(f"https://127.0.0.1:{self.port}", context, node=name)


@asynccontextmanager
async def identity(folder: Path, *, tls: bool = False):
    running = Identity(folder)
    if tls:
        await running.serve_tls()
    else:
        await running.server.serve_unix(running.path)
    try:
        yield running
    finally:
        running.decider.hold.set()
        running.desk.hold.set()
        await running.server.close(deadline_seconds=1)


@asynccontextmanager
async def closing(client: IdentityClient):
    try:
        yield client
    finally:
        await client.close()
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def asking(secret: str, **changes) -> AccessRequest:
    return replace(REQUEST, credential=BasicCredential("alice", secret), **changes)


async def publish(records: InMemoryRecords, scope: RevocationScope, **fields):
    now = datetime.now(UTC)
    return await records.write(lambda r: r.revocations.publish(scope, now=now, **fields))


async def test_every_call_over_a_unix_socket(tmp_path: Path):
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        assert running.path.stat().st_mode & 0o777 == 0o600
        decision = await client.evaluate(REQUEST)
        assert decision == Decision(
            Outcome.ALLOW,
            Reason.ALLOWED,
            replace(GRANT, grant_id="r1", node="local"),
            authorization=BackendAuthorization(((b"X-Remote-User", b"local"),), "v1"),
        )
        assert running.decider.asked == [REQUEST]
        assert (await client.evaluate(asking("bad"))).reason is Reason.CREDENTIAL_WRONG
        ntlm = replace(REQUEST, credential=NtlmCredential("c", "1", b"\x00\xff", b"x" * 90000, b"b" * 16))
        assert (await client.evaluate(ntlm)).outcome is Outcome.ALLOW
        assert running.decider.asked[-1] == ntlm
        assert await client.issue_challenge("mail", "c1", b"NTLMSSP\0") == IssuedChallenge(
            "mail:c1", b"type 2"
        )
        with pytest.raises(MalformedMessage, match="Signature") as caught:
            await client.issue_challenge("mail", "c1", b"junk")
        assert caught.value.source == "MS-NLMP 2.2.1.1"
        grant = replace(GRANT, node="local")
        assert await client.authorize(grant) == BackendAuthorization(((b"X-Remote-User", b"local"),), "v1")
        with pytest.raises(BackendSignInRefused) as refused:
            await client.authorize(replace(grant, principal="suspended"))
        assert refused.value.reason is Reason.BACKEND_SECRET_SUSPENDED
        await client.report_refused(grant, "v1")
        assert running.desk.refused == [(grant, "v1")]


async def test_a_sign_in_for_one_connection_is_made_when_that_is_there(tmp_path: Path):
    binding = b"tls-server-end-point:" + bytes(range(64))
    async with identity(tmp_path, tls=True) as running:
        await running.server.serve_unix(running.path)
        running.server.policy_changed(frozenset(), frozenset({"mail"}))
        async with (
            closing(IdentityClient.over_unix(running.path)) as near,
            closing(running.node()) as far,
        ):
            for client, node in ((near, "local"), (far, "edge1")):
                running.desk.bindings.clear()
                decision = await client.evaluate(replace(REQUEST, node=node))
                assert (decision.outcome, decision.authorization) == (Outcome.ALLOW, None)
                grant = decision.grant
                assert grant is not None
                await client.authorize(grant, binding)
                assert running.desk.bindings == [binding]
                assert await client.confirm(grant, "h1", b"proof")
                assert not await client.confirm(grant, "h1", b"other")
                with pytest.raises(BackendSignInRefused):
                    await client.confirm(replace(grant, principal="gone"), "h1", b"proof")
                with pytest.raises(Unavailable):
                    await client.authorize(grant, bytes(257))


async def test_sign_ins_behind_that_hang_keep_no_decision_waiting(tmp_path: Path):
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        grant = replace(GRANT, node="local", principal="frozen")
        hanging = [asyncio.ensure_future(client.authorize(grant)) for _ in range(3 * MAX_CONNECTIONS)]
        while len(running.desk.bindings) < MAX_CONNECTIONS:
            await asyncio.sleep(0.01)
        assert (await client.evaluate(REQUEST)).outcome is Outcome.ALLOW
        assert not any(one.done() for one in hanging)
        running.desk.hold.set()
        assert {one.version for one in await asyncio.gather(*hanging)} == {"v1"}


async def test_identity_s_troubles_are_unavailable(tmp_path: Path):
    client = IdentityClient(UnixAddress(tmp_path / "gateway.sock"), call_seconds=1.0)
    async with closing(client):
        with pytest.raises(Unavailable, match="can't be reached"):
            await client.evaluate(REQUEST)
        async with identity(tmp_path) as running:
            for secret, said in [("down", "database locked"), ("bug", "500"), ("slow", "within 1 s")]:
                with pytest.raises(Unavailable, match=said):
                    await client.evaluate(asking(secret))
            assert (await client.evaluate(REQUEST)).outcome is Outcome.ALLOW
            assert running.server is not None
        with pytest.raises(Unavailable):
            await client.evaluate(REQUEST)
        async with identity(tmp_path):
            assert (await client.evaluate(REQUEST)).outcome is Outcome.ALLOW


async def test_many_calls_share_few_connections_and_each_gets_its_own_answer(tmp_path: Path):
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        requests = [replace(REQUEST, request_id=f"r{number}") for number in range(500)]
        decisions = await asyncio.gather(*(client.evaluate(request) for request in requests))
        assert [decision.grant.grant_id for decision in decisions] == [r.request_id for r in requests]
        assert len(client._pool._all) <= 32


async def test_a_cancelled_call_never_answers_the_next(tmp_path: Path):
    async with identity(tmp_path) as running:
        pool = ConnectionPool(UnixAddress(running.path), max_connections=1)
        client = IdentityClient.over_unix(running.path)
        client._pool = pool
        async with closing(client):
            slow = asyncio.ensure_future(client.evaluate(asking("slow")))
            await until(lambda: bool(running.decider.asked))
            waiting = asyncio.ensure_future(client.evaluate(replace(REQUEST, request_id="mine")))
            await until(lambda: bool(pool._waiting))
            slow.cancel()
            assert (await waiting).grant.grant_id == "mine"
            with pytest.raises(asyncio.CancelledError):
                await slow


async def test_the_queue_before_the_pool_is_bounded(tmp_path: Path):
    async with identity(tmp_path) as running:
        pool = ConnectionPool(UnixAddress(running.path), max_connections=1, max_waiting=1, call_seconds=0.3)
        client = IdentityClient.over_unix(running.path)
        client._pool = pool
        async with closing(client):
            calls = [client.evaluate(asking("slow")) for _ in range(3)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(result) for result in results] == [Unavailable] * 3
            assert sum("too many" in str(result) for result in results) == 1


async def test_garbage_gets_400_and_the_connection_ends(tmp_path: Path):
    async with identity(tmp_path) as running:
        for raw in [b"junk\r\n\r\n", b"POST /v1/evaluate HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"]:
            reader, writer = await asyncio.open_unix_connection(str(running.path))
            writer.write(raw)
            assert (await asyncio.wait_for(reader.read(), 20)).startswith(b"HTTP/1.1 400 ")
            writer.close()
            await writer.wait_closed()
        pool = ConnectionPool(UnixAddress(running.path))
        assert (await pool.call(encode_request("POST", "/v1/evaluate", b"{}")))[0] == 400
        assert (await pool.call(encode_request("POST", "/v1/other", b"{}")))[0] == 404
        assert (await pool.call(encode_request("GET", "/v1/revocations?after=x")))[0] == 400
        pool.close()
        await asyncio.sleep(0)


async def test_pipelined_requests_are_answered_in_order_and_one_at_a_time(tmp_path: Path):
    async with identity(tmp_path) as running:
        reader, writer = await asyncio.open_unix_connection(str(running.path))
        bodies = [encode_object(encode_access_request(asking(secret))) for secret in ("slow", "good")]
        writer.write(b"".join(encode_request("POST", "/v1/evaluate", body) for body in bodies))
        await until(lambda: bool(running.decider.asked))
        await asyncio.sleep(0.05)  # time for the second, which came with the first, to be begun too early
        assert len(running.decider.asked) == 1
        running.decider.hold.set()
        answers = MessageReader()
        found = []
        while len(found) < 2:
            answers.feed(await asyncio.wait_for(reader.read(65536), 20))
            while (message := answers.next_message()) is not None:
                found.append(parse_object(message[1])["outcome"])
        assert found == ["deny", "allow"]
        writer.close()
        await writer.wait_closed()


@pytest.mark.alone
async def test_revocations_are_replayed_then_pushed_and_heartbeats_follow(tmp_path: Path):
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        first = await publish(running.records, RevocationScope.ACCOUNT, account_id=AccountId(7))
        second = await publish(running.records, RevocationScope.DEVICE, device_id="ABC")
        async with aclosing(client.revocations(1)) as stream:
            replay = await anext(stream)
            assert (replay.epoch, replay.revocations, replay.resync) == (2, (second,), False)
            asked = time.monotonic()
            third = await publish(running.records, RevocationScope.EVERYTHING)
            assert (await anext(stream)).revocations == (third,)
            assert time.monotonic() - asked < PUSH_SECONDS
            beat = await asyncio.wait_for(anext(stream), 20)
            assert (beat.epoch, beat.revocations) == (3, ())
        async with aclosing(client.revocations(99)) as stream:
            assert await anext(stream) == replace(beat, resync=True)
        assert first.epoch == 1


async def test_a_replay_too_long_asks_for_revalidation(tmp_path: Path):
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        now = datetime.now(UTC)

        def many(records):
            for _ in range(1001):
                records.revocations.publish(RevocationScope.ACCOUNT, now=now, account_id=AccountId(1))

        await running.records.write(many)
        async with aclosing(client.revocations(0)) as stream:
            batch = await anext(stream)
            assert (batch.epoch, batch.resync) == (1001, True)
        async with aclosing(client.revocations(1)) as stream:
            assert len((await anext(stream)).revocations) == 1000


async def test_what_the_publisher_missed_comes_with_the_next_heartbeat(tmp_path: Path):
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        async with aclosing(client.revocations(0)) as stream:
            await anext(stream)
            listeners, running.records._listeners = running.records._listeners, []
            missed = await publish(running.records, RevocationScope.DEVICE, device_id="ABC")
            running.records._listeners = listeners
            assert (await asyncio.wait_for(anext(stream), 20)).revocations == (missed,)


async def test_without_its_records_identity_falls_silent_and_the_stream_ends(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("handfast.identity_api.client.SILENCE_SECONDS", 1.3)
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        async with aclosing(client.revocations(0)) as stream:
            await anext(stream)
            running.records.unavailable = True
            with pytest.raises(Unavailable, match="silent"):
                await anext(stream)
        with pytest.raises(Unavailable, match="503"):
            async with aclosing(client.revocations(0)) as stream:
                await anext(stream)


async def test_the_stream_ends_when_identity_stops(tmp_path: Path):
    async with closing(IdentityClient.over_unix(tmp_path / "gateway.sock")) as client:
        async with identity(tmp_path):
            stream = client.revocations(0)
            await anext(stream)
        with pytest.raises(Unavailable, match="ended"):
            await anext(stream)
        with pytest.raises(Unavailable, match="can't be reached"):
            await anext(client.revocations(0))


async def test_events_are_added_up_and_arrive(tmp_path: Path):
    async with identity(tmp_path) as running:
        client = IdentityClient.over_unix(running.path)
        for _ in range(3):
            client.record(GatewayEvent("request-refused", "mail", count=2))
        client.record(GatewayEvent("alarm", details=(("a", "b"),)))
        await client.close()
        assert running.events == [
            ("local", GatewayEvent("request-refused", "mail", count=6)),
            ("local", GatewayEvent("alarm", details=(("a", "b"),))),
        ]


async def test_more_events_than_one_call_holds_arrive_in_several(tmp_path: Path):
    """A morning on which every phone comes back, and each says much in letters that take twelve bytes."""
    async with identity(tmp_path) as running:
        client = IdentityClient.over_unix(running.path)
        said = tuple((name, "\N{SLIGHTLY SMILING FACE}" * 256) for name in ("model", "os", "friendly_name"))
        told = [GatewayEvent(FACTS_EVENT, "mail", details=(("grant_id", str(n)), *said)) for n in range(100)]
        for event in told:
            client.record(event)
        await client.close()
        assert [event for _, event in running.events] == told


async def test_events_that_identity_cannot_take_now_are_kept(tmp_path: Path):
    client = IdentityClient.over_unix(tmp_path / "nobody.sock")
    client.record(GatewayEvent("alarm"))
    await client.close()
    assert list(client._events) == [("alarm", "", "", ())]


@pytest.mark.alone
async def test_what_a_phone_said_of_itself_does_not_wait_for_other_events(tmp_path: Path):
    """The phone's next request is refused until identity has heard it."""
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        began = asyncio.get_running_loop().time()
        client.record(GatewayEvent("request-refused", "mail"))
        client.record(GatewayEvent(FACTS_EVENT, "mail", details=(("grant_id", "g"),)))
        async with asyncio.timeout(5):
            while len(running.events) < 2:
                await asyncio.sleep(0.005)
        assert asyncio.get_running_loop().time() - began < EVENTS_EVERY_SECONDS / 2


async def test_the_course_of_a_wipe_is_reported_and_answered(tmp_path: Path):
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        assert await client.report_wipe(WipeReport(b"note", WipeProgress.FAILED, 2, node="claimed"))
        assert not await client.report_wipe(WipeReport(b"old", WipeProgress.SENT))
        with pytest.raises(Unavailable, match="503"):
            await client.report_wipe(WipeReport(b"locked", WipeProgress.SENT))
        assert running.reports.stored[0] == WipeReport(b"note", WipeProgress.FAILED, 2, node="local")


async def test_a_node_reports_wipes_under_its_own_name(tmp_path: Path):
    async with identity(tmp_path, tls=True) as running, closing(running.node()) as client:
        client._node = "victim"
        assert await client.report_wipe(WipeReport(b"note", WipeProgress.ERASED, 1))
        assert running.reports.stored == [WipeReport(b"note", WipeProgress.ERASED, 1, node="edge1")]


async def test_a_node_works_over_mutual_tls_under_its_own_name(tmp_path: Path):
    async with identity(tmp_path, tls=True) as running, closing(running.node()) as client:
        decision = await client.evaluate(replace(REQUEST, node="edge1"))
        assert decision.grant.node == "edge1"
        assert decision.authorization.headers == ((b"X-Remote-User", b"edge1"),)
        authorization = await client.authorize(replace(GRANT, node="edge1"))
        assert authorization.headers == ((b"X-Remote-User", b"edge1"),)
        async with aclosing(client.revocations(0)) as stream:
            pushed = await publish(running.records, RevocationScope.DEVICE, device_id="ABC")
            assert pushed in (await anext(stream)).revocations
        [node] = running.records.tables.nodes.values()
        assert node.name == "edge1"
        assert [entry.event.value for entry in running.records.tables.audit] == ["node:certificate:seen"]


async def test_a_node_gets_nothing_its_certificate_does_not_name(tmp_path: Path):
    async with identity(tmp_path, tls=True) as running, closing(running.node()) as client:
        own = replace(REQUEST, node="edge1")
        for request in [replace(own, node="edge2"), replace(own, publication="other"), REQUEST]:
            with pytest.raises(Unavailable, match="403"):
                await client.evaluate(request)
        with pytest.raises(Unavailable, match="403"):
            await client.issue_challenge("other", "c", b"NTLMSSP\0")
        for grant in [replace(GRANT, node="edge2"), replace(GRANT, node="edge1", publication="other")]:
            with pytest.raises(Unavailable, match="403"):
                await client.authorize(grant)
            with pytest.raises(Unavailable, match="403"):
                await client.report_refused(grant, "v")
        assert running.decider.asked == []
        assert running.desk.refused == []


async def test_only_named_nodes_of_other_machines_have_inside_listeners(tmp_path: Path):
    """A node in the DMZ that was taken over could call its listener what it likes."""
    asked = replace(REQUEST, listener="inside")
    async with identity(tmp_path, tls=True) as running, closing(running.node()) as client:
        with pytest.raises(Unavailable, match="403"):
            await client.evaluate(replace(asked, node="edge1"))
        assert running.decider.asked == []
        await client.evaluate(replace(REQUEST, node="edge1"))
    here = tmp_path / "here"
    here.mkdir()
    async with identity(here) as running, closing(IdentityClient.over_unix(running.path)) as client:
        await client.evaluate(asked)
        assert running.decider.asked == [asked], (
            "on identity's own machine the settings are the gateway's as well"
        )
    lan = Caller(node="lan1", publications=frozenset({"mail"}))
    InsideListeners(frozenset({"inside"}), frozenset({"lan1"})).check(lan, "inside")


async def test_a_decision_comes_without_a_sign_in_that_fails(tmp_path: Path, monkeypatch):
    async with identity(tmp_path) as running, closing(IdentityClient.over_unix(running.path)) as client:
        for failure in (BackendSignInRefused(Reason.BACKEND_SECRET_SUSPENDED), Unavailable("locked")):

            async def fail(_grant: Grant, failure: Exception = failure) -> BackendAuthorization:
                raise failure

            monkeypatch.setattr(running.desk, "authorize", fail)
            decision = await client.evaluate(REQUEST)
            assert (decision.outcome, decision.authorization) == (Outcome.ALLOW, None)


async def test_stored_secrets_never_go_to_another_machine(tmp_path: Path):
    async with identity(tmp_path, tls=True) as running, closing(running.node()) as client:
        running.server.policy_changed(frozenset({"vault", "mail"}))
        decision = await client.evaluate(replace(REQUEST, node="edge1"))
        assert (decision.outcome, decision.authorization) == (Outcome.ALLOW, None)
        with pytest.raises(BackendSignInRefused) as refused:
            await client.authorize(replace(GRANT, node="edge1", publication="vault"))
        assert refused.value.reason is Reason.BACKEND_SIGN_IN_REFUSED


async def test_a_certificate_of_another_ca_is_refused(tmp_path: Path):
    async with identity(tmp_path, tls=True) as running:
        pki.init(tmp_path / "foreign", now=datetime.now(UTC))
        async with closing(running.node(pki_folder=tmp_path / "foreign")) as client:
            with pytest.raises(Unavailable):
                await client.evaluate(replace(REQUEST, node="edge1"))
        assert running.decider.asked == []


async def test_an_expired_certificate_is_refused(tmp_path: Path):
    async with identity(tmp_path, tls=True) as running:
        past = datetime.now(UTC) - timedelta(days=10)
        async with closing(running.node(now=past, days=5)) as client:
            with pytest.raises(Unavailable):
                await client.evaluate(replace(REQUEST, node="edge1"))
        assert running.decider.asked == []


async def test_no_certificate_identity_s_own_and_older_tls_are_refused(tmp_path: Path):
    async with identity(tmp_path, tls=True) as running:
        folder = tmp_path / "pki"
        bare = ssl.create_default_context(cafile=folder / "ca.crt")
        old = build_node_context(folder / "identity.crt", folder / "identity.key", folder / "ca.crt")
        own = build_node_context(folder / "identity.crt", folder / "identity.key", folder / "ca.crt")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
        for context in (bare, own, old):
            pool = ConnectionPool(TlsAddress("127.0.0.1", running.port, context))
            with pytest.raises(Unavailable):
                await pool.call(encode_request("POST", "/v1/evaluate", b"{}"))
            pool.close()
        await asyncio.sleep(0)


async def test_a_node_does_not_take_another_node_for_identity(tmp_path: Path):
    """A thief of a node's key must not be able to play identity towards the other nodes."""
    now = datetime.now(UTC)
    folder = tmp_path / "pki"
    pki.init(folder, now=now)
    thief = pki.issue(folder, "thief", now=now, publications=["mail"])
    victim = pki.issue(folder, "victim", now=now, publications=["mail"])
    context = build_identity_context(thief.certificate, thief.key, folder / "ca.crt")
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    own = build_node_context(victim.certificate, victim.key, folder / "ca.crt")
    async with (
        server,
        closing(IdentityClient.over_tls(f"https://127.0.0.1:{port}", own, node="victim")) as client,
    ):
        with pytest.raises(Unavailable, match=r"can't be reached|identity"):
            await client.evaluate(REQUEST)


@pytest.mark.alone
async def test_a_revoked_node_is_cut_at_once_and_stays_out(tmp_path: Path):
    async with identity(tmp_path, tls=True) as running:
        client, other = running.node(), running.node("edge2")
        async with closing(client), closing(other):
            await client.evaluate(replace(REQUEST, node="edge1"))
            await other.evaluate(replace(REQUEST, node="edge2"))
            stream = client.revocations(0)
            await anext(stream)
            asked_before = len(running.decider.asked)
            in_flight = asyncio.ensure_future(client.evaluate(asking("slow", node="edge1")))
            await until(lambda: len(running.decider.asked) > asked_before)
            now = datetime.now(UTC)

            def revoke(records):
                records.nodes.revoke("edge1", now)
                records.revocations.publish(RevocationScope.NODE, now=now, node="edge1")

            asked = time.monotonic()
            await running.records.write(revoke)
            with pytest.raises(Unavailable):
                await in_flight
            assert time.monotonic() - asked < PUSH_SECONDS
            with pytest.raises(Unavailable):
                while True:
                    await anext(stream)
            with pytest.raises(Unavailable):
                await client.evaluate(replace(REQUEST, node="edge1"))
            assert (await other.evaluate(replace(REQUEST, node="edge2"))).outcome is Outcome.ALLOW


async def test_a_revocation_nobody_told_of_cuts_within_the_next_seconds(tmp_path: Path):
    async with identity(tmp_path, tls=True) as running, closing(running.node()) as client:
        await client.evaluate(replace(REQUEST, node="edge1"))
        await running.records.write(lambda records: records.nodes.revoke("edge1", datetime.now(UTC)))
        deadline = time.monotonic() + 5
        with pytest.raises(Unavailable):
            while time.monotonic() < deadline:
                await client.evaluate(replace(REQUEST, node="edge1"))
                await asyncio.sleep(0.1)


async def test_a_node_with_too_many_failures_may_try_generated_passwords_only(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(node_budget, "BURST", 3)
    async with identity(tmp_path, tls=True) as running, closing(running.node()) as client:
        for _ in range(3):
            assert (await client.evaluate(asking("bad", node="edge1"))).reason is Reason.CREDENTIAL_WRONG
        refused = await client.evaluate(asking("good", node="edge1"))
        assert (refused.reason, refused.retry_after_seconds) == (Reason.OVERLOADED, 30)
        asked = len(running.decider.asked)
        await client.evaluate(asking("abcde-fghij-kmnpq-rstuv-wxyza", node="edge1"))
        assert len(running.decider.asked) == asked + 1


async def test_the_url_must_be_https_with_a_port():
    for url in ["http://id:1", "https://id", "https://id:1/path", "id:1"]:
        with pytest.raises(ValueError, match="https://host:port"):
            IdentityClient.over_tls(url, ssl.create_default_context(), node="edge1")


async def test_a_second_server_does_not_steal_the_socket(tmp_path: Path):
    async with identity(tmp_path) as running:
        with pytest.raises(OSError, match="already"):
            await Identity(tmp_path).server.serve_unix(running.path)
