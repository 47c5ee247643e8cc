"""I10: a crash of any process loses no acknowledged record and lets nobody in."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from handfast.decision.outcome import Decision, Grant, Outcome
from handfast.decision.publication import CredentialPolicy, LockoutPolicy
from handfast.decision.reasons import Reason
from handfast.gateway.identity_link import IdentityLink
from handfast.gateway.sign_in import Step
from handfast.identity.audit_verification import verify_trail
from handfast.identity.ports import Unavailable
from handfast.storage.migration import migrate
from handfast.storage.opening import open_records
from tests.fakes.gateway_peers import Gateway, RawBackend, until
from tests.fakes.identity_process import MAIL, IdentityProcess
from tests.fakes.keyring import FakeKeyRing

WRITER = Path(__file__).with_name("crash_writer.py")
ENOUGH = 60


async def lost_by_a_kill(folder: Path, manner: str) -> int:
    """How many acknowledged entries are missing after kill -9; the trail that is left must be whole."""
    url = f"sqlite:///{folder}/handfast.db"
    migrate(url)
    command = [sys.executable, str(WRITER), url, manner]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = 0
        for line in writer.stdout:
            acknowledged = int(line) + 1
            if acknowledged == ENOUGH:
                writer.kill()
                break
        for line in writer.stdout:
            acknowledged = int(line) + 1 if line.endswith("\n") else acknowledged
    assert acknowledged >= ENOUGH
    records = open_records(url, FakeKeyRing(), chain="identity-1", poll_seconds=5.0)
    await records.start()
    try:
        entries = await records.read(lambda r: r.audit.entries(chain="identity-1", after=0, limit=100_000))
        assert await records.read(lambda r: verify_trail(r.audit, FakeKeyRing())) == []
    finally:
        await records.close()
    kept = {entry.subject for entry in entries}
    return sum(f"s{number}" not in kept for number in range(acknowledged))


async def test_no_acknowledged_entry_is_lost_by_kill_9(tmp_path):
    assert await lost_by_a_kill(tmp_path, "honest") == 0


async def test_a_writer_that_acknowledges_before_its_commit_would_be_seen(tmp_path):
    assert await lost_by_a_kill(tmp_path, "early") > 0


async def ask_without_identity(*, known: bool) -> tuple[int, int]:
    """Identity is gone: what a client with right credentials gets, and what of it the back end saw."""
    options = {"grant_grace_seconds": 0.1}
    async with RawBackend() as backend, Gateway(backend.url, **options) as gateway:
        client = await gateway.client()
        if known:
            assert (await client.ask()).status == 200
        before = sum(head.count(b"HTTP/1.1\r\n") for head in backend.heads)
        gateway.identity.is_available = gateway.identity.is_beating = False
        gateway.identity.cut_stream()
        link = gateway.worker.state.link
        await until(lambda: gateway.worker.state.loop.time() > link._grace_ends())
        answer = await client.ask()
        return answer.status, sum(head.count(b"HTTP/1.1\r\n") for head in backend.heads) - before


@pytest.mark.parametrize("known", [False, True])
async def test_with_identity_gone_nobody_gets_in(known):
    assert await ask_without_identity(known=known) == (503, 0)


async def open_door(step: Step, request) -> Decision:
    try:
        return await step._conn.state.decider.evaluate(request)
    except Unavailable:
        return Decision(
            Outcome.ALLOW, Reason.ALLOWED, Grant("g", request.publication, 1, "alice", 10**6, 300.0)
        )


async def test_a_gateway_that_fails_open_would_be_seen(monkeypatch):
    monkeypatch.setattr(Step, "evaluate", open_door)
    monkeypatch.setattr(IdentityLink, "is_reachable", property(lambda _: True, lambda *_: None))
    assert await ask_without_identity(known=False) == (200, 1)


async def test_a_gateway_without_the_grace_would_be_seen(monkeypatch):
    monkeypatch.setattr(
        IdentityLink, "trusts", lambda _self, live, now: live.is_live and now < live.expires_at
    )
    monkeypatch.setattr(IdentityLink, "_on_grace_over", lambda _: None)
    assert await ask_without_identity(known=True) == (200, 1)


LIMIT = 3


async def guesses_after_a_crash(crash) -> int:
    """How many guesses at a PIN are evaluated by an identity that crashed after the limit was reached."""
    lockout = LockoutPolicy(per_account_and_source=LIMIT, per_account=LIMIT, per_source=10_000)
    publication = replace(MAIL, credentials=CredentialPolicy(human_secrets=True), lockout=lockout)
    identity = IdentityProcess(publication=publication)
    await identity.add_account(pin="4711")
    # The same guess again is none: it is answered from memory.
    for number in range(LIMIT):
        await identity.basic(f"000{number}")
    crash(identity)
    before = identity.hasher.guesses
    for number in range(5):
        await identity.basic(f"100{number}")
    return identity.hasher.guesses - before


def lose_the_counters(identity: IdentityProcess) -> None:
    identity.records.tables.counters.clear()
    identity.restart()


async def test_a_crash_gives_nobody_new_guesses():
    assert await guesses_after_a_crash(IdentityProcess.restart) == 0


async def test_counters_kept_in_memory_would_be_seen():
    assert await guesses_after_a_crash(lose_the_counters) > 0
