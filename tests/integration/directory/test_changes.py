"""What changes in the domain is read the next time: accounts, their groups, who is gone."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory import changes
from handfast.directory.values import FOREVER
from handfast.identity.ports import Unavailable
from handfast.protocols.ntlm.filetime import filetime_from_datetime
from tests.integration.directory.accounts import as_account
from tests.servers.samba import BASE, NEEDS, DomainController
from tests.servers.samba_domain import USERS, line, user_dn

pytestmark = NEEDS


def members(dc: DomainController, group: str, how: str, *users: str) -> None:
    text = line("dn", f"CN={group},{USERS}") + f"changetype: modify\n{how}: member\n"
    dc.ldbmodify(text + "".join(line("member", user_dn(user)) for user in users) + "\n")


def names(account) -> set[str]:
    return {group.name for group in account.groups}


async def test_only_what_changed_is_read_again(fresh_dc, reading):
    reader = reading(fresh_dc)
    assert len(await reader.read()) > 15
    assert reader.was_whole
    assert await reader.read() == {}
    assert not reader.was_whole

    fresh_dc.set_user("bob", userAccountControl=0x202)
    fresh_dc.set_user("alice", mail="a@contoso.com", displayName="Alice X")
    changed = await reader.read()
    assert set(changed) == {"alice", "bob"}
    assert not changed["bob"].facts.is_enabled
    assert (changed["alice"].facts.mail, changed["alice"].display_name) == ("a@contoso.com", "Alice X")
    assert await reader.read() == {}


async def test_a_renamed_account_keeps_its_sid_and_a_new_one_has_another(fresh_dc, reading):
    reader = reading(fresh_dc)
    before = (await reader.read())["bob"]
    fresh_dc.set_user("bob", sAMAccountName="robert", userPrincipalName="robert@contoso.lab")
    renamed = (await reader.read())["robert"]
    assert renamed.sid == before.sid
    fresh_dc.samba_tool("user", "delete", "robert")
    fresh_dc.add_users("bob")
    changed = await reader.read_until_gone("robert")
    assert changed["bob"].sid != before.sid


async def test_a_lockout_has_its_end(fresh_dc, reading, opened):
    reader = reading(fresh_dc)
    people = await reader.read()
    directory, account = opened(fresh_dc), as_account(people["bob"])
    for _ in range(5):
        await directory.check_password(account, "wrong")
    locked = (await reader.read())["bob"].facts.locked_until
    assert timedelta(minutes=29) < locked - datetime.now(UTC) < timedelta(minutes=31)
    fresh_dc.samba_tool("user", "unlock", "bob")
    assert (await reader.read())["bob"].facts.locked_until is None


async def test_membership_counts_at_once_for_the_members_that_differ(fresh_dc, reading):
    reader = reading(fresh_dc)
    await reader.read()
    members(fresh_dc, "Berlin", "delete", "alice")
    members(fresh_dc, "Berlin", "add", "carol")
    changed = await reader.read()
    assert set(changed) == {"alice", "carol"}
    assert names(changed["alice"]) == {"MobileUsers", "Domain Users", "Users"}
    assert {"Berlin", "Sales", "Phones", "MobileUsers"} < names(changed["carol"])


async def test_a_group_within_a_group_touches_all_below_it(fresh_dc, reading):
    reader = reading(fresh_dc)
    await reader.read()
    text = line("dn", f"CN=Phones,{USERS}") + "changetype: modify\ndelete: member\n"
    fresh_dc.ldbmodify(text + line("member", f"CN=Sales,{USERS}") + "\n")
    changed = await reader.read()
    assert set(changed) == {"alice", "smith(j)"}
    assert "Phones" not in names(changed["smith(j)"])
    assert "MobileUsers" in names(changed["alice"]), "directly"


async def test_a_renamed_and_a_deleted_group(fresh_dc, reading):
    reader = reading(fresh_dc)
    await reader.read()
    fresh_dc.set_values(f"CN=Berlin,{USERS}", sAMAccountName="Hamburg")
    assert "Hamburg" in names((await reader.read())["alice"])
    fresh_dc.samba_tool("group", "delete", "Hamburg")
    async with asyncio.timeout(20):
        while not (changed := await reader.read()):
            await asyncio.sleep(0.1)
    assert set(changed) == {"alice"}
    assert names(changed["alice"]) == {"MobileUsers", "Domain Users", "Users"}


async def test_the_primary_group_counts(fresh_dc, reading):
    reader = reading(fresh_dc)
    await reader.read()
    members(fresh_dc, "Sales", "add", "bob")
    rid = (
        fresh_dc.ldbsearch("(sAMAccountName=Sales)", "objectSid")
        .split("objectSid: ")[1]
        .split()[0]
        .split("-")[-1]
    )
    fresh_dc.set_user("bob", primaryGroupID=rid)
    assert {"Sales", "Phones", "Domain Users"} < names((await reader.read())["bob"])


async def test_deleted_accounts_are_gone(fresh_dc, reading):
    reader = reading(fresh_dc)
    await reader.read()
    fresh_dc.samba_tool("user", "delete", "alice")
    await reader.read()
    assert reader.gone == {"alice"}
    await reader.read()
    assert reader.gone == set()


async def test_who_may_not_learns_of_a_deletion_by_the_next_comparison(fresh_dc, reading, monkeypatch):
    monkeypatch.setattr(
        changes, "pause_after", lambda _seconds, *, sees_deleted: 0.0 if sees_deleted else 2.0
    )
    reader = reading(fresh_dc)
    await reader.read()
    fresh_dc.set_user("bob", mail="b@contoso.com")
    await reader.read()
    fresh_dc.samba_tool("user", "delete", "alice")
    await reader.read()
    assert reader.gone == set(), "not compared yet"
    await reader.read_until_gone("alice")


async def test_whoever_leaves_the_base_or_the_filter_is_gone_and_comes_back(fresh_dc, reading):
    fresh_dc.samba_tool("ou", "create", f"OU=Staff,{BASE}")
    fresh_dc.samba_tool("ou", "create", f"OU=Left,{BASE}")
    fresh_dc.samba_tool("user", "move", "alice", f"OU=Staff,{BASE}")
    fresh_dc.samba_tool("user", "move", "bob", f"OU=Staff,{BASE}")
    reader = reading(fresh_dc, base=f"OU=Staff,{BASE}", account_filter="(mail=*)")
    assert set(await reader.read()) == {"alice", "bob"}
    fresh_dc.samba_tool("user", "move", "alice", f"OU=Left,{BASE}")
    fresh_dc.set_values(f"CN=bob,OU=Staff,{BASE}", mail="")
    await reader.read()
    assert reader.gone == {"alice", "bob"}
    fresh_dc.samba_tool("user", "move", "alice", f"OU=Staff,{BASE}")
    assert set(await reader.read()) == {"alice"}
    fresh_dc.samba_tool("ou", "rename", f"OU=Staff,{BASE}", "OU=Moved")
    with pytest.raises(Unavailable, match=f"there is no OU=Staff,{BASE}"):
        await reader.read()


async def test_a_container_that_moves_takes_its_accounts_with_it(fresh_dc, reading):
    for name in ("OU=Staff", "OU=Left", "OU=Team,OU=Staff"):
        fresh_dc.samba_tool("ou", "create", f"{name},{BASE}")
    fresh_dc.samba_tool("user", "move", "alice", f"OU=Team,OU=Staff,{BASE}")
    reader = reading(fresh_dc, base=f"OU=Staff,{BASE}")
    assert set(await reader.read()) == {"alice"}
    fresh_dc.samba_tool("ou", "move", f"OU=Team,OU=Staff,{BASE}", f"OU=Left,{BASE}")
    await reader.read()
    assert reader.gone == {"alice"}


async def test_a_filter_by_group_follows_the_group(fresh_dc, reading):
    reader = reading(fresh_dc, account_filter=f"(memberOf=CN=Berlin,{USERS})")
    assert set(await reader.read()) == {"alice"}
    members(fresh_dc, "Berlin", "add", "carol")
    members(fresh_dc, "Berlin", "delete", "alice")
    assert set(await reader.read()) == {"carol"}
    assert reader.gone == {"alice"}


async def test_a_new_policy_counts_for_everybody(fresh_dc, reading):
    reader = reading(fresh_dc)
    await reader.read()
    fresh_dc.set_values(BASE, maxPwdAge=-10 * 24 * 3600 * 10_000_000)
    people = await reader.read()
    assert reader.was_whole
    assert people["alice"].facts.password_expires_at - datetime.now(UTC) < timedelta(days=10)


async def test_a_controller_restored_from_a_backup_is_read_whole(fresh_dc, reading):
    reader = reading(fresh_dc)
    await reader.read()
    fresh_dc.stop()
    fresh_dc.set_invocation_id(uuid.uuid4())
    fresh_dc.set_user("bob", userAccountControl=0x202)
    fresh_dc.start()
    assert not (await reader.read())["bob"].facts.is_enabled
    assert reader.was_whole
    assert len(reader.positions) == 2
    assert await reader.read() == {}


async def test_what_was_not_stored_is_given_again(fresh_dc, reading):
    reader = reading(fresh_dc)
    await reader.read()
    positions = dict(reader.positions)
    members(fresh_dc, "Berlin", "delete", "alice")
    assert set(await reader.read()) == {"alice"}
    reader.positions = positions
    assert "alice" in await reader.read()
    members(fresh_dc, "Berlin", "add", "alice")
    async for _ in reader.directory.changes(reader.positions):
        break
    assert "Berlin" in names((await reader.read())["alice"])


@pytest.mark.parametrize("sees_tombstones", [True, False])
async def test_tombstones_tell_where_we_may_see_them(fresh_dc, reading, monkeypatch, sees_tombstones):
    """Else it is the comparison of all SIDs, which is not due here again after the first time."""
    monkeypatch.setattr("handfast.directory.changes.COMPARISON_SHARE", 1e9)
    if sees_tombstones:
        fresh_dc.show_deleted_to("svc-read")
    reader = reading(fresh_dc)
    await reader.read()
    fresh_dc.set_user("carol", displayName="C")
    await reader.read()
    fresh_dc.samba_tool("user", "delete", "alice")
    fresh_dc.samba_tool("group", "delete", "Phones")
    changed = await reader.read()
    assert reader.gone == ({"alice"} if sees_tombstones else set())
    assert ("smith(j)" in changed) == sees_tombstones


PSO = f"CN=Strict,CN=Password Settings Container,CN=System,{BASE}"


@pytest.mark.parametrize("is_readable", [True, False])
async def test_a_fine_grained_policys_lockout(fresh_dc, reading, is_readable):
    """Ordinary users may not read such policies; then nobody but the controller knows when it ends, nor whether it has."""
    fresh_dc.samba_tool(
        *("domain", "passwordsettings", "pso", "create", "Strict", "1"),
        *(
            "--account-lockout-threshold=2",
            "--account-lockout-duration=300",
            "--reset-account-lockout-after=300",
        ),
    )
    fresh_dc.samba_tool("domain", "passwordsettings", "pso", "apply", "Strict", "bob")
    if is_readable:
        fresh_dc.samba_tool("group", "addmembers", "Administrators", "svc-read")
    units = filetime_from_datetime(datetime.now(UTC))
    fresh_dc.set_user("bob", lockoutTime=units)
    locked = (await reading(fresh_dc).read())["bob"].facts.locked_until
    if is_readable:
        assert timedelta(minutes=299) < locked - datetime.now(UTC) <= timedelta(minutes=300)
    else:
        assert locked == FOREVER
    fresh_dc.set_user("bob", lockoutTime=units - 301 * 60 * 10_000_000)
    ended = (await reading(fresh_dc).read())["bob"].facts.locked_until
    assert ended is None or ended < datetime.now(UTC)
