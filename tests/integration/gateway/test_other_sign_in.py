"""After a reload or a change at identity, what signed in behind before is sent nowhere and serves nobody any more."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, replace

from handfast.decision.outcome import BackendAuthorization
from handfast.decision.ports import RevocationBatch
from tests.fakes.gateway_peers import TARGET, Gateway, RawBackend, request_bytes, until
from tests.integration.gateway.test_tickets_behind import CONNECTION, Realm, Server, ticket_of

BASIC = BackendAuthorization(((b"Authorization", b"Basic " + base64.b64encode(b"alice:old")),), version="v1")
NONE = {"ticket_per": ""}
OTHER_PHONE = TARGET.replace("ABC123", "XYZ789")


@dataclass
class Changing(Realm):
    """Signs in by `plain` while there is one, and else by tickets."""

    plain: BackendAuthorization | None = None

    async def authorize(self, grant, channel_binding=b""):
        if self.plain is not None:
            plain = self.plain
            if self.wait is not None:
                await self.wait.wait()
            return plain
        return await super().authorize(grant, channel_binding)

    def resync(self) -> None:
        """As identity tells its gateways of new settings."""
        for queue in self._queues:
            queue.put_nowait(RevocationBatch(self.epoch, resync=True))

    async def have_one_asked_anew(self) -> None:
        """New settings, by which the gateway has its one grant looked at again."""
        asked = len(self.asked)
        self.resync()
        await until(lambda: len(self.asked) == asked + 1)


@dataclass
class Polled:
    """A server whose first requests hang until `goes_on`; after that `then` serves. `heads` are those `then` saw."""

    then: Server
    hanging: int
    goes_on: asyncio.Event

    async def __call__(self, peer) -> None:
        if self.hanging:
            self.hanging -= 1
            await peer.read_request()
            await self.goes_on.wait()
            await peer.answer(b"polled")
        else:
            await self.then(peer)


async def echo(peer) -> None:
    """A server that asks for no sign-in."""
    while True:
        _, body = await peer.read_request()
        await peer.answer(body)


async def resync(realm: Changing, gateway: Gateway) -> None:
    """New settings at identity, of which the gateway has heard."""
    generation = gateway.worker.state.grants.generation
    realm.resync()
    await until(lambda: gateway.worker.state.grants.generation > generation)


async def reload_backend(gateway: Gateway, **changes: str) -> None:
    (before,) = gateway.config.publications
    changed = replace(before, backend=replace(before.backend, **changes))
    await gateway.worker.reload(replace(gateway.config, publications=(changed,)))


async def test_grants_that_outlive_a_reload_to_tickets_send_no_password_to_the_servers():
    realm, goes_on = Changing(plain=BASIC), asyncio.Event()
    async with (
        RawBackend(Polled(Server(), 2, goes_on)) as backend,
        Gateway(backend.url, identity=realm, backend=NONE) as gateway,
    ):
        polls = [await gateway.client() for _ in range(2)]
        for poll, target in zip(polls, (TARGET, OTHER_PHONE), strict=True):
            await poll.send(request_bytes(target=target))
        # The second waits for the first one's verdict on the secret, unless that is known.
        gateway.worker.state.proofs.accept((1, "mail", "v1"))
        await until(lambda: [b"Basic" in seen for seen in backend.heads] == [True, True])
        realm.plain = None
        asked = len(realm.asked)
        await reload_backend(gateway, **CONNECTION)
        await until(lambda: len(realm.asked) == asked + 2)
        seen = len(backend.seen)
        first, second = await gateway.client(), await gateway.client()
        assert (await first.ask(body=b"1")).body == b"alice:alice-1:1"
        assert (await second.ask(target=OTHER_PHONE, body=b"2")).body == b"alice::2", "on the same connection"
        assert b"Basic" not in b"".join(backend.heads[seen:])
        assert len(realm.asked) == asked + 2, "both grants were looked at again, and live on"
        goes_on.set()
        assert [(await poll.read_answer()).body for poll in polls] == [b"polled", b"polled"]


async def test_identity_that_is_behind_with_the_reload_gets_no_password_through():
    realm = Changing(plain=BASIC)
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        assert (await client.ask()).status == 503
        assert backend.seen == []
        realm.plain = None
        assert (await client.ask()).body == b"alice:alice-1:"


async def test_after_a_reload_from_tickets_the_new_way_is_used_on_a_connection_of_its_own():
    realm = Changing()
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        assert (await client.ask()).body == b"alice:alice-1:"
        realm.plain = BASIC
        await reload_backend(gateway, **NONE)
        await client.ask()
        assert len(backend.seen) == 2
        assert b"Basic" in backend.heads[1]
        assert ticket_of(backend.heads[1]) == ""
        await until(lambda: backend.open <= 1)


async def test_a_grant_that_outlives_a_reload_asks_anew_how_it_signs_in():
    realm, goes_on = Changing(plain=BASIC), asyncio.Event()

    async with (
        RawBackend(Polled(echo, 1, goes_on)) as backend,
        Gateway(backend.url, identity=realm, backend=NONE) as gateway,
    ):
        poll = await gateway.client()
        await poll.send(request_bytes())
        await until(lambda: len(backend.seen) == 1)
        realm.plain = BackendAuthorization(((b"X-Remote-User", b"alice"),))
        await realm.have_one_asked_anew()
        assert (await (await gateway.client()).ask(body=b"x")).body == b"x"
        assert (b"Basic" in backend.heads[-1], b"X-Remote-User: alice" in backend.heads[-1]) == (False, True)
        goes_on.set()
        assert (await poll.read_answer()).body == b"polled"


async def test_what_identity_said_before_it_changed_is_kept_for_no_later_request():
    realm = Changing(plain=BackendAuthorization(((b"X-Remote-User", b"old"),)), wait=asyncio.Event())

    async with (
        RawBackend(echo) as backend,
        Gateway(backend.url, identity=realm, backend=NONE) as gateway,
    ):
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: bool(gateway.worker.state.tasks) and len(realm.asked) == 1)
        await realm.have_one_asked_anew()
        realm.wait.set()
        assert (await client.read_answer()).status == 200
        realm.plain = BackendAuthorization(((b"X-Remote-User", b"new"),))
        assert (await client.ask()).status == 200
        assert backend.heads[0].count(b"X-Remote-User: old") == 1
        assert backend.heads[0].count(b"X-Remote-User: new") == 1


async def test_what_identity_makes_tickets_for_may_change_and_signed_in_connections_end():
    realm = Changing()
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        assert (await client.ask()).body == b"alice:alice-1:"
        await resync(realm, gateway)
        assert (await client.ask()).body == b"alice:alice-2:"
        assert len(backend.seen) == 2


async def test_what_changed_while_identity_could_not_be_heard_ends_signed_in_connections_as_well():
    identity = Changing()
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=identity, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        for _ in range(2):
            assert (await client.ask()).status == 200
        assert len(identity.bindings) == 1
        generation = gateway.worker.state.grants.generation
        identity.is_beating = True
        identity.cut_stream()
        link = gateway.worker.state.link
        await until(lambda: not link.is_reachable)
        await until(lambda: link.is_reachable and gateway.worker.state.grants.generation > generation)
        assert (await client.ask()).status == 200
        assert len(identity.bindings) == 2


async def test_a_ticket_made_while_identity_changed_signs_in_one_request():
    realm = Changing(wait=asyncio.Event())
    async with (
        RawBackend(Server()) as backend,
        Gateway(backend.url, identity=realm, backend=CONNECTION) as gateway,
    ):
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: realm.bindings)
        await resync(realm, gateway)
        realm.wait.set()
        assert (await client.read_answer()).body == b"alice:alice-1:"
        assert (await client.ask()).body == b"alice:alice-2:"


async def test_a_secret_that_is_refused_after_identity_changed_is_reported_as_the_one_that_was_sent():
    realm, goes_on = Changing(plain=BASIC), asyncio.Event()

    async def refuse_late(peer):
        await peer.read_request()
        await goes_on.wait()
        await peer.send(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")

    async with (
        RawBackend(refuse_late) as backend,
        Gateway(backend.url, identity=realm, backend=NONE) as gateway,
    ):
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: len(backend.seen) == 1)
        await realm.have_one_asked_anew()
        goes_on.set()
        assert (await client.read_answer()).status == 503
        await until(lambda: realm.refused_versions == ["v1"])
