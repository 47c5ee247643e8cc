"""A block takes effect on every connection at once, however the connection came by its grant."""

from __future__ import annotations

import asyncio

import pytest

from handfast.gateway import grants
from handfast.gateway.grants import GrantCache
from handfast.identity.records import RevocationScope
from tests.fakes.gateway_peers import FakeIdentity, Gateway, RawBackend, until


def unlink_and_trust(cache: GrantCache, live) -> None:
    """As `_unlink`, but a grant that no revocation can find any more is still believed."""
    live.deadline = grants.NEVER
    for subject in grants._subjects(live.grant):
        cache._by_subject.get(subject, set()).discard(live)


async def two_at_once() -> list[int]:
    """Two connections of one phone are decided at the same time; then its device is blocked. Who still gets through?"""
    identity = FakeIdentity(delay_seconds=0.1)
    async with RawBackend() as backend, Gateway(backend.url, identity=identity) as gateway:
        clients = [await gateway.client(), await gateway.client()]
        assert [a.status for a in await asyncio.gather(*(client.ask() for client in clients))] == [200, 200]
        assert len(identity.asked) == 2
        await block(gateway)
        return [(await client.ask()).status for client in clients]


async def many_kinds(monkeypatch) -> list[int]:
    """A thief pushes his first grant out of a full cache by many others, then the device is blocked."""
    monkeypatch.setattr(grants, "MAX_GRANTS", 4)
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        first, other = await gateway.client(), await gateway.client()
        assert (await first.ask()).status == 200
        for number in range(6):
            assert (await other.ask(extra=f"User-Agent: kind{number}\r\n")).status == 200
        await block(gateway)
        return [(await first.ask()).status]


async def block(gateway: Gateway) -> None:
    identity = gateway.identity
    identity.delay_seconds = 0.0
    identity.blocked.add(1)
    identity.revoke(RevocationScope.PARTNERSHIP, account_id=1, device_id="ABC123")
    await until(lambda: gateway.worker.state.link.epoch == identity.epoch)


async def test_grants_decided_at_the_same_time_are_all_found_by_a_block():
    assert await two_at_once() == [403, 403]


async def test_a_grant_pushed_out_of_the_cache_is_not_believed_any_more(monkeypatch):
    assert await many_kinds(monkeypatch) == [403]


@pytest.mark.parametrize("attack", ["two at once", "many kinds"])
async def test_without_ending_what_is_unlinked_a_blocked_device_goes_on(attack, monkeypatch):
    monkeypatch.setattr(GrantCache, "_unlink", unlink_and_trust)
    statuses = await two_at_once() if attack == "two at once" else await many_kinds(monkeypatch)
    assert 200 in statuses
