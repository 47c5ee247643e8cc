"""What a device that has to wait says of itself is heard, by the note of its refusal, and opens nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.decision.device_desk import DeviceDesk
from handfast.decision.outcome import Decision, Outcome
from handfast.decision.ports import GatewayEvent
from handfast.decision.reasons import Reason
from handfast.decision.reported import FACTS_EVENT
from handfast.identity.channels import PROFILE_CHANNELS, Channel, Profile
from handfast.identity.partnerships import approve_partnership, block_partnership
from handfast.identity.policies import DevicePolicy, PartnershipMode
from handfast.identity.records import Partnership, PartnershipState
from handfast.identity.sealed_notes import NOTE_LIFE
from tests.fakes.identity_process import MAIL, IdentityProcess

APPROVAL = replace(
    MAIL, devices=DevicePolicy(mode=PartnershipMode.APPROVAL, allow_os=("iOS*",), deny_imeis=("49*",))
)


class Site:
    """Alice's phone, which waits for approval, and the desk that hears of it. No grant is known."""

    def __init__(self, identity, account, secret):
        self.identity, self.account, self.secret = identity, account, secret
        self.desk = DeviceDesk(identity.services, {"mail": APPROVAL}, lambda *_: None)

    @property
    def known(self) -> Partnership:
        return self.identity.records.tables.partnerships[self.account.id, "PHONE1"]

    async def ask(self, command="Provision", **more) -> Decision:
        return await self.identity.basic(self.secret, command=command, **more)

    async def learn(self, note: bytes, node="local", publication="mail", **facts) -> bool:
        event = GatewayEvent(FACTS_EVENT, publication, details=(("note", note.hex()), *facts.items()))
        return await self.desk.learn(node, event)

    async def change(self, step, **more):
        now = self.identity.clock.now()
        return await self.identity.records.write(
            lambda r: step(r, self.account, self.known, now=now, actor="uid:0", **more)
        )


@pytest.fixture
async def site():
    identity = IdentityProcess()
    identity.publish(APPROVAL)
    account = await identity.add_account()
    channels = PROFILE_CHANNELS[Profile.PHONE] | {Channel.EWS}
    secret, _ = await identity.issue(account, channels=channels)
    return Site(identity, account, secret)


@pytest.mark.parametrize("command", ["Provision", "Settings"])
async def test_a_waiting_device_is_seen_for_what_it_says_and_waits_on(site, command):
    refused = await site.ask(command)
    assert (refused.outcome, refused.reason, refused.grant) == (Outcome.DENY, Reason.DEVICE_PENDING, None)
    assert await site.learn(refused.telling, model="iPhone 12", os="iOS 17.1", imei="490154203237518")
    assert (site.known.reported_model, site.known.os) == ("iPhone 12", "iOS 17.1")
    assert site.known.state is PartnershipState.PENDING
    assert site.identity.records.tables.revocations == [], "nothing is open that could be cut"
    assert site.identity.audit_events[-1] == "identity:device:facts-learned"
    assert (await site.ask()).reason is Reason.DEVICE_PENDING
    await site.change(approve_partnership)
    assert (await site.ask()).reason is Reason.DEVICE_IMEI_REFUSED, "rules hold for what was learned so"


@pytest.mark.parametrize("command", ["FolderSync", "Sync", "Ping", "OPTIONS", "provision"])
async def test_a_request_that_tells_nothing_brings_no_note(site, command):
    await site.ask()
    assert (await site.ask(command)).telling == b""


async def test_a_refused_credential_a_companion_and_a_device_that_is_out_bring_no_note(site):
    assert (await site.ask()).telling
    wrong = await site.identity.basic("abcde-fghij-kmnop-qrstu-vwxyz", command="Provision")
    assert (wrong.reason, wrong.telling) == (Reason.CREDENTIAL_WRONG, b"")
    companion = await site.ask(device=None, channel=Channel.EWS, rule="ews")
    assert (companion.reason, companion.telling) == (Reason.DEVICE_PENDING, b"")
    await site.change(block_partnership, reason="lost")
    blocked = await site.ask()
    assert (blocked.reason, blocked.telling) == (Reason.DEVICE_BLOCKED, b"")


async def test_a_note_counts_for_its_node_and_publication_and_not_for_ever(site):
    note = (await site.ask()).telling
    assert not await site.learn(note, node="edge9", os="iOS 17")
    assert not await site.learn(note, publication="other", os="iOS 17")
    assert not await site.learn(note + b"x", os="iOS 17")
    odd = GatewayEvent(FACTS_EVENT, "mail", details=(("note", "no hex"), ("os", "iOS 17")))
    assert not await site.desk.learn("local", odd)
    site.identity.clock.advance(seconds=(NOTE_LIFE + timedelta(seconds=1)).total_seconds())
    assert not await site.learn(note, os="iOS 17")
    assert site.known.os == ""


async def test_a_device_that_was_blocked_meanwhile_is_not_heard(site):
    note = (await site.ask()).telling
    await site.change(block_partnership, reason="lost")
    assert not await site.learn(note, os="iOS 17")
    assert site.known.os == ""


async def test_a_waiting_device_that_becomes_another_one_is_quarantined(site):
    assert await site.learn((await site.ask()).telling, model="iPhone 12")
    site.identity.clock.advance(seconds=60)
    assert await site.learn((await site.ask()).telling, model="Pixel 8")
    assert site.known.state is PartnershipState.QUARANTINED
    assert "iPhone 12" in site.known.state_reason
    refused = await site.ask()
    assert refused.reason is Reason.DEVICE_QUARANTINED
    site.identity.clock.advance(seconds=60)
    assert not await site.learn(refused.telling, model="iPhone 12", os="iOS 17"), "what was said first stays"
    assert (site.known.reported_model, site.known.os) == ("iPhone 12", "")


async def test_in_quarantine_a_device_that_never_said_anything_is_heard_once(site):
    await site.ask()
    quarantined = replace(site.known, state=PartnershipState.QUARANTINED)
    await site.identity.records.write(lambda r: r.partnerships.save(quarantined))
    assert await site.learn((await site.ask()).telling, model="Pixel 8")
    site.identity.clock.advance(seconds=60)
    assert not await site.learn((await site.ask()).telling, model="iPhone 12")
    assert (site.known.reported_model, site.known.state) == ("Pixel 8", PartnershipState.QUARANTINED)
