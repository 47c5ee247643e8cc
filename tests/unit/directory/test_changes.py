"""Two controllers of which one lags: what it had not heard of yet must not outlast its turn."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory.changes import ChangeFeed, pause_after
from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.entries import Entry
from handfast.directory.scope import Scope

DOMAIN_SID = "S-1-5-21-1-2-3"
ENABLED, DISABLED = 0x200, 0x202
ALICE = 1001


def sid_bytes(rid: int) -> bytes:
    numbers = b"".join(number.to_bytes(4, "little") for number in (21, 1, 2, 3, rid))
    return bytes([1, 5]) + (5).to_bytes(6, "big") + numbers


class LaggingLink:
    """One controller's accounts, each with the number of its last change; answers as `Link` does."""

    def __init__(self, name: str, usn: int) -> None:
        self.name = name
        self._usn = usn
        self._accounts: dict[int, tuple[int, int]] = {}

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
            found = {rid: one for rid, one in found.items() if one[0] >= int(since[1])}
        if "objectSid=" in query:
            named = {int(rid) for rid in re.findall(r"-(\d+)\)", query)}
            found = {rid: one for rid, one in found.items() if rid in named}
        yield tuple(self._entry(rid, control) for rid, (_, control) in found.items())

    def _entry(self, rid: int, control: int) -> Entry:
        values = {"objectsid": [sid_bytes(rid)], "samaccountname": [b"user%d" % rid]}
        return Entry(
            f"CN={rid}", {**values, "useraccountcontrol": [b"%d" % control], "primarygroupid": [b"513"]}
        )

    async def read(self, dn, attributes, *, controls=()):
        return None

    async def call(self, work):
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
            if attributes == ("objectSid",) and not re.search(
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
