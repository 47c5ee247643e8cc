"""Two controllers of which one lags: what it had not heard of yet must not outlast its turn."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from handfast.directory import changes
from handfast.directory.changes import SIDS_IN_ONE_QUERY, ChangeFeed, pause_after
from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.entries import Entry, build_entry
from handfast.directory.scope import Scope
from handfast.directory.values import FOREVER
from handfast.identity.directory.entries import ChangeBatch

DOMAIN_SID = "S-1-5-21-1-2-3"
ENABLED, DISABLED = 0x200, 0x202
ALICE, BOB, GROUP = 1001, 1002, 500


def sid_bytes(rid: int) -> bytes:
    numbers = b"".join(number.to_bytes(4, "little") for number in (21, 1, 2, 3, rid))
    return bytes([1, 5]) + (5).to_bytes(6, "big") + numbers


class LaggingLink:
    """One controller's accounts, each with the number of its last change; answers as `Link` does."""

    def __init__(self, name: str, usn: int) -> None:
        self.name = name
        self._usn = usn
        self._accounts: dict[int, tuple[int, int]] = {}
        self.unnumbered: set[int] = set()
        """Who hides the number of its last change: no filter on it finds them (MS-ADTS 3.1.1.4.3)."""

    def change(self, rid: int, control: int) -> None:
        self._usn += 1
        self._accounts[rid] = (self._usn, control)

    @property
    def domain(self) -> DomainFacts:
        root = RootFacts(
            "DC=contoso,DC=lab", "CN=Configuration", "CN=s", self._usn, self.name, datetime.now(UTC)
        )
        policy = Policy(5, timedelta(minutes=30), None, None)
        return DomainFacts(root, f"invocation of {self.name}", DOMAIN_SID, "CONTOSO", "contoso.lab", policy)

    async def pages(self, base, query, attributes, *, controls=()):
        if "objectCategory=group" in query or "isDeleted" in query:
            return
        found = self._accounts
        if since := re.search(r"uSNChanged>=(\d+)", query):
            numbered = {rid: one for rid, one in found.items() if rid not in self.unnumbered}
            found = {rid: one for rid, one in numbered.items() if one[0] >= int(since[1])}
        if "objectSid=" in query:
            named = {int(rid) for rid in re.findall(r"-(\d+)\)", query)}
            found = {rid: one for rid, one in found.items() if rid in named}
        yield tuple(self._number(rid, self._entry(rid, control)) for rid, (_, control) in found.items())

    def _number(self, rid: int, entry: Entry) -> Entry:
        if rid in self.unnumbered:
            return entry
        return Entry(entry.dn, {**entry.values, "usnchanged": [b"1"]})

    def _entry(self, rid: int, control: int) -> Entry:
        values = {"objectsid": [sid_bytes(rid)], "samaccountname": [b"user%d" % rid]}
        numbers = {
            "userAccountControl": control,
            "primaryGroupID": 513,
            "accountExpires": 0,
            "pwdLastSet": 0,
            "msDS-User-Account-Control-Computed": 0,
        }
        return build_entry(
            f"CN={rid}", {**values, **{name: [b"%d" % number] for name, number in numbers.items()}}
        )

    async def read(self, dn, attributes, *, controls=()):
        return None

    async def call(self, work, *, patience=1):
        return work(None)


@pytest.mark.parametrize(
    ("took", "sees_deleted", "pause"),
    [(0.1, False, 2.0), (0.1, True, 2.0), (20.0, False, 60.0), (20.0, True, 400.0), (90.0, True, 600.0)],
)
def test_accounts_are_compared_for_a_twentieth_of_the_time_or_once_a_minute(took, sees_deleted, pause):
    assert pause_after(took, sees_deleted=sees_deleted) == pytest.approx(pause)


async def test_what_a_lagging_controller_says_is_said_right_once_the_first_is_back():
    feed = ChangeFeed(Scope(), lambda: datetime.now(UTC))
    positions: dict[str, int] = {}
    mirror: dict[str, bool] = {}

    async def poll(link: LaggingLink) -> bool:
        async for batch in feed.read(link, link.domain, positions.get(link.domain.invocation_id)):
            mirror.update({one.sid: one.facts.is_enabled for one in batch.accounts})
            if batch.position is not None:
                positions[batch.position.invocation_id] = batch.position.highest_usn
        return mirror[f"{DOMAIN_SID}-{ALICE}"]

    first, second = LaggingLink("dc1", 100), LaggingLink("dc2", 500)
    for link in (first, second):
        link.change(ALICE, ENABLED)
    assert await poll(first)
    first.change(ALICE, DISABLED)
    assert not await poll(first)
    assert await poll(second), "it has not heard of it yet"
    first.change(2000, ENABLED)
    assert not await poll(first)


async def test_what_is_known_to_have_changed_does_not_wait_for_all_accounts_to_be_compared():
    compared: list[str] = []

    class Link(LaggingLink):
        async def pages(self, base, query, attributes, *, controls=()):
            if attributes == ("objectSid", "uSNChanged") and not re.search(
                "uSNChanged|isDeleted|category=group", query, re.IGNORECASE
            ):
                compared.append(query)
            async for page in super().pages(base, query, attributes, controls=controls):
                yield page

    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), Link("dc1", 100)
    bob = ALICE + 1
    for rid in (ALICE, bob):
        link.change(rid, ENABLED)
    whole = [batch async for batch in feed.read(link, link.domain, None)]
    assert compared == []
    link.change(ALICE, DISABLED)
    del link._accounts[bob]  # as one that an ordinary user sees nothing of any more

    told = []
    async for batch in feed.read(link, link.domain, whole[-1].position.highest_usn):
        told += [(one.sid, one.facts.is_enabled, len(compared)) for one in batch.accounts]
        told += [(sid, "gone", len(compared)) for sid in batch.gone]
    assert told == [(f"{DOMAIN_SID}-{ALICE}", False, 0), (f"{DOMAIN_SID}-{bob}", "gone", 1)]


class GroupedLink(LaggingLink):
    """The same with one group, and accounts of which something is hidden."""

    def __init__(self) -> None:
        super().__init__("dc1", 100)
        self.members: tuple[int, ...] = ()
        self.hidden: set[int] = set()
        self.is_group_hidden = False
        self._group_usn = 0

    def regroup(self, *members: int) -> None:
        self._usn += 1
        self._group_usn, self.members = self._usn, members

    async def pages(self, base, query, attributes, *, controls=()):
        if "objectCategory=group" in query:
            since = re.search(r"uSNChanged>=(\d+)", query)
            is_found = since is None or (GROUP not in self.unnumbered and self._group_usn >= int(since[1]))
            if is_found and not self.is_group_hidden:
                sids = [f"{DOMAIN_SID}-{rid}" for rid in self.members]
                named = [f"<GUID={rid:032x}>;<SID={sid}>;CN=x" for rid, sid in enumerate(sids)]
                given = {"objectSid": [sid_bytes(GROUP)], "member": [one.encode() for one in named]}
                yield (self._number(GROUP, build_entry("CN=own", given)),)
            return
        async for page in super().pages(base, query, attributes, controls=controls):
            yield page

    def _entry(self, rid: int, control: int) -> Entry:
        entry = super()._entry(rid, control)
        if rid not in self.hidden:
            return entry
        return Entry(
            entry.dn, {name: entry.values[name] for name in entry.values if name != "accountexpires"}
        )


async def told(feed: ChangeFeed, link: GroupedLink, since: int | None) -> tuple[list[ChangeBatch], int]:
    """All but the last batch, and where it ended."""
    *batches, last = [batch async for batch in feed.read(link, link.domain, since)]
    assert last.position is not None
    return batches, last.position.highest_usn


async def test_who_is_disabled_does_not_wait_for_those_who_are_in_another_group():
    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), GroupedLink()
    everybody = range(1000, 1000 + 3 * SIDS_IN_ONE_QUERY)
    for rid in everybody:
        link.change(rid, ENABLED)
    _, since = await told(feed, link, None)
    late = everybody[-1]
    link.change(late, DISABLED)
    link.regroup(*everybody)
    batches, _ = await told(feed, link, since)
    assert [(one.sid, one.facts.is_enabled) for one in batches[0].accounts] == [
        (f"{DOMAIN_SID}-{late}", False)
    ]
    assert {group.sid for group in batches[0].accounts[0].groups} == {f"{DOMAIN_SID}-500"}, "with its groups"
    rest = [one.sid for batch in batches[1:] for one in batch.accounts]
    assert sorted(rest) == [f"{DOMAIN_SID}-{rid}" for rid in everybody[:-1]], "each of the others once"


async def test_an_account_that_cannot_be_judged_is_there_and_told_as_such():
    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), GroupedLink()
    bob = ALICE + 1
    for rid in (ALICE, bob):
        link.change(rid, ENABLED)
    link.hidden = {bob}
    with capture_logs() as logged:
        (whole,), since = await told(feed, link, None)
    assert ([one.sid for one in whole.accounts], whole.unreadable) == (
        [f"{DOMAIN_SID}-{ALICE}"],
        {f"{DOMAIN_SID}-{bob}"},
    )
    (line,) = [one for one in logged if one["event"] == "directory-unreadable-accounts"]
    assert (line["count"], line["objects"]) == (
        1,
        [f"CN={bob}: ldap accountExpires: not there, or not readable"],
    )
    link.hidden = {ALICE}
    for rid in (ALICE, bob):
        link.change(rid, ENABLED)
    (changed,), _ = await told(feed, link, since)
    assert ([one.sid for one in changed.accounts], changed.unreadable, changed.gone) == (
        [f"{DOMAIN_SID}-{bob}"],
        {f"{DOMAIN_SID}-{ALICE}"},
        frozenset(),
    )


async def test_who_hides_even_its_sid_is_nobody_and_a_group_without_one_is_told():
    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), GroupedLink()
    link.change(ALICE, ENABLED)
    link._entry = lambda _rid, _control: Entry("CN=nobody", {})
    with capture_logs() as logged:
        ((batch,), _) = await told(feed, link, None)
    assert (batch.accounts, batch.unreadable) == ((), frozenset())
    assert [one["objects"] for one in logged] == [["CN=nobody: ldap objectSid: not there, or not readable"]]

    class Nameless(GroupedLink):
        async def pages(self, base, query, attributes, *, controls=()):
            async for page in super().pages(base, query, attributes, controls=controls):
                is_group = "objectCategory=group" in query
                yield (Entry("CN=" + "x" * 1000, {}),) if is_group else page

    with capture_logs() as logged:
        await told(ChangeFeed(Scope(), lambda: datetime.now(UTC)), Nameless(), None)
    (line,) = logged
    assert (line["event"], line["count"]) == ("directory-unreadable-groups", 1)
    assert len(line["objects"][0]) == 300


async def test_who_cannot_be_judged_is_asked_again_without_a_change_some_at_a_time(monkeypatch):
    """Rights on a container change none of the objects in it."""
    monkeypatch.setattr(changes, "UNSETTLED_AT_A_TIME", 2)
    monkeypatch.setattr(changes, "pause_after", lambda _seconds, *, sees_deleted: 0.0)
    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), GroupedLink()
    five = range(1001, 1006)
    for rid in five:
        link.change(rid, ENABLED)
    link.hidden = set(five)
    (whole,), since = await told(feed, link, None)
    assert len(whole.unreadable) == 5
    read: list[list[int]] = []
    for shown in ((), (), five, (), ()):
        link.hidden -= set(shown)
        link._usn += 1  # something else changed
        with capture_logs() as logged:
            batches, since = await told(feed, link, since)
        assert logged == [], "told already"
        sids = {sid for batch in batches for sid in (*batch.unreadable, *(one.sid for one in batch.accounts))}
        read.append(sorted(int(sid.rpartition("-")[2]) for sid in sids))
    assert read[0] != read[1]
    assert [len(rids) for rids in read] == [2, 2, 2, 2, 1]
    assert {rid for rids in read[2:] for rid in rids} == set(five)
    link._usn += 1
    assert (await told(feed, link, since))[0] == []


@pytest.fixture
def no_pause(monkeypatch):
    monkeypatch.setattr(changes, "pause_after", lambda _seconds, *, sees_deleted: 0.0)


def states(batches: list[ChangeBatch]) -> dict[int, bool | str]:
    """By RID: whether it is enabled, or "unreadable", or "gone"."""
    told: dict[int, bool | str] = {}
    for batch in batches:
        told |= {int(one.sid.rpartition("-")[2]): one.facts.is_enabled for one in batch.accounts}
        told |= {int(sid.rpartition("-")[2]): "unreadable" for sid in batch.unreadable}
        told |= {int(sid.rpartition("-")[2]): "gone" for sid in batch.gone}
    return told


async def test_who_hides_the_number_of_its_last_change_cannot_be_judged(no_pause):
    """Else it would stay what it was, whatever becomes of it."""
    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), GroupedLink()
    for rid in (ALICE, BOB):
        link.change(rid, ENABLED)
    link.unnumbered = {BOB}
    batches, since = await told(feed, link, None)
    assert states(batches) == {ALICE: True, BOB: "unreadable"}

    link.unnumbered |= {ALICE}  # by rights on its container: nothing of it changes
    link.change(2000, ENABLED)
    with capture_logs() as logged:
        batches, since = await told(feed, link, since)
    assert states(batches) == {2000: True, ALICE: "unreadable", BOB: "unreadable"}
    assert [one["objects"] for one in logged] == [
        [f"CN={ALICE}: ldap uSNChanged: not there, or not readable"]
    ], "the other one was told before"
    link.change(ALICE, DISABLED)
    batches, since = await told(feed, link, since)
    assert states(batches) == {ALICE: "unreadable", BOB: "unreadable"}
    link.unnumbered = set()
    assert states((await told(feed, link, since))[0]) == {ALICE: False, BOB: True}


async def test_what_changes_of_a_group_that_hides_its_number_is_found(no_pause):
    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), GroupedLink()
    for rid in (ALICE, BOB):
        link.change(rid, ENABLED)
    link.regroup(ALICE)
    _, since = await told(feed, link, None)
    link.unnumbered = {GROUP}
    link.regroup(BOB)
    batches, since = await told(feed, link, since)
    groups = {one.sid: len(one.groups) for batch in batches for one in batch.accounts}
    assert groups == {f"{DOMAIN_SID}-{ALICE}": 0, f"{DOMAIN_SID}-{BOB}": 1}
    link.change(2000, ENABLED)
    assert states((await told(feed, link, since))[0]) == {2000: True}, "nobody is read again for nothing"


async def test_a_group_that_comes_to_light_is_read(no_pause):
    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), GroupedLink()
    link.change(ALICE, ENABLED)
    link.regroup(ALICE)
    link.is_group_hidden = True
    ((whole,), since) = await told(feed, link, None)
    assert whole.accounts[0].groups == frozenset()
    link.is_group_hidden = False  # by rights on its container
    link.change(2000, ENABLED)
    batches, _ = await told(feed, link, since)
    groups = {one.sid: {group.sid for group in one.groups} for batch in batches for one in batch.accounts}
    assert groups[f"{DOMAIN_SID}-{ALICE}"] == {f"{DOMAIN_SID}-{GROUP}"}


async def test_a_lock_whose_end_is_hidden_ends_where_nothing_else_happens(no_pause):
    """That changes no number; nor is anything else asked for then."""
    asked: list[str] = []

    class Link(GroupedLink):
        is_locked = True

        async def pages(self, base, query, attributes, *, controls=()):
            asked.append(query)
            async for page in super().pages(base, query, attributes, controls=controls):
                yield page

        def _entry(self, rid: int, control: int) -> Entry:
            entry = super()._entry(rid, control)
            computed = b"16" if self.is_locked and rid == ALICE else b"0"
            return Entry(entry.dn, {**entry.values, "msds-user-account-control-computed": [computed]})

    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), Link()
    for rid in (ALICE, BOB):
        link.change(rid, ENABLED)
    ((whole,), since) = await told(feed, link, None)
    assert whole.accounts[0].facts.locked_until == FOREVER
    asked.clear()
    link.is_locked = False
    ((batch,), since) = await told(feed, link, since)
    assert [(one.sid, one.facts.locked_until) for one in batch.accounts] == [(f"{DOMAIN_SID}-{ALICE}", None)]
    assert len(asked) == 1, "the account alone"
    assert (await told(feed, link, since))[0] == []
    assert len(asked) == 1


@pytest.mark.parametrize(("is_given_back", "asked"), [(True, [2, 2, 2, 1, 0]), (False, [2, 0, 0, 0, 0])])
async def test_the_next_ones_are_asked_at_once_while_that_helps(monkeypatch, is_given_back, asked):
    """Given back by rights on a container, thousands would be refused for hours."""
    monkeypatch.setattr(changes, "UNSETTLED_AT_A_TIME", 2)
    monkeypatch.setattr(changes, "pause_after", lambda _seconds, *, sees_deleted: 3600.0)
    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), GroupedLink()
    seven = range(1001, 1008)
    for rid in seven:
        link.change(rid, ENABLED)
    link.hidden = set(seven)
    _, since = await told(feed, link, None)
    if is_given_back:
        link.hidden = set()
    found: list[dict[int, bool | str]] = []
    for _ in asked:
        batches, since = await told(feed, link, since)
        found.append(states(batches))
    assert [len(one) for one in found] == asked


async def test_whom_only_the_comparison_finds_unreadable_is_logged(no_pause):
    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), GroupedLink()
    link.change(ALICE, ENABLED)
    _, since = await told(feed, link, None)
    link._accounts[BOB] = (1, ENABLED)  # its container was moved to where we read
    link.hidden = {BOB}
    link.change(2000, ENABLED)
    for lines in ([[f"CN={BOB}: ldap accountExpires: not there, or not readable"]], []):
        with capture_logs() as logged:
            _, since = await told(feed, link, since)
        assert [one["objects"] for one in logged] == lines


async def test_working_out_all_memberships_may_take_longer_than_an_answer():
    patient: list[int] = []

    class Link(GroupedLink):
        async def call(self, work, *, patience=1):
            patient.append(patience)
            return work(None)

    feed, link = ChangeFeed(Scope(), lambda: datetime.now(UTC)), Link()
    link.is_group_hidden = True
    link.change(ALICE, ENABLED)
    _, since = await told(feed, link, None)
    link.change(ALICE, DISABLED)
    await told(feed, link, since)
    assert set(patient) == {changes.PREPARING_PATIENCE}
