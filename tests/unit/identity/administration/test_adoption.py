from __future__ import annotations

import pytest

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.identity.audit import AuditEvent
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.entries import SyncPosition
from handfast.identity.directory.mirroring import mirror_accounts, mirror_gone
from handfast.identity.records import Partnership, PartnershipState, RevocationScope
from tests.fakes.directory import entry, group, sid_of

SALES = group("Sales")
TWIN = entry("alice", 1101, groups=frozenset({SALES}), display_name="Alice of the domain")


async def told(desk, *entries):
    now = desk.identity.clock.now()
    await desk.identity.records.write(lambda r: mirror_accounts(r, entries, MirrorPolicy(), now))
    await desk.identity.records.write(
        lambda r: r.positions.save(SyncPosition("dc1", 1), scope="", read_at=now)
    )


async def test_an_adopted_account_keeps_its_phone_and_obeys_the_directory(desk):
    secret = await desk.pair()
    await told(desk, TWIN)
    assert [row["directory_state"] for row in await desk("account_list")] == ["", "", "name taken"]
    adopted = await desk("account_adopt", account="alice")
    assert (adopted["sid"], adopted["display_name"], adopted["is_named"]) == (
        TWIN.sid,
        TWIN.display_name,
        True,
    )
    assert desk.scopes == [RevocationScope.ACCOUNT] * 2
    assert desk.identity.records.tables.audit[-1].event is AuditEvent.ACCOUNT_ADOPTED
    shown = await desk("account_show", account=sid_of(1101))
    assert (shown["groups"], len(shown["devices"])) == (["CONTOSO\\Sales"], 1)
    assert (await desk.identity.basic(secret)).outcome is Outcome.ALLOW
    now = desk.identity.clock.now()
    await desk.identity.records.write(lambda r: mirror_gone(r, [TWIN.sid], now))
    assert (await desk.identity.basic(secret)).reason is Reason.ACCOUNT_GONE
    assert len(await desk("account_list")) == 2


async def test_it_is_found_by_upn_too(desk):
    await told(desk, entry("liddell", 1101, upn="alice@contoso.lab"))
    assert (await desk("account_adopt", account="alice"))["user"] == "liddell"


async def test_without_a_twin_there_is_nothing_to_adopt(desk):
    assert (await desk.refused("account_adopt", account="alice")).kind == "not-found"
    await told(desk, entry("carol", 1103, upn=""))
    mirrored = await desk.refused("account_adopt", account="carol")
    assert (mirrored.kind, "already" in mirrored.message) == ("refused", True)


async def test_a_twin_with_devices_of_its_own_is_not_merged(desk):
    await told(desk, TWIN)
    records, now = desk.identity.records, desk.identity.clock.now()
    twin = await records.read(lambda r: r.accounts.find_by_sid(TWIN.sid))
    phone = Partnership(twin.id, "P9", PartnershipState.ALLOWED, "t", "", now, now)
    await records.write(lambda r: r.partnerships.add(phone))
    assert "of its own" in (await desk.refused("account_adopt", account="alice")).message


async def test_another_name_that_a_third_account_has_stands_in_the_way(desk):
    await told(desk, entry("alice", 1101, upn="bob@contoso.lab"))
    refused = await desk.refused("account_adopt", account="alice")
    assert (refused.kind, "third account" in refused.message) == ("refused", True)


async def test_a_upn_that_another_account_of_the_directory_has_too_keeps_nobody_from_being_adopted(desk):
    await told(
        desk, entry("mallory", 1109, upn="boss@contoso.lab"), entry("alice", 1101, upn="boss@contoso.lab")
    )
    adopted = await desk("account_adopt", account="alice")
    assert (adopted["is_named"], adopted["upn"], adopted["contested_upn"]) == (True, "", "boss@contoso.lab")
    other = await desk("account_show", account="mallory")
    assert (other["upn"], other["directory_state"]) == ("", "good")


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_mirrored_account_is_removed_only_once_the_directory_has_it_no_longer(desk, is_gone):
    await told(desk, entry("carol", 1103))
    if not is_gone:
        refused = await desk.refused("account_remove", account="carol")
        assert (refused.kind, bool(refused.remedy)) == ("refused", True)
        return
    now = desk.identity.clock.now()
    await desk.identity.records.write(lambda r: mirror_gone(r, [sid_of(1103)], now))
    await desk("account_remove", account="carol")
    assert [row["user"] for row in await desk("account_list")] == ["alice", "bob"]
