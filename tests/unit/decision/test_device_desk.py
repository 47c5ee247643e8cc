from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.decision.access_rules import AccessRule
from handfast.decision.device_desk import FACTS_EVERY, SAME_AGAIN_AFTER, DeviceDesk, store_facts
from handfast.decision.grants import PROVISIONAL_SECONDS
from handfast.decision.outcome import Outcome
from handfast.decision.ports import GatewayEvent, WipeProgress, WipeReport
from handfast.decision.reasons import Reason
from handfast.decision.reported import FACTS_EVENT
from handfast.identity.device_facts import DeviceFacts
from handfast.identity.partnerships import approve_partnership
from handfast.identity.policies import DevicePolicy
from handfast.identity.ports import Unavailable
from handfast.identity.records import PartnershipState, RevocationScope, WipeKind
from handfast.identity.wipes import cancel_wipe, request_wipe
from tests.fakes.identity_process import MAIL, IdentityProcess


class Site:
    """Alice's paired phone, its grant, and the desk that hears of it."""

    def __init__(self, identity, account, secret, grant):
        self.identity, self.account, self.secret, self.grant = identity, account, secret, grant
        self.grants = {(grant.grant_id, "local"): grant}
        self.desk = DeviceDesk(
            identity.services, {"mail": MAIL}, lambda *key: self.grants.get(key), max_remembered=4
        )

    @property
    def known(self):
        return self.identity.records.tables.partnerships[self.account.id, "PHONE1"]

    @property
    def revocations(self):
        return self.identity.records.tables.revocations

    async def learn(self, node="local", *, publication="mail", grant_id=None, name=FACTS_EVENT, **facts):
        said = (("grant_id", grant_id or self.grant.grant_id), *facts.items())
        return await self.desk.learn(node, GatewayEvent(name, publication, details=said))

    async def order(self, kind=WipeKind.DEVICE, **request):
        now = self.identity.clock.now()
        await self.identity.records.write(
            lambda r: request_wipe(r, self.account, self.known, kind, now=now, actor="uid:0")
        )
        return await self.identity.basic(self.secret, **request)

    async def report(self, note, progress, status=0, node="local"):
        return await self.desk.report_wipe(WipeReport(note, WipeProgress(progress), status, node))


@pytest.fixture
async def site():
    identity = IdentityProcess()
    account = await identity.add_account()
    secret, _ = await identity.issue(account)
    decision = await identity.basic(secret)
    assert decision.grant is not None
    return Site(identity, account, secret, decision.grant)


async def test_facts_of_a_live_grants_device_are_kept_and_audited(site):
    assert await site.learn(model="iPhone12C1", os="iOS 17.1", imei="356938035643809", grant="odd")
    assert (site.known.reported_model, site.known.os, site.known.imei) == (
        "iPhone12C1",
        "iOS 17.1",
        "356938035643809",
    )
    entry = site.identity.records.tables.audit[-1]
    assert (entry.event.value, entry.actor) == ("identity:device:facts-learned", "gateway:local")
    assert entry.subject == "alice@contoso.lab PHONE1"
    assert dict(entry.details) == {
        "model": "iPhone12C1",
        "os": "iOS 17.1",
        "imei": "356938035643809",
    }


@pytest.mark.parametrize(
    "report",
    [
        {"node": "edge9"},
        {"publication": "other"},
        {"grant_id": "f" * 32},
        {"name": "something-else"},
    ],
)
async def test_nobody_speaks_for_another_grant_node_or_publication(site, report):
    before = site.known
    assert not await site.learn(**{"node": "local", **report}, model="Pixel")
    assert site.known == before


async def test_a_grant_without_a_device_has_no_facts(site):
    site.grants = {(site.grant.grant_id, "local"): replace(site.grant, device_id=None)}
    assert not await site.learn(model="Pixel")


async def test_the_same_again_writes_nothing_and_changes_are_believed_once_in_a_while(site):
    assert await site.learn(os="iOS 17.1")
    writes, reads = site.identity.records.writes, site.identity.records.reads
    for _ in range(50):
        assert not await site.learn(os="iOS 17.1")
        assert not await site.learn(os="iOS 17.2")
    assert (site.identity.records.writes, site.identity.records.reads) == (writes, reads)
    site.identity.clock.advance(seconds=FACTS_EVERY.total_seconds())
    assert await site.learn(os="iOS 17.2")
    assert site.known.state is PartnershipState.ALLOWED, "a new build of the system is daily life"
    site.desk._learned.clear()
    assert not await site.learn(os="iOS 17.2"), "a restart costs a look, no write"


async def test_another_model_under_the_same_id_is_quarantined_and_cut(site):
    await site.learn(model="iPhone 12")
    site.identity.clock.advance(seconds=60)
    assert await site.learn(model="Pixel 8", os="Android 14")
    assert site.known.state is PartnershipState.QUARANTINED
    assert "iPhone 12" in site.known.state_reason
    assert "Pixel 8" in site.known.state_reason
    assert site.known.reported_model == "iPhone 12", "what is known of the phone that was there first"
    assert [one.scope for one in site.revocations] == [RevocationScope.PARTNERSHIP]
    assert site.identity.audit_events[-1] == "identity:device:quarantined"
    assert (await site.identity.basic(site.secret)).reason is Reason.DEVICE_QUARANTINED
    site.identity.clock.advance(seconds=60)
    assert not await site.learn(model="iPhone 12", os="x"), "what is not let in is not believed"


async def test_after_an_approval_the_device_is_learned_anew(site):
    await site.learn(model="iPhone 12")
    site.identity.clock.advance(seconds=60)
    await site.learn(model="Pixel 8")
    now = site.identity.clock.now()
    await site.identity.records.write(
        lambda r: approve_partnership(r, site.account, site.known, now=now, actor="uid:0")
    )
    assert site.known.reported_model == ""
    site.identity.clock.advance(seconds=SAME_AGAIN_AFTER.total_seconds())
    assert await site.learn(model="Pixel 8")
    assert (site.known.reported_model, site.known.state) == ("Pixel 8", PartnershipState.ALLOWED)


async def test_facts_that_a_rule_refuses_cut_what_is_open(site):
    strict = replace(MAIL, devices=DevicePolicy(deny_os=("iOS 9*",)))
    site.desk.replace_publications({"mail": strict})
    site.identity.publish(strict)
    assert await site.learn(os="iOS 9.3")
    assert [one.scope for one in site.revocations] == [RevocationScope.PARTNERSHIP]
    assert (await site.identity.basic(site.secret)).reason is Reason.DEVICE_OS_REFUSED


async def test_facts_that_the_policy_of_some_access_rule_refuses_cut_what_is_open(site):
    strict = AccessRule("strict", devices=DevicePolicy(deny_os=("iOS 9*",)))
    site.desk.replace_publications({"mail": replace(MAIL, access=(AccessRule("else"), strict))})
    assert await site.learn(os="iOS 9.3")
    assert [one.scope for one in site.revocations] == [RevocationScope.PARTNERSHIP]
    assert (await site.identity.basic(site.secret)).outcome is Outcome.ALLOW, (
        "it is not the rule for this account"
    )


async def test_the_memory_of_facts_is_bounded(site):
    site.desk._max_remembered = 1
    await site.learn(os="a")
    other = replace(site.grant, grant_id="g2", device_id="PHONE9")
    site.grants["g2", "local"] = other
    assert not await site.learn(grant_id="g2", os="b"), "no such partnership"
    assert len(site.desk._learned) == 1


async def test_a_wipe_from_the_order_to_the_acknowledgement(site):
    decision = await site.order(command="FolderSync")
    assert (decision.outcome, decision.reason) == (Outcome.DENY, Reason.DEVICE_WIPE_PENDING)
    assert decision.wipe is not None
    assert decision.wipe.kind is WipeKind.DEVICE
    note = decision.wipe.note
    assert not await site.report(note, "erased", 1), "nobody told it to yet"
    assert await site.report(note, "sent")
    assert await site.report(note, "sent")
    assert await site.report(note, "failed", 2)
    assert (site.known.state, site.known.wipe_status) == (PartnershipState.WIPING, 2)
    assert await site.report(note, "erased", 1)
    assert site.known.state is PartnershipState.WIPED
    assert not await site.report(note, "erased", 1), "there is no wipe any more"
    after = await site.identity.basic(site.secret)
    assert (after.reason, after.wipe) == (Reason.DEVICE_WIPED, None)
    assert site.identity.records.tables.audit[-2].actor == "gateway:local"


async def test_a_note_is_good_for_its_node_its_order_and_its_time(site):
    decision = await site.order()
    assert decision.wipe is not None
    note = decision.wipe.note
    assert not await site.report(note, "sent", node="edge9")
    assert not await site.report(b"x" + note, "sent")
    site.identity.clock.advance(seconds=timedelta(minutes=11).total_seconds())
    assert not await site.report(note, "sent")
    fresh = (await site.identity.basic(site.secret)).wipe
    assert fresh is not None
    now = site.identity.clock.now()
    await site.identity.records.write(
        lambda r: cancel_wipe(r, site.account, site.known, now=now, actor="uid:0")
    )
    assert not await site.report(fresh.note, "sent")
    site.identity.clock.advance(seconds=1)
    again = await site.order(WipeKind.ACCOUNT_ONLY)
    assert again.wipe is not None
    assert not await site.report(fresh.note, "sent"), "the note of the order that was taken back"
    assert await site.report(again.wipe.note, "sent")


async def test_without_records_nothing_counts_as_stored(site):
    decision = await site.order()
    assert decision.wipe is not None
    site.identity.records.unavailable = True
    with pytest.raises(Unavailable):
        await site.report(decision.wipe.note, "sent")


async def test_an_account_or_device_that_is_gone_has_no_wipe(site):
    decision = await site.order()
    assert decision.wipe is not None
    await site.identity.records.write(lambda r: r.partnerships.remove(site.account.id, "PHONE1"))
    assert not await site.report(decision.wipe.note, "sent")


async def test_what_changed_between_the_look_and_the_write_is_seen(site):
    key, now = (site.account.id, "PHONE1"), site.identity.clock.now()

    def store(r):
        return store_facts(r, [DevicePolicy()], key, DeviceFacts(os="iOS 17.1"), now=now, node="local")

    assert await site.identity.records.write(store) is not None
    assert await site.identity.records.write(store) is None, "somebody was faster"
    await site.identity.records.write(lambda r: r.partnerships.remove(*key))
    assert await site.identity.records.write(store) is None


async def test_a_provisional_grant_is_short(site):
    site.identity.publish(replace(MAIL, devices=DevicePolicy(allow_os=("iOS 17*",))))
    refused = await site.identity.basic(site.secret)
    assert refused.reason is Reason.DEVICE_FACTS_MISSING
    telling = await site.identity.basic(site.secret, command="Provision")
    assert telling.grant is not None
    assert telling.grant.lifetime_seconds == PROVISIONAL_SECONDS
    site.grants[telling.grant.grant_id, "local"] = telling.grant
    assert await site.learn(grant_id=telling.grant.grant_id, os="iOS 17.1")
    known = await site.identity.basic(site.secret)
    assert known.grant is not None
    assert known.grant.lifetime_seconds == 300
