import asyncio
import threading
import time

import pytest

from handfast.identity.ports import Unavailable
from handfast.keys.hasher import THREADS, Argon2Hasher


@pytest.fixture
def hasher():
    made = Argon2Hasher(time_cost=1, memory_kib=64, max_waiting=2)
    yield made
    made.close()


async def test_a_secret_fits_its_own_hash_alone(hasher: Argon2Hasher):
    verifier = await hasher.hash("1234 ä")
    assert verifier.startswith("$argon2id$")
    assert verifier != await hasher.hash("1234 ä")
    assert await hasher.verify(verifier, "1234 ä")
    assert not await hasher.verify(verifier, "1234 a")
    assert not await hasher.verify("no hash", "1234")


async def test_without_a_verifier_nothing_fits_after_as_much_work(hasher: Argon2Hasher, monkeypatch):
    seen = []
    monkeypatch.setattr(hasher, "_fits", lambda verifier, secret: seen.append(verifier) or True)
    assert not await hasher.verify(None, "1234")
    assert seen[0].startswith("$argon2id$v=19$m=64,t=1,p=1$")


async def test_a_full_queue_is_unavailable_and_empties_again(hasher: Argon2Hasher, monkeypatch):
    monkeypatch.setattr(hasher, "_fits", lambda verifier, secret: time.sleep(0.02) or True)
    calls = [hasher.verify("v", "s") for _ in range(THREADS + 2 + 3)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results].count(Unavailable) == 3
    assert results.count(True) == THREADS + 2
    assert await hasher.verify("v", "s")


async def test_what_waited_too_long_is_not_begun(monkeypatch):
    patience = 1.5
    hasher = Argon2Hasher(time_cost=1, memory_kib=64, max_waiting=20, max_wait_seconds=patience)
    begun, let_go = [], threading.Event()
    monkeypatch.setattr(hasher, "_fits", lambda verifier, secret: begun.append(1) or let_go.wait(20))
    try:
        calls = asyncio.gather(*(hasher.verify("v", "s") for _ in range(THREADS * 4)), return_exceptions=True)
        async with asyncio.timeout(20):
            while len(begun) < THREADS:
                await asyncio.sleep(0.01)
        await asyncio.sleep(patience)
        let_go.set()
        results = await calls
        assert [type(result) for result in results].count(Unavailable) == THREADS * 3
        assert len(begun) == results.count(True) == THREADS
        assert await hasher.verify("v", "s")
    finally:
        hasher.close()


@pytest.mark.alone
async def test_the_stand_in_for_no_secret_costs_a_whole_hash():
    hasher = Argon2Hasher(time_cost=8, memory_kib=16 * 1024)
    try:
        verifier = await hasher.hash("1234")

        async def seconds(against: str | None) -> float:
            """Of the processor: the hasher's threads stand back behind whatever else the machine does."""
            taken = []
            for _ in range(5):
                begun = time.process_time()
                assert not await hasher.verify(against, "4321")
                taken.append(time.process_time() - begun)
            return min(taken)

        assert await seconds(None) > await seconds(verifier) / 2
    finally:
        hasher.close()
