"""A block is now: what runs is cut, what comes is refused, and silence of identity ends in a refusal too."""

from __future__ import annotations

import asyncio

import pytest

from handfast.decision.ports import RevocationBatch
from handfast.decision.reasons import Reason
from handfast.gateway import revalidation
from handfast.identity.records import RevocationScope
from tests.fakes.gateway_peers import FakeIdentity, Gateway, RawBackend, request_bytes, until

CUT_SECONDS = 0.5
"""A block is promised "well under a second"; the machine that tests may be busy."""


async def hang(peer):
    await peer.read_request()
    await peer.reader.read()


async def stream(peer):
    await peer.read_request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin")
    await peer.reader.read()


SCOPES = [
    (RevocationScope.ACCOUNT, {"account_id": 1}),
    (RevocationScope.PARTNERSHIP, {"account_id": 1, "device_id": "ABC123"}),
    (RevocationScope.DEVICE, {"device_id": "ABC123"}),
    (RevocationScope.EVERYTHING, {}),
    (RevocationScope.STORED_SECRET, {"account_id": 1, "publication": "mail"}),
]


@pytest.mark.alone
@pytest.mark.parametrize(("scope", "fields"), SCOPES)
async def test_a_hanging_request_is_answered_and_closed_at_once(scope, fields):
    async with RawBackend(hang) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: bool(backend.seen))
        began = asyncio.get_running_loop().time()
        gateway.identity.revoke(scope, **fields)
        answer = await client.read_answer()
        assert answer.status in (403, 503)
        assert asyncio.get_running_loop().time() - began < CUT_SECONDS
        assert await client.is_closed()
        await until(lambda: backend.open == 0)


async def test_an_answer_that_began_is_cut_off():
    async with RawBackend(stream) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        await client.reader.readuntil(b"begin")
        gateway.identity.revoke(RevocationScope.PARTNERSHIP, account_id=1, device_id="ABC123")
        assert await client.is_closed()
        await until(lambda: bool(gateway.identity.records))
        assert gateway.identity.records[0].reason is Reason.REVOKED_IN_FLIGHT
        await until(lambda: backend.open == 0)


async def test_others_go_on_and_the_next_request_is_decided_anew():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        alice, bob = await gateway.client(), await gateway.client()
        assert (await alice.ask(user="alice")).status == (await bob.ask(user="bob")).status == 200
        gateway.identity.blocked.add(1)
        gateway.identity.revoke(RevocationScope.ACCOUNT, account_id=1)
        await until(lambda: gateway.worker.state.link.epoch == 2)
        assert (await alice.ask(user="alice")).status == 403
        assert (await bob.ask(user="bob")).status == 200
        assert len(gateway.identity.asked) == 3
        await until(lambda: backend.open == 1)


async def test_a_grant_older_than_a_revocation_already_seen_is_not_taken():
    identity = FakeIdentity(gate=asyncio.Event())
    async with RawBackend() as backend, Gateway(backend.url, identity=identity) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: bool(identity.asked))
        old_epoch = identity.epoch
        identity.revoke(RevocationScope.ACCOUNT, account_id=1)
        await until(lambda: gateway.worker.state.link.epoch == 2)
        identity.epoch, identity.is_beating = old_epoch, False
        identity.gate.set()
        assert (await client.read_answer()).status == 503
        assert backend.seen == []


async def test_silence_means_503_for_the_new_and_grace_for_the_live(monkeypatch):
    # Twenty heartbeats are no short silence, and three seconds of grace after it are time enough on a busy machine.
    monkeypatch.setattr("handfast.gateway.identity_link.SILENCE_SECONDS", 1.0)
    async with RawBackend() as backend, Gateway(backend.url, grant_grace_seconds=4.0) as gateway:
        client, hanging = await gateway.client(), await gateway.client()
        assert (await client.ask()).status == 200
        backend.handler = hang
        await hanging.send(request_bytes(user="bob"))
        await until(lambda: len(backend.seen) == 2)
        gateway.identity.is_beating = False
        await until(lambda: not gateway.worker.state.link.is_reachable)
        assert (await client.ask()).status == 200
        fresh = await (await gateway.client()).ask(user="bob", extra="MS-ASProtocolVersion: 16.1\r\n")
        assert (fresh.status, "retry-after" in fresh.headers) == (503, True)
        cut = await hanging.read_answer()
        assert cut.status in (403, 503)
        assert any(record.reason is Reason.GRANT_EXPIRED for record in gateway.identity.records)
        assert (await client.ask()).status == 503
        gateway.identity.is_beating = True
        await until(lambda: gateway.worker.state.link.is_reachable)
        asked = len(gateway.identity.asked)
        assert (await client.ask()).status == 200
        assert len(gateway.identity.asked) == asked + 1


async def test_a_long_request_outlives_its_grant_while_identity_says_yes(monkeypatch):
    monkeypatch.setattr(revalidation, "RETRY_SECONDS", 0.05)
    identity = FakeIdentity(lifetime_seconds=0.3)
    async with RawBackend(hang) as backend, Gateway(backend.url, identity=identity) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: len(identity.asked) >= 3)
        assert backend.open == 1
        identity.blocked.add(1)
        assert (await client.read_answer()).status == 403


async def test_what_runs_is_decided_anew_when_identity_is_back():
    async with RawBackend(hang) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: bool(backend.seen))
        gateway.identity.blocked.add(1)
        gateway.identity.cut_stream()
        assert (await client.read_answer()).status == 403
        assert len(gateway.identity.asked) == 2


async def test_identity_down_is_503_with_retry_after():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.is_available = False
        answer = await (await gateway.client()).ask()
        assert (answer.status, "retry-after" in answer.headers) == (503, True)
        assert backend.seen == []


class SlowIdentity(FakeIdentity):
    """Makes up its mind at once and answers when it is let go: its answer may be of a policy that is gone by then."""

    held: asyncio.Event | None = None

    async def evaluate(self, request):
        decision = await super().evaluate(request)
        if self.held is not None:
            await self.held.wait()
        return decision

    def change_policy(self) -> None:
        """From now on nobody is let in; every gateway is told to ask again."""
        self.blocked.add(1)
        for queue in self._queues:
            queue.put_nowait(RevocationBatch(self.epoch, resync=True))


async def test_an_answer_asked_for_before_the_policy_changed_is_asked_for_again():
    identity = SlowIdentity()
    async with RawBackend() as backend, Gateway(backend.url, identity=identity) as gateway:
        identity.held = asyncio.Event()
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: len(identity.asked) == 1)
        generation = gateway.worker.state.grants.generation
        identity.change_policy()
        await until(lambda: gateway.worker.state.grants.generation > generation)
        identity.held.set()
        assert (await client.read_answer()).status == 403
        assert len(identity.asked) == 2
        assert not backend.seen


async def test_what_runs_is_asked_about_again_where_the_policy_changed_under_the_question():
    identity = SlowIdentity()
    async with RawBackend(hang) as backend, Gateway(backend.url, identity=identity) as gateway:
        client = await gateway.client()
        await client.send(request_bytes())
        await until(lambda: bool(backend.seen))
        identity.held = asyncio.Event()
        grants = gateway.worker.state.grants
        for live in grants.forget_all():
            gateway.worker._recheck(live)
        await until(lambda: len(identity.asked) == 2)
        generation = grants.generation
        identity.change_policy()
        await until(lambda: grants.generation > generation)
        identity.held.set()
        assert (await client.read_answer()).status == 403
        assert len(identity.asked) == 3
        await until(lambda: backend.open == 0)
