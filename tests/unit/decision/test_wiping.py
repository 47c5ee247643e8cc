"""Who is told to erase a device: it, by its own password, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.decision.outcome import Outcome
from handfast.decision.publication import CredentialPolicy
from handfast.decision.reasons import Reason
from handfast.identity.channels import PROFILE_CHANNELS, Channel, Profile
from handfast.identity.records import AccountState, DirectoryFacts, PartnershipState, WipeKind
from handfast.identity.wipes import request_wipe
from tests.fakes.identity_process import MAIL, IdentityProcess


class Site:
    def __init__(self, identity, account, secret, password):
        self.identity, self.account, self.secret, self.password = identity, account, secret, password

    async def write(self, work):
        return await self.identity.records.write(work)

    async def wipe(self):
        now = self.identity.clock.now()

        def work(r):
            known = r.partnerships.find(self.account.id, "PHONE1")
            return request_wipe(r, self.account, known, WipeKind.DEVICE, now=now, actor="uid:0")

        await self.write(work)

    async def disable(self):
        await self.write(lambda r: r.accounts.set_state(self.account.id, AccountState.DISABLED))


@pytest.fixture
async def site():
    identity = IdentityProcess()
    account = await identity.add_account()
    secret, password = await identity.issue(account, expires_in=timedelta(days=1))
    assert (await identity.basic(secret)).outcome is Outcome.ALLOW
    return Site(identity, account, secret, password)


async def test_the_device_itself_gets_the_order_on_every_command(site):
    await site.wipe()
    for command in ("OPTIONS", "FolderSync", "Provision", "Ping", "Provision"):
        decision = await site.identity.basic(site.secret, command=command)
        assert (decision.outcome, decision.reason) == (Outcome.DENY, Reason.DEVICE_WIPE_PENDING)
        assert decision.wipe is not None
        assert decision.grant is None
    assert [stage.stage for stage in decision.stages] == ["rule", "source", "credential", "device"]
    assert (decision.stages[-1].outcome, decision.stages[-1].detail) == ("deny", "wipe device")


@pytest.mark.parametrize("state", ["disabled", "gone", "revoked", "expired"])
async def test_a_dead_account_or_password_still_opens_the_wipe_and_nothing_else(site, state):
    await site.wipe()
    now = site.identity.clock.now()
    if state == "disabled":
        await site.disable()
    elif state == "gone":
        left = DirectoryFacts("CONTOSO.LAB", now, is_present=False)
        await site.write(lambda r: r.accounts.set_directory(site.account.id, "S-1-5-21-1", left))
    elif state == "revoked":
        await site.write(lambda r: r.app_passwords.revoke(site.password.id, now))
    else:
        site.identity.clock.advance(seconds=2 * 86400)
    decision = await site.identity.basic(site.secret)
    assert (decision.reason, decision.wipe is not None) == (Reason.DEVICE_WIPE_PENDING, True)
    for elsewhere in ({"device": "PHONE2"}, {"device": None, "command": "OPTIONS"}):
        refused = await site.identity.basic(site.secret, **elsewhere)
        assert (refused.outcome, refused.wipe) == (Outcome.DENY, None)
    ews = await site.identity.basic(site.secret, channel=Channel.EWS, rule="ews", device=None, command="")
    assert (ews.outcome, ews.wipe) == (Outcome.DENY, None)

    await site.write(lambda r: r.partnerships.remove(site.account.id, "PHONE1"))
    plain = await site.identity.basic(site.secret)
    expected = {
        "disabled": Reason.ACCOUNT_DISABLED,
        "gone": Reason.ACCOUNT_GONE,
        "revoked": Reason.APP_PASSWORD_REVOKED,
        "expired": Reason.APP_PASSWORD_EXPIRED,
    }
    assert (plain.reason, plain.wipe) == (expected[state], None)


async def test_a_password_that_is_not_the_devices_own_orders_nothing(site):
    await site.wipe()
    fresh, _ = await site.identity.issue(site.account)
    decision = await site.identity.basic(fresh)
    assert (decision.reason, decision.wipe) == (Reason.DEVICE_WIPE_PENDING, None)
    other, _ = await site.identity.issue(site.account)
    assert (await site.identity.basic(other, device="PHONE2")).outcome is Outcome.ALLOW
    stolen = await site.identity.basic(other)
    assert (stolen.reason, stolen.wipe) == (Reason.APP_PASSWORD_OTHER_DEVICE, None)
    wrong = await site.identity.basic("abcde-fghij-kmnop-qrstu-vwxyz")
    assert (wrong.reason, wrong.wipe) == (Reason.CREDENTIAL_WRONG, None)


async def test_a_password_that_never_opened_the_channel_orders_nothing(site):
    secret, password = await site.identity.issue(site.account, channels=PROFILE_CHANNELS[Profile.OUTLOOK])
    now = site.identity.clock.now()
    await site.write(lambda r: r.app_passwords.bind(password.id, "PHONE1", now))
    await site.wipe()
    decision = await site.identity.basic(secret)
    assert (decision.reason, decision.wipe) == (Reason.PROFILE_REFUSED, None)


@pytest.fixture
async def pin_site():
    identity = IdentityProcess(publication=replace(MAIL, credentials=CredentialPolicy(human_secrets=True)))
    account = await identity.add_account(pin="blue-42")
    assert (await identity.basic("blue-42")).outcome is Outcome.ALLOW
    return Site(identity, account, "blue-42", None)


async def test_a_person_with_a_pin_is_told_while_the_account_is_enabled(pin_site):
    await pin_site.wipe()
    assert (await pin_site.identity.basic("blue-42")).wipe is not None
    await pin_site.disable()
    refused = await pin_site.identity.basic("blue-42")
    assert (refused.reason, refused.wipe) == (Reason.ACCOUNT_DISABLED, None)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({"is_enabled": False}, Reason.ACCOUNT_DISABLED_IN_DIRECTORY),
        ({"is_present": False}, Reason.ACCOUNT_GONE),
        ({"locked_until": DAY}, Reason.ACCOUNT_LOCKED_IN_DIRECTORY),
        ({"expires_at": -DAY}, Reason.ACCOUNT_EXPIRED),
        ({"password_expires_at": -DAY}, Reason.DOMAIN_PASSWORD_EXPIRED),
        ({"read_at": -DAY}, Reason.DIRECTORY_UNAVAILABLE),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
async def test_what_the_directory_says_keeps_no_phone_from_being_told(pin_site, says, expected):
    """Whoever steals a phone can have the account locked by a few wrong guesses; and who left is who is wiped."""
    site, now = pin_site, pin_site.identity.clock.now()
    dated = {name: now + value if isinstance(value, timedelta) else value for name, value in says.items()}
    facts = DirectoryFacts(**{"realm": "CONTOSO.LAB", "read_at": now, **dated})
    await site.write(lambda r: r.accounts.set_directory(site.account.id, "S-1-5-21-1", facts))
    refused = await site.identity.basic("blue-42")
    assert (refused.reason, refused.wipe) == (expected, None), "nobody is to be wiped yet"

    await site.wipe()
    told = await site.identity.basic("blue-42")
    assert (told.reason, told.wipe is not None, told.grant) == (Reason.DEVICE_WIPE_PENDING, True, None)
    elsewhere = await site.identity.basic("blue-42", device="PHONE2")
    assert (elsewhere.reason, elsewhere.wipe) == (expected, None)
    before = site.identity.hasher.evaluations
    wrong = await site.identity.basic("blue-43")
    assert (wrong.reason, wrong.wipe) == (Reason.CREDENTIAL_WRONG, None)
    assert site.identity.hasher.evaluations == before + 1, "as for any other wrong PIN"


async def test_the_trail_has_one_refusal_for_a_phone_that_knocks_without_end(site):
    await site.wipe()
    before = len(site.identity.audit_events)
    for _ in range(20):
        assert (await site.identity.basic(site.secret)).wipe is not None
    assert site.identity.audit_events[before:] == ["decision:access:refused"]


async def test_a_wiped_device_is_refused_until_it_is_removed(site):
    await site.wipe()
    now = site.identity.clock.now()

    def finish(r):
        from handfast.identity.wipes import note_acknowledged, note_sent

        known = r.partnerships.find(site.account.id, "PHONE1")
        known = note_sent(r, site.account, known, now=now, actor="gateway:local")
        return note_acknowledged(r, site.account, known, 1, now=now, actor="gateway:local")

    assert (await site.write(finish)).state is PartnershipState.WIPED
    fresh, _ = await site.identity.issue(site.account)
    for secret in (site.secret, fresh):
        refused = await site.identity.basic(secret)
        assert (refused.reason, refused.wipe) == (Reason.DEVICE_WIPED, None)
    await site.write(lambda r: r.partnerships.remove(site.account.id, "PHONE1"))
    assert (await site.identity.basic(fresh)).outcome is Outcome.ALLOW
