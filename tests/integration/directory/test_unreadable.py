"""Whoever has rights on one object of the directory, and none here, costs nobody else anything by what he writes there or hides."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from handfast.directory.active_directory import ActiveDirectory
from handfast.directory.values import FOREVER
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.rounds import MirrorRound
from handfast.identity.directory.standing import DirectoryPolicy, StandingRefusal, read_standing
from handfast.identity.ports import Repositories, Unavailable
from handfast.identity.records import Account
from tests.fakes.clock import SettableClock
from tests.fakes.records import InMemoryRecords
from tests.integration.directory.accounts import as_account
from tests.servers.samba import BASE, NEEDS, DomainController
from tests.servers.samba_domain import USERS, group_entry, line, user_dn, user_entry

pytestmark = NEEDS
SECURITY_GROUP = -0x7FFFFFFE
MEMBER_OF, LOCKOUT_TIME, ACCOUNT_EXPIRES, USER_ACCOUNT_CONTROL, MEMBER, USN_CHANGED = (
    "bf967991-0de6-11d0-a285-00aa003049e2",
    "28630ebf-41d5-11d1-a9c1-0000f80367c1",
    "bf967915-0de6-11d0-a285-00aa003049e2",
    "bf967a68-0de6-11d0-a285-00aa003049e2",
    "bf9679c0-0de6-11d0-a285-00aa003049e2",
    "bf967a6f-0de6-11d0-a285-00aa003049e2",
)
"""schemaIDGUIDs (MS-ADA1, MS-ADA2, MS-ADA3)."""
DEPTH = 22
"""So many containers, each named by 60 characters of three bytes, make a name of more than 4 KB."""


@pytest.fixture(scope="module")
def dc() -> Iterator[DomainController]:
    """Each test has objects of its own in it."""
    with DomainController() as dc:
        yield dc


@pytest.fixture(scope="module")
def far_down(dc: DomainController) -> str:
    """A container that one who has rights on one unit has made."""
    where, ldif = BASE, ""
    for level in range(DEPTH):
        where = f"OU={'漢' * 60}{level:03d},{where}"
        ldif += line("dn", where) + "changetype: add\nobjectClass: organizationalUnit\n\n"
    dc.ldbmodify(ldif)
    assert len(where.encode()) > 4096
    return where


def add(dc: DomainController, entry: str) -> None:
    dc.ldbmodify(entry.replace("objectClass", "changetype: add\nobjectClass", 1))


def add_user(dc: DomainController, name: str) -> None:
    add(dc, user_entry(name, {}, "Passw0rd.1"))


def members(dc: DomainController, group_dn: str, how: str, *dns: str) -> None:
    text = line("dn", group_dn) + f"changetype: modify\n{how}: member\n"
    dc.ldbmodify(text + "".join(line("member", dn) for dn in dns) + "\n")


def move(dc: DomainController, name: str, where: str) -> None:
    text = line("dn", f"CN={name},{USERS}") + f"changetype: modrdn\nnewrdn: CN={name}\ndeleteoldrdn: 1\n"
    dc.ldbmodify(text + line("newsuperior", where) + "\n")


def hide(dc: DomainController, dn: str, attribute: str) -> None:
    """From the account that Handfast reads with, as who owns the object may."""
    sid = dc.value("svc-read", "objectSid")
    dc.samba_tool("dsacl", "set", f"--objectdn={dn}", f"--sddl=(OD;;RP;{attribute};;{sid})")


def names(account) -> set[str]:
    return {group.name for group in account.groups}


class Mirrored:
    """What our records have of one account."""

    def __init__(self, directory: ActiveDirectory, name: str) -> None:
        self.directory = directory
        self.records = InMemoryRecords()
        self._clock = SettableClock(datetime.now(UTC))
        self._name = name

    async def read(self) -> list[str]:
        """Mirrors what changed; returns which objects the log complains of."""
        turn = MirrorRound(self.records, self._clock, MirrorPolicy(), "all")
        with capture_logs() as told:
            async for batch in self.directory.changes(await turn.read_positions()):
                await turn.store(batch)
        return [one for entry in told for one in entry.get("objects", ())]

    async def account(self) -> Account:
        return await self.records.read(self._find)

    async def refusal(self) -> StandingRefusal | None:
        def judge(repositories: Repositories) -> StandingRefusal | None:
            found = self._find(repositories)
            return read_standing(repositories, found, DirectoryPolicy(), self._clock.now()).refusal

        return await self.records.read(judge)

    def _find(self, repositories: Repositories) -> Account:
        found = repositories.accounts.find_by_domain_user("CONTOSO", self._name)
        assert found is not None
        return found


async def test_a_group_far_down_costs_its_members_nothing(dc, far_down, reading):
    add_user(dc, "colleague")
    reader = reading(dc)
    await reader.read()
    group = group_entry("far-down", (), SECURITY_GROUP).replace(
        line("dn", f"CN=far-down,{USERS}"), line("dn", f"CN=far-down,{far_down}")
    )
    add(dc, group)
    members(dc, f"CN=far-down,{far_down}", "add", user_dn("colleague"), f"CN=Sales,{USERS}")
    changed = await reader.read()
    assert reader.gone == set()
    assert "far-down" in names(changed["colleague"])
    assert {"far-down", "Sales", "Phones"} < names(changed["alice"])
    found = await reader.directory.find("colleague")
    assert found.groups == changed["colleague"].groups == (await reading(dc).read())["colleague"].groups


async def test_a_member_that_moves_far_down_leaves_the_group_what_it_is(dc, far_down, reading):
    add_user(dc, "mover")
    reader = reading(dc)
    await reader.read()
    members(dc, f"CN=Loop-B,{USERS}", "add", user_dn("mover"))
    move(dc, "mover", far_down)
    assert "Loop-B" in names((await reader.read())["mover"])
    members(dc, f"CN=Loop-B,{USERS}", "delete", user_dn("bob"))
    assert "Loop-B" not in names((await reader.read())["bob"])
    people = await reading(dc).read()
    assert ("Loop-B" in names(people["mover"]), "Loop-B" in names(people["bob"])) == (True, False)


async def test_who_hides_memberships_keeps_them(dc, reading):
    """Else the owner of an account would take it out of every group that a rule refuses."""
    add_user(dc, "refused")
    members(dc, f"CN=Berlin,{USERS}", "add", user_dn("refused"))
    reader = reading(dc)
    before = (await reader.read())["refused"].groups
    assert "Berlin" in {group.name for group in before}
    hide(dc, user_dn("refused"), MEMBER_OF)
    assert (await reader.read())["refused"].groups == before
    assert (await reading(dc).read())["refused"].groups == before
    assert (await reader.directory.find("refused")).groups == before


async def test_who_hides_a_groups_members_keeps_them_in_it(dc, reading):
    """As they still say it themselves; a group of hidden members is an ordinary thing."""
    add_user(dc, "counted")
    add(dc, group_entry("discreet", ["counted"], SECURITY_GROUP))
    reader = reading(dc)
    await reader.read()
    hide(dc, f"CN=discreet,{USERS}", MEMBER)
    assert "discreet" in names((await reader.read())["counted"])
    assert "discreet" in names((await reading(dc).read())["counted"])


async def test_a_hidden_lock_holds_until_the_controller_says_it_is_over(dc, reading):
    add_user(dc, "locked")
    reader = reading(dc)
    account = as_account((await reader.read())["locked"])
    for number in range(5):
        await reader.directory.check_password(account, f"wrong{number}")
    hide(dc, user_dn("locked"), LOCKOUT_TIME)
    assert (await reader.read())["locked"].facts.locked_until == FOREVER
    dc.samba_tool("user", "unlock", "locked")
    assert (await reader.read())["locked"].facts.locked_until is None


@pytest.mark.parametrize("attribute", [ACCOUNT_EXPIRES, USER_ACCOUNT_CONTROL], ids=["expires", "control"])
async def test_an_account_that_cannot_be_judged_is_refused_and_costs_nobody_else_anything(
    dc, reading, attribute
):
    name = f"hidden-{attribute[:8]}"
    add_user(dc, name)
    mirrored = Mirrored(reading(dc).directory, name)
    await mirrored.read()
    assert await mirrored.refusal() is None
    hide(dc, user_dn(name), attribute)
    dc.set_user("heidi", displayName=f"Heidi {name}")
    (told,) = [one for one in await mirrored.read() if name in one]
    assert "not there, or not readable" in told
    assert await mirrored.refusal() is StandingRefusal.DISABLED_IN_DIRECTORY
    assert not (await mirrored.account()).is_gone, "nobody wins its names"
    heidi = await mirrored.records.read(lambda r: r.accounts.find_by_domain_user("CONTOSO", "heidi"))
    assert heidi.display_name == f"Heidi {name}"
    with pytest.raises(Unavailable, match=name):
        await mirrored.directory.find(name)
    assert await mirrored.directory.find("alice"), "it is not the controller that failed"
    dc.samba_tool("user", "delete", name)
    async with asyncio.timeout(20):
        while not (await mirrored.account()).is_gone:
            await mirrored.read()


async def test_who_hides_that_it_changed_does_not_stay_allowed(dc, reading):
    """A filter on a number that we may not read never matches."""
    name = "hidden-number"
    add_user(dc, name)
    mirrored = Mirrored(reading(dc).directory, name)
    await mirrored.read()
    hide(dc, user_dn(name), USN_CHANGED)
    dc.set_user(name, userAccountControl=0x202)
    async with asyncio.timeout(20):
        while await mirrored.refusal() is None:
            await mirrored.read()
    assert await mirrored.refusal() is StandingRefusal.DISABLED_IN_DIRECTORY


async def test_what_changes_of_a_group_that_hides_it_is_found(dc, reading):
    add_user(dc, "late")
    add(dc, group_entry("hidden-number-group", [], SECURITY_GROUP))
    reader = reading(dc)
    sid = (await reader.read())["late"].sid
    hide(dc, f"CN=hidden-number-group,{USERS}", USN_CHANGED)
    hide(dc, user_dn("late"), MEMBER_OF)
    members(dc, f"CN=hidden-number-group,{USERS}", "add", user_dn("late"))
    async with asyncio.timeout(20):
        while "hidden-number-group" not in names(reader.accounts[sid]):
            await reader.read()


async def test_what_only_shows_an_account_may_be_nonsense(dc, reading):
    add_user(dc, "shown")
    dc.set_user("shown", displayName=b"a\nb", mail=b"a\x01b")
    with capture_logs() as told:
        account = (await reading(dc).read())["shown"]
    assert (account.display_name, account.facts.mail) == ("", "")
    assert not [one for one in told if "shown" in str(one.get("objects"))]
