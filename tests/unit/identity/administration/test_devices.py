from __future__ import annotations

import asyncio
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.identity.device_rows import COLUMNS
from handfast.identity.records import PartnershipState, RevocationScope, WipeKind
from tests.fakes.desk import Desk


async def test_a_block_hits_one_account_unless_all_are_meant(desk):
    alice, bob = await desk.pair("alice"), await desk.pair("bob")
    blocked = await desk("device_block", account="alice", device_id="phone1", reason="lost")
    assert (blocked["state"], blocked["state_reason"]) == ("blocked", "lost")
    assert (await desk.identity.basic(alice)).reason is Reason.DEVICE_BLOCKED
    assert (await desk.identity.basic(bob, login="bob")).outcome is Outcome.ALLOW
    assert desk.scopes == [RevocationScope.PARTNERSHIP]

    assert (await desk("device_unblock", account="alice", device_id="PHONE1"))["state"] == "allowed"
    assert (await desk.identity.basic(alice)).outcome is Outcome.ALLOW
    assert (await desk.refused("device_unblock", account="alice", device_id="PHONE1")).kind == "refused"

    await desk("device_block", account="alice", device_id="PHONE1", all_accounts=True)
    assert desk.scopes[-1] is RevocationScope.DEVICE
    assert (await desk.identity.basic(bob, login="bob")).reason is Reason.DEVICE_BLOCKED
    assert (await desk.refused("device_approve", account="bob", device_id="PHONE1")).kind == "refused"
    assert desk.identity.audit_events.count("identity:device:blocked") == 3


async def test_a_removed_device_needs_a_new_password(desk):
    secret = await desk.pair()
    await desk("device_remove", account="alice", device_id="PHONE1")
    assert (await desk.identity.basic(secret)).reason is Reason.DEVICE_UNKNOWN
    assert (await desk.refused("device_show", account="alice", device_id="PHONE1")).kind == "not-found"
    await desk.pair()


async def test_devices_are_listed_by_account_and_state(desk):
    await desk.pair("alice")
    await desk.pair("bob", "PHONE2")
    await desk("device_block", account="bob", device_id="PHONE2")
    assert [row["account"] for row in await desk("device_list")] == ["alice@contoso.lab", "bob@contoso.lab"]
    assert [row["device_id"] for row in await desk("device_list", state="blocked")] == ["PHONE2"]
    assert await desk("device_list", account="alice", state="blocked") == []
    assert (await desk.refused("device_list", state="happy")).kind == "usage"
    assert (await desk("device_show", account="bob", device_id="phone2"))["state"] == "blocked"


EXCHANGE_ROW = {
    "PSComputerName": "mail",
    "Identity": "contoso.lab/Users/Alice Adams/ExchangeActiveSyncDevices/iPhone§APPL1",
    "DeviceId": "appl1",
    "DeviceType": "iPhone",
    "DeviceModel": "iPhone12C1",
    "DeviceOS": "iOS 17.1",
    "FriendlyName": "Alice's phone",
    "UserDisplayName": "contoso.lab/Users/Alice Adams",
    "DeviceUserAgent": "Apple-iPhone12C1/1801.373",
    "FirstSyncTime": "1/31/2026 8:05:00 AM",
    "DeviceAccessState": "Allowed",
}


async def test_exchanges_own_list_is_imported_and_its_problems_reported(desk):
    rows = [
        EXCHANGE_ROW,
        {**EXCHANGE_ROW, "UserDisplayName": "contoso.lab/Users/Nobody"},
        {**EXCHANGE_ROW, "DeviceId": "a b"},
        {**EXCHANGE_ROW, "DeviceId": "X2", "DeviceAccessState": "Happy"},
        {**EXCHANGE_ROW, "DeviceId": "X3", "FirstSyncTime": "yesterday"},
        {**EXCHANGE_ROW, "DeviceId": ""},
        {"DeviceId": "X4"},
        {**EXCHANGE_ROW, "DeviceId": "X5", "FriendlyName": "x" * 257},
        {**EXCHANGE_ROW, "DeviceId": "X6", "DeviceAccessState": "Blocked"},
    ]
    result = await desk("device_import", rows=rows)
    assert (result["imported"], result["updated"]) == (2, 0)
    assert [problem["row"] for problem in result["problems"]] == [2, 3, 4, 5, 6, 7, 8]
    shown = await desk("device_show", account="alice", device_id="APPL1")
    assert (shown["os"], shown["first_seen_at"]) == ("iOS 17.1", "2026-01-31T08:05:00+00:00")
    assert (await desk("device_show", account="alice", device_id="X6"))["state"] == "blocked"

    again = await desk("device_import", rows=[EXCHANGE_ROW], state="blocked")
    assert (again["imported"], again["updated"]) == (0, 1)
    assert desk.scopes == [RevocationScope.PARTNERSHIP]


async def test_an_ambiguous_name_in_a_row_is_reported(desk):
    await desk("account_add", account_user="aa", display_name="Alice Adams")
    result = await desk("device_import", rows=[EXCHANGE_ROW])
    assert "2 accounts" in result["problems"][0]["problem"]


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@settings(max_examples=40, deadline=None)
@given(
    device_id=st.from_regex(r"[A-Z0-9]{1,32}", fullmatch=True),
    state=st.sampled_from(PartnershipState),
    texts=st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT),
    age=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3000)),
    kind=st.sampled_from([WipeKind.DEVICE, WipeKind.ACCOUNT_ONLY]),
)
def test_export_and_import_are_a_round_trip(device_id, state, texts, age, kind):
    async def round_trip():
        desk = Desk()
        await desk("account_add", account_user="alice", domain="CONTOSO")
        seen = (desk.identity.clock.now() - age).isoformat()
        names = ("device_type", "model", "os", "friendly_name", "user_agent")
        row = {"account": "CONTOSO\\alice", "device_id": device_id, "state": state.value}
        row |= dict(zip(names, texts, strict=True)) | {"first_seen_at": seen, "last_seen_at": seen}
        row |= dict.fromkeys(COLUMNS[10:], "")
        if state in ("wiping", "wiped"):
            row |= {"wipe_kind": kind.value, "wipe_requested_at": seen, "wipe_requested_by": "uid:0(root)"}
            row |= {"wipe_status": "1"} if state == "wiped" else {"wipe_sent_at": seen}
        if state == "wiped":
            row["wipe_acknowledged_at"] = seen
        assert (await desk("device_import", rows=[row]))["problems"] == []
        exported = await desk("device_export")
        assert exported == [row]
        assert (await desk("device_import", rows=exported))["updated"] == 0

    asyncio.run(round_trip())


async def test_windows_are_opened_for_minutes(desk):
    window = await desk("window_open", account="alice", minutes=5)
    assert window["closes_at"] == "2026-03-02T09:05:00+00:00"
    for bad in (0, 1441):
        assert (await desk.refused("window_open", account="alice", minutes=bad)).kind == "usage"


async def quarantined(desk):
    """A phone that hopped between two networks within a minute, and now is in quarantine."""
    secret = await desk.pair()
    for source in ("198.51.100.20", "192.0.2.10"):
        desk.identity.clock.advance(seconds=5)
        decision = await desk.identity.basic(secret, source=source)
    assert decision.reason is Reason.DEVICE_QUARANTINED
    return secret


async def test_an_approved_device_is_not_quarantined_again_by_what_was_seen_before(desk):
    secret = await quarantined(desk)
    await desk("device_approve", account="alice", device_id="PHONE1")
    desk.identity.clock.advance(seconds=5)
    assert (await desk.identity.basic(secret, source="192.0.2.10")).outcome is Outcome.ALLOW
    desk.identity.clock.advance(seconds=5)
    assert (await desk.identity.basic(secret, source="198.51.100.20")).outcome is Outcome.ALLOW
    desk.identity.clock.advance(seconds=5)
    again = await desk.identity.basic(secret, source="192.0.2.10")
    assert again.reason is Reason.DEVICE_QUARANTINED, "what is seen after the approval counts as ever"


async def test_an_unblocked_device_starts_over_too(desk):
    secret = await quarantined(desk)
    await desk("device_block", account="alice", device_id="PHONE1")
    await desk("device_unblock", account="alice", device_id="PHONE1")
    desk.identity.clock.advance(seconds=5)
    assert (await desk.identity.basic(secret, source="192.0.2.10")).outcome is Outcome.ALLOW


async def test_a_refused_approval_leaves_the_memory_alone(desk):
    secret = await desk.pair()
    desk.identity.clock.advance(seconds=5)
    await desk.identity.basic(secret, source="198.51.100.20")
    await desk("device_block", account="alice", device_id="PHONE1")
    assert (await desk.refused("device_approve", account="alice", device_id="PHONE1")).kind == "refused"
    networks, now = desk.identity.services.networks, desk.identity.clock.now()
    account_id = (await desk("device_show", account="alice", device_id="PHONE1"))["account_id"]
    assert networks.returned_after(account_id, "PHONE1", "192.0.2.10", now=now) is not None


async def test_offline_there_is_no_memory_to_reset(desk):
    secret = await quarantined(desk)
    desk.administration._networks = None
    approved = await desk("device_approve", account="alice", device_id="PHONE1")
    assert approved["state"] == "allowed"
    assert secret


async def test_a_long_list_is_read_page_by_page_and_to_its_bound(desk, monkeypatch):
    from handfast.identity.administration import devices

    monkeypatch.setattr(devices, "PAGE", 2)
    for name in ("P1", "P2", "P3", "P4", "P5"):
        await desk.pair("alice", name)
    assert [row["device_id"] for row in await desk("device_list")] == ["P1", "P2", "P3", "P4", "P5"]
    monkeypatch.setattr(devices, "MAX_LIST", 4)
    assert len(await desk("device_list")) == 4


async def test_a_wipe_is_ordered_shown_and_taken_back(desk):
    secret = await desk.pair()
    ordered = await desk("device_wipe", account="alice", device_id="phone1", account_only=True)
    assert (ordered["state"], ordered["wipe_kind"]) == ("wiping", "account-only")
    assert ordered["wipe_requested_by"]
    assert desk.scopes == [RevocationScope.PARTNERSHIP]
    assert (await desk.identity.basic(secret)).reason is Reason.DEVICE_WIPE_PENDING
    for step in ("device_block", "device_approve", "device_unblock"):
        assert (await desk.refused(step, account="alice", device_id="PHONE1")).kind == "refused"
    cancelled = await desk("device_wipe_cancel", account="alice", device_id="PHONE1")
    assert (cancelled["state"], cancelled["wipe_kind"]) == ("blocked", "")
    assert (await desk.refused("device_wipe_cancel", account="alice", device_id="PHONE1")).kind == "refused"
    assert (await desk("device_unblock", account="alice", device_id="PHONE1"))["state"] == "allowed"


async def test_no_file_lets_a_device_in_that_is_to_be_wiped(desk):
    secret = await desk.pair()
    exported = await desk("device_export")
    await desk("device_wipe", account="alice", device_id="PHONE1")
    result = await desk("device_import", rows=exported)
    assert (result["imported"], result["updated"]) == (0, 0)
    assert "wiping" in result["problems"][0]["problem"]
    assert (await desk.identity.basic(secret)).reason is Reason.DEVICE_WIPE_PENDING
    again = await desk("device_import", rows=await desk("device_export"))
    assert (again["updated"], again["problems"]) == (0, [])
    await desk("device_remove", account="alice", device_id="PHONE1")
    assert (await desk("device_import", rows=exported))["imported"] == 1


async def test_a_file_that_knows_less_makes_nobody_forget(desk):
    await desk("device_import", rows=[{**EXCHANGE_ROW, "DeviceImei": "356938035643809"}])
    await desk("device_import", rows=[EXCHANGE_ROW])
    shown = await desk("device_show", account="alice", device_id="APPL1")
    assert shown["imei"] == "356938035643809"
