import asyncio

from handfast.gateway import proving
from handfast.gateway.proving import SecretProofs

KEY = (1, "mail", "v1")


async def start(proofs):
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(proofs.enter(KEY)) for _ in range(3)]
    await asyncio.sleep(0)
    return tasks


async def test_one_tries_and_the_others_follow_when_it_was_accepted():
    proofs = SecretProofs(asyncio.get_running_loop())
    tasks = await start(proofs)
    assert [task.done() for task in tasks] == [True, False, False]
    proofs.accept(KEY)
    assert await asyncio.gather(*tasks) == [True, False, False]
    assert proofs.is_proven(KEY)
    assert not proofs.is_refused(KEY)


async def test_after_a_refusal_nobody_tries():
    proofs = SecretProofs(asyncio.get_running_loop())
    tasks = await start(proofs)
    proofs.refuse(KEY)
    assert await asyncio.gather(*tasks) == [True, False, False]
    assert proofs.is_refused(KEY)
    assert await proofs.enter(KEY) is False


async def test_without_a_verdict_the_next_one_tries():
    proofs = SecretProofs(asyncio.get_running_loop())
    tasks = await start(proofs)
    proofs.leave(KEY)
    await asyncio.sleep(0.01)
    assert sum(task.done() for task in tasks) == 2
    proofs.leave(KEY)
    assert await asyncio.gather(*tasks) == [True, True, True]


async def test_a_silent_back_end_has_taken_the_secret(monkeypatch):
    monkeypatch.setattr(proving, "SILENT_SECONDS", 0.05)
    proofs = SecretProofs(asyncio.get_running_loop())
    assert await asyncio.gather(*await start(proofs)) == [True, False, False]
    assert proofs.is_proven(KEY)


def test_a_sign_in_without_a_version_needs_no_proof():
    proofs = SecretProofs(asyncio.new_event_loop())
    proofs._loop.close()
    assert proofs.is_proven((1, "mail", ""))
