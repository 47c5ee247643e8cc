from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.identity.audit import AuditEvent
from handfast.identity.device_rules import DeviceRefusal
from handfast.identity.partnership_decision import PartnershipDecision
from handfast.identity.partnership_store import apply_partnership, read_facts
from handfast.identity.records import EnrolmentWindow, PartnershipState, RevocationScope
from tests.fakes.identity_process import IdentityProcess
from tests.fakes.one_phone import KNOWN


@pytest.fixture
async def site():
    identity = IdentityProcess()
    account = await identity.add_account()
    _, password = await identity.issue(account)
    return identity, account, password


async def apply(site, decision, *, device="P1", password=True):
    identity, account, issued = site
    return await identity.records.write(
        lambda r: apply_partnership(
            r, account, issued if password else None, device, decision, identity.clock.now()
        )
    )


def known(site, **changed):
    return replace(KNOWN, account_id=site[1].id, **changed)


PAIRED = PartnershipDecision(
    rule="mode window",
    partnership=KNOWN,
    is_new=True,
    event=AuditEvent.DEVICE_PAIRED,
    binds=True,
    uses_window=True,
)


async def open_window(site, **changed):
    identity, account, _ = site
    now = identity.clock.now()
    window = EnrolmentWindow(account.id, now, now + timedelta(minutes=5), "uid:0", **changed)
    await identity.records.write(lambda r: r.windows.save(window))


async def test_a_known_device_costs_one_look_and_a_new_one_is_counted(site):
    identity, account, password = site
    await open_window(site)
    for device, state in (("P1", "allowed"), ("P2", "quarantined"), ("P3", "pending"), ("P4", "blocked")):
        row = known(site, device_id=device, state=PartnershipState(state))
        await identity.records.write(lambda r, row=row: r.partnerships.add(row))

    async def facts(device):
        return await identity.records.read(lambda r: read_facts(r, account, password, device, returned=True))

    found = await facts("P1")
    assert (found.known and found.known.device_id, found.returned, found.window) == ("P1", True, None)
    new = await facts("P9")
    assert (new.known, new.held, new.pending, new.returned) == (None, 2, 1, False)
    assert new.window is not None


async def test_pairing_binds_spends_the_window_and_is_audited(site):
    identity, account, password = site
    await open_window(site)
    decision = replace(PAIRED, partnership=known(site))
    assert await apply(site, decision) is decision
    tables = identity.records.tables
    assert tables.app_passwords[password.id].bound_device_id == "P1"
    assert tables.windows[account.id].used_by_device_id == "P1"
    assert list(tables.partnerships) == [(account.id, "P1")]
    assert identity.audit_events[-3:] == [
        "identity:app_password:bound",
        "identity:window:used",
        "identity:device:paired",
    ]
    assert tables.revocations == []


async def test_who_loses_the_race_for_the_password_pairs_nothing(site):
    identity, _, password = site
    await identity.records.write(lambda r: r.app_passwords.bind(password.id, "P2", identity.clock.now()))
    lost = await apply(site, replace(PAIRED, partnership=known(site)))
    assert (lost.refusal, lost.detail) == (DeviceRefusal.OTHER_DEVICE, "lost the race")
    assert identity.records.tables.partnerships == {}


async def test_who_loses_the_race_for_the_window_pairs_nothing(site):
    identity, *_ = site
    decision = replace(PAIRED, partnership=known(site))
    assert (await apply(site, decision)).refusal is DeviceRefusal.WINDOW_CLOSED, "there is no window"
    await open_window(site, used_by_device_id="P2")
    lost = await apply(site, replace(decision, binds=False))
    assert (lost.refusal, lost.detail) == (DeviceRefusal.WINDOW_CLOSED, "lost the race")
    assert identity.records.tables.partnerships == {}
    assert "identity:window:used" not in identity.audit_events


async def test_the_device_that_used_the_window_may_come_again(site):
    identity, *_ = site
    await open_window(site, used_by_device_id="P1")
    decision = replace(PAIRED, partnership=known(site))
    assert await apply(site, decision) is decision
    assert "identity:window:used" not in identity.audit_events, "once is enough"


async def test_a_person_without_password_has_nothing_to_bind(site):
    await open_window(site)
    decision = replace(PAIRED, partnership=known(site), binds=True, is_misuse=True)
    assert await apply(site, decision, password=False) is decision
    assert "identity:app_password:bound" not in site[0].audit_events
    assert "identity:app_password:possible-theft" not in site[0].audit_events


async def test_a_sighting_replaces_the_record_and_says_nothing(site):
    identity, account, _ = site
    await identity.records.write(lambda r: r.partnerships.add(known(site)))
    before = list(identity.audit_events)
    seen = known(site, last_source="198.51.100.1")
    await apply(site, PartnershipDecision(rule="paired", partnership=seen))
    assert identity.records.tables.partnerships[account.id, "P1"] == seen
    assert identity.audit_events == before


async def test_a_quarantine_revokes_what_the_device_has_open(site):
    identity, account, _ = site
    await identity.records.write(lambda r: r.partnerships.add(known(site)))
    row = known(site, state=PartnershipState.QUARANTINED)
    decision = PartnershipDecision(
        DeviceRefusal.QUARANTINED, detail="type changed", partnership=row, event=AuditEvent.DEVICE_QUARANTINED
    )
    await apply(site, decision)
    (revocation,) = identity.records.tables.revocations
    assert (revocation.scope, revocation.device_id) == (RevocationScope.PARTNERSHIP, "P1")
    entry = identity.records.tables.audit[-1]
    assert (entry.event, entry.details["reason"]) == (AuditEvent.DEVICE_QUARANTINED, "type changed")
    assert identity.records.tables.partnerships[account.id, "P1"].state is PartnershipState.QUARANTINED


async def test_a_password_on_a_strange_device_is_told_as_possible_theft(site):
    refused = PartnershipDecision(DeviceRefusal.OTHER_DEVICE, rule="binding", is_misuse=True)
    assert await apply(site, refused, device="THIEF") is refused
    entry = site[0].records.tables.audit[-1]
    assert entry.event is AuditEvent.APP_PASSWORD_MISUSED
    assert "THIEF" in entry.subject + str(entry.details)


async def test_an_event_without_a_record_is_audited_with_what_is_known(site):
    await apply(site, PartnershipDecision(rule="r", event=AuditEvent.DEVICE_PENDING))
    entry = site[0].records.tables.audit[-1]
    assert (entry.event, entry.details["type"], entry.details["reason"]) == (
        AuditEvent.DEVICE_PENDING,
        "",
        "r",
    )
