"""A password that is wrong behind us, under bursts: the server sees next to nothing of it, and later nothing at all.

One request after the other costs one attempt (shown with a real server in tests/integration/sogo). What is under way at
the same moment can't be called back: a secret nobody has tried yet costs at most one attempt a worker, one that was
good until now at most what was in flight when the first refusal came.
"""

from __future__ import annotations

import asyncio

import pytest

from handfast.lab.phone import SimulatedPhone
from tests.installation import HOST, installation
from tests.lab_server import lab_server

WORKERS = 2
BURST = 12


@pytest.fixture(scope="module")
def server():
    with lab_server(accept="basic", passwords={"alice": "right"}) as running:
        yield running


@pytest.fixture(scope="module")
def stored_site(server):
    with installation(backend=server.url, auth='["basic"]', backend_auth="stored", workers=WORKERS) as site:
        site.add_account("alice")
        site.values["password"] = site.issue("alice")
        yield site


async def burst(site) -> set[int]:
    """Statuses of as many requests at once, each on a connection of its own."""
    phones = [
        SimulatedPhone(site.url, site.ca_file, HOST, "alice", site.values["password"], "A1")
        for _ in range(BURST)
    ]
    try:
        return {
            answer.http_status for answer in await asyncio.gather(*(phone.folder_sync() for phone in phones))
        }
    finally:
        for phone in phones:
            await phone.close()


async def test_a_secret_never_tried_costs_at_most_one_attempt_a_worker(stored_site, server):
    failed = server.failed_sign_ins("alice")
    await asyncio.to_thread(stored_site.store_secret, "alice", "alice", "mistyped")
    assert await burst(stored_site) == {503}
    first = server.failed_sign_ins("alice") - failed
    assert 1 <= first <= WORKERS
    for _ in range(3):
        assert await burst(stored_site) == {503}
    assert server.failed_sign_ins("alice") - failed == first


async def test_a_secret_that_was_good_costs_what_was_in_flight_and_then_nothing(stored_site, server):
    await asyncio.to_thread(server.set_password, "alice", "good")
    await asyncio.to_thread(stored_site.store_secret, "alice", "alice", "good")
    assert await burst(stored_site) == {200}
    failed = server.failed_sign_ins("alice")
    server.set_password("alice", "changed")
    assert await burst(stored_site) == {503}
    first = server.failed_sign_ins("alice") - failed
    assert 1 <= first <= BURST
    for _ in range(3):
        assert await burst(stored_site) == {503}
    assert server.failed_sign_ins("alice") - failed == first
    assert (
        len(await asyncio.to_thread(stored_site.wait_for_log_line, "stored-secret-suspended", count=2)) == 2
    )


async def test_without_a_stored_secret_nothing_is_tried_at_all(stored_site, server):
    await asyncio.to_thread(stored_site.cli, "backend-secret", "remove", "alice", "mail")
    before = len(server.requests())
    assert await burst(stored_site) == {503}
    assert len(server.requests()) == before
