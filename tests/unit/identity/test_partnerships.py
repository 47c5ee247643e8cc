from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.partnerships import (
    WrongState,
    approve_partnership,
    block_device_everywhere,
    block_partnership,
    remove_partnership,
    unblock_partnership,
)
from handfast.identity.records import PartnershipState, RevocationScope
from tests.fakes.identity_process import IdentityProcess
from tests.fakes.one_phone import KNOWN


@pytest.fixture
async def identity():
    identity = IdentityProcess()
    for name in ("alice", "bob"):
        account = await identity.add_account(name)
        await identity.records.write(
            lambda r, a=account: r.partnerships.add(replace(KNOWN, account_id=a.id, device_id="P1"))
        )
    return identity


def of(identity, account_id=1):
    return identity.records.tables.partnerships.get((account_id, "P1"))


async def decide(identity, work, state=None, **more):
    known = of(identity) if state is None else replace(of(identity), state=PartnershipState(state))
    account = identity.records.tables.accounts[1]
    arguments = {"now": identity.clock.now(), "actor": "uid:7", **more}
    return await identity.records.write(lambda r: work(r, account, known, **arguments))


def scopes(identity):
    return [r.scope for r in identity.records.tables.revocations]


@pytest.mark.parametrize("state", ["pending", "quarantined", "allowed"])
async def test_what_waits_is_approved_and_its_reason_forgotten(identity, state):
    approved = await decide(identity, approve_partnership, state)
    assert (approved.state, approved.state_reason) == (PartnershipState.ALLOWED, "")
    assert of(identity) == approved
    assert identity.records.tables.audit[-1].details == {"before": state, "reason": ""}
    assert scopes(identity) == [], "nothing was taken away"


@pytest.mark.parametrize("state", ["blocked", "wiping", "wiped"])
async def test_a_block_is_not_lifted_by_approving(identity, state):
    with pytest.raises(WrongState, match=state):
        await decide(identity, approve_partnership, state)
    assert identity.audit_events == []


@pytest.mark.parametrize("state", [s.value for s in PartnershipState if s is not PartnershipState.BLOCKED])
async def test_only_a_block_is_lifted(identity, state):
    with pytest.raises(WrongState, match="not blocked"):
        await decide(identity, unblock_partnership, state)
    assert identity.audit_events == []


async def test_a_block_is_lifted_and_audited(identity):
    unblocked = await decide(identity, unblock_partnership, "blocked")
    assert of(identity) == unblocked
    assert unblocked.state is PartnershipState.ALLOWED
    assert identity.audit_events == ["identity:device:unblocked"]


async def test_a_block_revokes_one_account_and_tells_why(identity):
    blocked = await decide(identity, block_partnership, reason="lost")
    assert (blocked.state, blocked.state_reason) == (PartnershipState.BLOCKED, "lost")
    assert of(identity, 2).state is PartnershipState.ALLOWED
    (revocation,) = identity.records.tables.revocations
    assert (revocation.scope, revocation.account_id, revocation.device_id) == (
        RevocationScope.PARTNERSHIP,
        1,
        "P1",
    )


async def test_a_device_blocked_everywhere_is_one_revocation(identity):
    def everywhere(repositories):
        return block_device_everywhere(
            repositories, "P1", reason="stolen", now=identity.clock.now(), actor="uid:7"
        )

    assert await identity.records.write(everywhere) == 2
    assert {of(identity, n).state for n in (1, 2)} == {PartnershipState.BLOCKED}
    assert scopes(identity) == [RevocationScope.DEVICE]
    assert [entry.subject for entry in identity.records.tables.audit] == [
        "alice@contoso.lab P1",
        "bob@contoso.lab P1",
    ]


async def test_a_partnership_whose_account_is_gone_is_passed_over(identity):
    orphan = replace(of(identity), account_id=99)
    identity.records.tables.partnerships[99, "P1"] = orphan
    count = await identity.records.write(
        lambda r: block_device_everywhere(r, "P1", reason="", now=identity.clock.now(), actor="a")
    )
    assert count == 2
    assert of(identity, 99) == orphan


async def test_removing_forgets_and_cuts(identity):
    await decide(identity, remove_partnership)
    assert of(identity) is None
    assert of(identity, 2) is not None
    assert scopes(identity) == [RevocationScope.PARTNERSHIP]
    assert identity.audit_events == ["identity:device:removed"]
