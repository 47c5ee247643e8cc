from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.decision.access import BasicCredential
from handfast.decision.outcome import Deny, Pass
from handfast.decision.reasons import Reason
from handfast.decision.stages.device import judge_device, render_device
from handfast.identity.channels import Channel
from handfast.identity.device_rules import DeviceRefusal
from handfast.identity.partnership_decision import PartnershipDecision
from handfast.identity.policies import DevicePolicy
from tests.fakes.identity_process import MAIL, IdentityProcess
from tests.fakes.one_phone import KNOWN

EWS = {"channel": Channel.EWS, "rule": "ews", "command": ""}
AUTODISCOVER = {"channel": Channel.AUTODISCOVER, "rule": "autodiscover", "command": ""}


@pytest.fixture
async def site():
    identity = IdentityProcess()
    account = await identity.add_account()
    _, password = await identity.issue(account)
    return identity, account, password


async def judge(site, password, *, policy=MAIL.devices, returned=False, **request):
    identity, account, _ = site
    asked = identity.request(BasicCredential("alice", "x"), **request)
    now = identity.clock.now()
    return await identity.records.read(
        lambda r: judge_device(r, policy, asked, account, password, returned=returned, now=now)
    )


async def pair(site):
    identity, account, password = site
    now = identity.clock.now()
    known = replace(KNOWN, account_id=account.id, device_id="PHONE1", first_seen_at=now, last_seen_at=now)
    await identity.records.write(lambda r: r.partnerships.add(known))
    return replace(password, bound_device_id="PHONE1")


async def test_what_the_request_claims_reaches_the_rules(site):
    password = site[2]
    new = await judge(site, password, device="P9", device_type="Pixel", user_agent="UA", source="192.0.2.7")
    assert new.partnership is not None
    row = new.partnership
    assert (row.device_id, row.device_type, row.user_agent, row.last_source) == (
        "P9",
        "Pixel",
        "UA",
        "192.0.2.7",
    )
    strict = DevicePolicy(deny_protocol_versions=("16.*",))
    refused = await judge(site, password, policy=strict, version="16.1")
    assert refused.refusal is DeviceRefusal.PROTOCOL_VERSION_REFUSED


async def test_a_return_from_another_network_quarantines_the_known(site):
    bound = await pair(site)
    assert (await judge(site, bound)).refusal is None
    assert (await judge(site, bound, returned=True)).refusal is DeviceRefusal.QUARANTINED


async def test_a_device_id_on_a_companion_channel_is_never_believed(site):
    fresh = site[2]
    claimed = await judge(site, fresh, device="PHONE1", **EWS)
    assert (claimed.refusal, claimed.partnership, claimed.binds) == (DeviceRefusal.UNBOUND, None, False)


async def test_a_fresh_password_passes_only_options_and_autodiscover(site):
    fresh = site[2]
    assert (await judge(site, fresh, device=None, command="OPTIONS")).refusal is None
    assert (await judge(site, fresh, device=None, **AUTODISCOVER)).refusal is None
    assert (await judge(site, fresh, device=None, **EWS)).refusal is DeviceRefusal.UNBOUND
    assert (await judge(site, None, device=None, **EWS)).refusal is DeviceRefusal.UNBOUND


async def test_companions_need_an_active_phone_and_a_bare_options_does_not(site):
    bound = await pair(site)
    assert (await judge(site, bound, device=None, **EWS)).refusal is None
    site[0].clock.time += timedelta(hours=25)
    assert (await judge(site, bound, device=None, **EWS)).refusal is DeviceRefusal.COMPANION_STALE
    assert (await judge(site, bound, device=None, command="OPTIONS")).refusal is None


async def test_a_reserved_password_stands_beside_its_device(site):
    await pair(site)
    reserved = replace(site[2], reserved_device_id="PHONE1")
    assert (await judge(site, reserved, device=None, **EWS)).rule == "paired"


def test_identitys_word_is_rendered_as_it_is():
    assert render_device(PartnershipDecision(rule="paired", detail="d")) == Pass("paired", "d")
    for refusal in DeviceRefusal:
        rendered = render_device(PartnershipDecision(refusal, rule="r", detail="d"))
        assert rendered == Deny(Reason.from_value(refusal.value), "r", "d")
