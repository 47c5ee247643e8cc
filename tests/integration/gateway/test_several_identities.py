"""Kerberos behind with two identity processes behind one balancer: who made a ticket is who looks at its server's proof."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from handfast.backend_auth.live_grants import LiveGrants, RememberingDecider
from handfast.backend_auth.sign_in_desk import BackendAuth, SignInDesk, SignInKind
from handfast.decision.reasons import Reason
from handfast.gateway import proof_counts
from handfast.identity.records import DirectoryFacts
from handfast.identity_api import client_pool
from handfast.identity_api.client import IdentityClient
from handfast.identity_api.client_pool import UnixAddress
from handfast.identity_api.gateway_server import GatewayApiServer
from handfast.identity_api.wire import encode_request
from handfast.keys import pki
from handfast.keys.system import SystemClock
from handfast.observability.decisions import DecisionRecord
from handfast.observability.metrics import BACKEND_PROOFS
from tests.fakes.gateway_peers import FakeIdentity, Gateway, RawBackend, until
from tests.fakes.kerberos import FakeDelegation, proof_of
from tests.fakes.records import InMemoryRecords
from tests.integration.gateway.test_tickets_behind import negotiate, ticket_of

CONNECTION, REQUEST = {"ticket_per": "connection"}, {"ticket_per": "request"}


class Process:
    """One identity process: grants and contexts of its own, records that all share."""

    def __init__(self, name: str, folder: Path, records: InMemoryRecords) -> None:
        self.name, self.path = name, folder / name
        self.decider = FakeIdentity(epoch=0)
        self.delegation = FakeDelegation()
        self.grants = LiveGrants()
        desk = SignInDesk(
            records,
            records.keyring,
            self.grants,
            {"mail": BackendAuth(SignInKind.KERBEROS, spn="HTTP/fe")},
            SystemClock(),
            self.delegation,
        )
        self.server = GatewayApiServer(
            decider=RememberingDecider(self.decider, self.grants, name),
            sign_in=desk,
            revocations=records,
            records=records,
            clock=SystemClock(),
            parse_certificate=pki.parse_node_certificate,
            per_connection=frozenset({"mail"}),
            process=name,
        )
        self.is_running = True

    async def stop(self) -> None:
        if self.is_running:
            self.is_running = False
            await self.server.close(deadline_seconds=0.1)


@dataclass
class Balancer:
    """`Address` that leads each connection to the next process in turn; `up` are those that can be reached."""

    up: list[Process]
    connections: int = 0

    async def connect(self, factory):
        self.connections += 1
        return await UnixAddress(self.up[self.connections % len(self.up)].path).connect(factory)


@dataclass
class World:
    """A gateway's link to both, and what its requests came to."""

    processes: list[Process]
    balancer: Balancer
    link: IdentityClient
    records: list[DecisionRecord] = field(default_factory=list)

    @property
    def asked(self) -> list[int]:
        return [len(process.delegation.asked) for process in self.processes]


class Link(IdentityClient):
    """A gateway's link; what its requests came to stays in `records`."""

    is_beating = True

    def record(self, item) -> None:
        if isinstance(item, DecisionRecord):
            self.records.append(item)
        else:
            super().record(item)


@pytest.fixture
async def world(tmp_path):
    records = InMemoryRecords()
    now = SystemClock().now()
    facts = DirectoryFacts("CONTOSO.LAB", now, is_delegable=True)
    add = lambda r: r.accounts.add(
        user="alice", domain="CONTOSO", upn="", display_name="", now=now, sid="S-1", directory=facts
    )
    assert (await records.write(add)).id == 1
    processes = [Process(name, tmp_path, records) for name in ("one", "two")]
    for process in processes:
        await process.server.serve_unix(process.path)
    balancer = Balancer(list(processes))
    link = Link(balancer)
    link.records = []
    yield World(processes, balancer, link, link.records)
    await link.close()
    for process in processes:
        await process.stop()


def counted(result: str) -> float:
    return BACKEND_PROOFS.labels("mail", result)._value.get()


def number_of(head: bytes) -> str:
    """The last field of the ticket in a request."""
    return ticket_of(head).rpartition("|")[2]


async def proving(peer) -> None:
    """A server that proves itself to each ticket: the number is the ticket's last field."""
    while True:
        head, _ = await peer.read_request()
        await peer.answer(b"x", head=negotiate(proof_of(number_of(head))))


@contextlib.asynccontextmanager
async def published(world, serve=proving, settings=REQUEST):
    async with (
        RawBackend(serve) as backend,
        Gateway(backend.url, identity=world.link, backend=settings) as it,
    ):
        yield it


async def test_every_proof_is_looked_at_by_who_made_its_ticket(world):
    before = counted("good"), counted("unseen")
    async with published(world) as gateway:
        clients = [await gateway.client() for _ in range(6)]
        for _ in range(4):
            answers = await asyncio.gather(*[client.ask() for client in clients])
            assert {answer.status for answer in answers} == {200}, world.records[-1].reason
            # Each process has granted something by now, and the next round's grants are anyone's.
            gateway.worker.state.grants.forget_all()
    assert (counted("good") - before[0], counted("unseen") - before[1]) == (24, 0)
    assert all(world.asked), "both were asked, or nothing was shown"


async def test_a_wrong_proof_is_refused_whoever_else_there_is(world):
    async def lying(peer):
        while True:
            await peer.read_request()
            await peer.answer(b"secret", head=negotiate(b"proof-of-another"))

    before = counted("wrong")
    async with published(world, lying) as gateway:
        for _ in range(2):
            answer = await (await gateway.client()).ask()
            assert (answer.status, b"secret" in answer.body) == (503, False)
            assert world.records[-1].reason is Reason.BACKEND_SIGN_IN_REFUSED
    assert counted("wrong") - before >= 1


async def test_a_proof_whose_ticket_was_made_by_a_process_that_is_gone_is_not_looked_at(world, monkeypatch):
    told = []
    monkeypatch.setattr(
        proof_counts, "_LOG", SimpleNamespace(warning=lambda event, **more: told.append(more))
    )
    monkeypatch.setattr(client_pool, "TRIES", 2)

    async def outliving(peer):
        """The process goes after its ticket was made, and before the server's answer."""
        while True:
            head, _ = await peer.read_request()
            (maker,) = [one for one in world.processes if one.delegation.asked and one in world.balancer.up]
            world.balancer.up = [one for one in world.processes if one is not maker]
            await maker.stop()
            await peer.answer(b"x", head=negotiate(proof_of(number_of(head))))

    before = counted("unseen")
    async with published(world, outliving) as gateway:
        answer = await (await gateway.client()).ask()
        assert (answer.status, answer.body) == (200, b"x")
    assert counted("unseen") - before == 1
    assert [(one["publication"], one["count"]) for one in told] == [("mail", 1)]


async def test_a_grant_of_a_process_that_is_gone_is_good_for_one_refusal_and_the_next_has_a_new_one(world):
    async with published(world) as gateway:
        client = await gateway.client()
        assert (await client.ask()).status == 200
        (maker,) = [one for one in world.processes if one.delegation.asked]
        world.balancer.up = [one for one in world.processes if one is not maker]
        world.balancer.connections = 0
        # Its connections end while the stream, which leads to the other process, goes on.
        for pool in (world.link._pool, world.link._behind):
            for connection in list(pool._all):
                connection.abort()
        await until(lambda: not world.link._behind._all)
        opened = world.balancer.connections
        statuses = [(await client.ask()).status for _ in range(3)]
        assert statuses[1:] == [200, 200], world.records[-1].reason
        if statuses[0] != 200:
            assert world.records[-3].reason is Reason.GRANT_EXPIRED
        assert world.balancer.connections - opened <= 2 * client_pool.TRIES


async def test_a_process_that_a_balancer_drains_costs_one_refusal(world):
    """What stands to it stays, and new connections lead elsewhere: its grants could be used by nobody."""
    one, two = world.processes
    async with published(world) as gateway:
        world.balancer.up = [one]
        await world.link._pool.call(encode_request("GET", "/v1/nothing"))
        world.balancer.up = [two]
        client = await gateway.client()
        statuses = [(await client.ask()).status for _ in range(4)]
        assert statuses[1:] == [200, 200, 200], world.records[-1].reason


async def test_many_calls_that_look_for_a_process_at_once_look_together(world):
    link, (one, two) = world.link, world.processes
    world.balancer.up = [two]
    request = encode_request("GET", "/v1/nothing")

    async def look() -> None:
        with pytest.raises(client_pool.ProcessGone):
            await link._behind.call(request, process=one.name)

    await asyncio.gather(*(look() for _ in range(500)))
    assert world.balancer.connections <= client_pool.TRIES * client_pool.MAX_CONNECTIONS


async def test_a_process_that_was_not_found_is_not_looked_for_each_time(world):
    link, (one, two) = world.link, world.processes
    world.balancer.up = [two]
    request = encode_request("GET", "/v1/nothing")
    for _ in range(20):
        with pytest.raises(client_pool.ProcessGone):
            await link._behind.call(request, process=one.name)
    assert world.balancer.connections == client_pool.TRIES
    world.balancer.up = [one]
    assert (await link._pool.call(request, process=one.name))[0] == 404


async def test_a_pool_full_of_connections_to_others_makes_room(world):
    one, two = world.processes
    pool = client_pool.ConnectionPool(world.balancer, max_connections=2)
    request = encode_request("GET", "/v1/nothing")
    world.balancer.up = [two]
    await asyncio.gather(pool.call(request), pool.call(request))
    assert [connection.process for connection in pool._idle] == [two.name] * 2
    world.balancer.up = [one]
    assert (await pool.call(request, process=one.name))[0] == 404
    assert sorted(connection.process for connection in pool._idle) == [one.name, two.name]
    assert len(pool._all) == 2
    pool.close()
