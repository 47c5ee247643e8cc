from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.partnerships import WrongState, block_device_everywhere, block_partnership
from handfast.identity.records import PartnershipState, RevocationScope, WipeKind
from handfast.identity.wipes import cancel_wipe, note_acknowledged, note_sent, request_wipe
from tests.fakes.identity_process import IdentityProcess
from tests.fakes.one_phone import KNOWN


class Site:
    """Alice's phone P1, and what is done to it."""

    def __init__(self, identity, account):
        self.identity, self.account = identity, account

    @property
    def known(self):
        return self.identity.records.tables.partnerships[self.account.id, "P1"]

    @property
    def scopes(self):
        return [one.scope for one in self.identity.records.tables.revocations]

    async def do(self, work, *arguments, actor="uid:7(helen)"):
        self.identity.clock.advance(seconds=1)
        now = self.identity.clock.now()
        return await self.identity.records.write(
            lambda r: work(r, self.account, self.known, *arguments, now=now, actor=actor)
        )

    async def wipe(self, kind=WipeKind.DEVICE):
        return await self.do(request_wipe, kind)


@pytest.fixture
async def site():
    identity = IdentityProcess()
    account = await identity.add_account()
    await identity.records.write(
        lambda r: r.partnerships.add(replace(KNOWN, account_id=account.id, device_id="P1"))
    )
    return Site(identity, account)


async def test_a_wipe_from_its_order_to_its_acknowledgement(site):
    wiping = await site.wipe()
    assert (wiping.state, wiping.wipe_kind) == (PartnershipState.WIPING, WipeKind.DEVICE)
    assert (wiping.wipe_requested_at, wiping.wipe_requested_by) == (
        site.identity.clock.now(),
        "uid:7(helen)",
    )
    assert site.scopes == [RevocationScope.PARTNERSHIP], "what it has open is cut with the order"
    sent = await site.do(note_sent, actor="gateway:edge1")
    assert sent.wipe_sent_at == site.identity.clock.now()
    wiped = await site.do(note_acknowledged, 1, actor="gateway:edge1")
    assert (wiped.state, wiped.wipe_status) == (PartnershipState.WIPED, 1)
    assert wiped.wipe_acknowledged_at == site.identity.clock.now()
    assert site.known == wiped
    assert site.identity.audit_events == [
        "identity:wipe:requested",
        "identity:wipe:sent",
        "identity:wipe:acknowledged",
    ]
    entry = site.identity.records.tables.audit[-1]
    assert (entry.actor, entry.subject) == ("gateway:edge1", "alice@contoso.lab P1")
    assert (entry.details["kind"], entry.details["status"]) == ("device", "1")


async def test_each_step_is_recorded_once_however_often_the_phone_asks(site):
    await site.wipe()
    first = await site.do(note_sent)
    assert await site.do(note_sent) == first
    for _ in range(3):
        failed = await site.do(note_acknowledged, 2)
    assert (failed.state, failed.wipe_status) == (PartnershipState.WIPING, 2)
    assert site.identity.audit_events == [
        "identity:wipe:requested",
        "identity:wipe:sent",
        "identity:wipe:failed",
    ]
    assert (await site.wipe()) == failed, "ordered already"


async def test_a_wipe_under_way_may_become_another_kind_and_begins_anew(site):
    await site.wipe(WipeKind.ACCOUNT_ONLY)
    await site.do(note_sent)
    await site.do(note_acknowledged, 2)
    again = await site.wipe(WipeKind.DEVICE)
    assert (again.wipe_kind, again.wipe_sent_at, again.wipe_status) == (WipeKind.DEVICE, None, None)


@pytest.mark.parametrize("is_sent", [False, True])
async def test_a_cancelled_wipe_leaves_the_device_blocked(site, is_sent):
    await site.wipe()
    if is_sent:
        await site.do(note_sent)
    blocked = await site.do(cancel_wipe)
    assert blocked.state is PartnershipState.BLOCKED
    assert ("sent" in blocked.state_reason) is is_sent
    assert (blocked.wipe_kind, blocked.wipe_requested_at, blocked.wipe_sent_at) == (WipeKind.NONE, None, None)
    assert site.identity.audit_events[-1] == "identity:wipe:cancelled"
    with pytest.raises(WrongState, match="not waiting"):
        await site.do(cancel_wipe)


async def test_what_is_wiped_is_not_wiped_again_nor_blocked_nor_cancelled(site):
    await site.wipe()
    await site.do(note_sent)
    wiped = await site.do(note_acknowledged, 1)
    for work, arguments in ((request_wipe, (WipeKind.DEVICE,)), (cancel_wipe, ())):
        with pytest.raises(WrongState):
            await site.do(work, *arguments)
    with pytest.raises(WrongState, match="refused as a blocked one"):
        await site.identity.records.write(
            lambda r: block_partnership(
                r, site.account, site.known, reason="", now=site.identity.clock.now(), actor="a"
            )
        )
    blocked = await site.identity.records.write(
        lambda r: block_device_everywhere(r, "P1", reason="", now=site.identity.clock.now(), actor="a")
    )
    assert (blocked, site.known) == (0, wiped), "a block of all accounts does not bring it back"
