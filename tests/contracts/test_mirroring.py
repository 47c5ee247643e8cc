"""A domain that changes for a while is mirrored alike by every implementation of the records, and by two identities at once."""

from __future__ import annotations

import asyncio
import random

import pytest

from handfast.identity.audit_verification import verify_trail
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.rounds import MirrorRound
from handfast.identity.ports import Unavailable
from handfast.identity.records import Partnership, PartnershipState
from handfast.storage.opening import open_records
from tests.fakes.clock import START, SettableClock
from tests.fakes.directory import FakeDirectory, group

GROUPS = [group(f"g{number}", 3000 + number) for number in range(12)]
POLICY = MirrorPolicy(watched_groups=frozenset({"CONTOSO\\G1"}), max_missing_percent=100)


async def read(records, domain) -> None:
    reading = MirrorRound(records, SettableClock(), POLICY, "")
    async for batch in domain.changes(await reading.read_positions()):
        await reading.store(batch)
    assert reading.report.unfit == []


async def mirrored(records):
    """What the records have of the directory's accounts, by SID."""

    def work(r):
        accounts = [one for one in r.accounts.list() if one.sid is not None and not one.is_gone]
        return {
            one.sid: (one.user, one.upn, one.directory, r.accounts.groups_of(one.id), one.is_named)
            for one in accounts
        }

    return await records.read(work)


def wanted(domain):
    return {sid: (one.user, one.upn, one.facts, one.groups, True) for sid, one in domain.accounts.items()}


def some_changes(domain: FakeDirectory, chance: random.Random, names: list[str]) -> None:
    """A few of what happens in a domain: new people, swapped and inherited names, other groups, locks."""
    for _ in range(chance.randint(1, 6)):
        people = list(domain.accounts.values())
        free = [name for name in names if name not in {one.user for one in people}]
        groups = frozenset(chance.sample(GROUPS, chance.randint(0, 5)))
        match chance.randint(0, 4):
            case 0 if free:
                domain.add(chance.choice(free), groups=groups)
            case 1 if len(people) > 1:
                one, other = chance.sample(people, 2)
                domain.change(one, user=other.user, upn=other.upn)
                domain.change(other, user=one.user, upn=one.upn)
            case 2 if people:
                domain.delete(chance.choice(people))
            case 3 if people and free:
                name = chance.choice(free)
                domain.change(chance.choice(people), user=name, upn=f"{name}@contoso.lab", groups=groups)
            case 4 if people:
                domain.change(chance.choice(people), is_enabled=chance.random() < 0.5)


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_the_mirror_is_the_domain(records, seed) -> None:
    chance, domain = random.Random(seed), FakeDirectory(page=3)
    names = [f"user{number}" for number in range(8)]
    for turn in range(25):
        some_changes(domain, chance, names)
        if turn % 7 == 6:
            domain.invocation_id = f"dc{turn}"
        await read(records, domain)
        assert await mirrored(records) == wanted(domain)
        await records.write(pair_everybody)
    phones = await records.read(lambda r: r.partnerships.list(limit=1000))
    for phone in phones:
        account = await records.read(lambda r, phone=phone: r.accounts.find(phone.account_id))
        assert account.sid == phone.device_id, "a phone stays with its SID"
    assert len(phones) > len(domain.accounts)


def pair_everybody(r) -> None:
    for sid, account_id in r.accounts.list_mirrored():
        if r.partnerships.find(account_id, sid) is None:
            r.partnerships.add(Partnership(account_id, sid, PartnershipState.ALLOWED, "t", "", START, START))


async def test_two_identities_mirror_one_domain(sql_records, database_url, keyring) -> None:
    other = open_records(database_url, keyring, chain="identity-2", poll_seconds=0.1)
    await other.start()
    domain, chance = FakeDirectory(page=10), random.Random(3)
    names = [f"user{number}" for number in range(60)]

    async def keep_reading(records) -> None:
        """A reading that lost too many conflicts is made again, as the loop does."""
        async with asyncio.timeout(30):
            while True:
                try:
                    await read(records, domain)
                except (Unavailable, AssertionError):
                    continue
                return

    for _ in range(6):
        for _ in range(4):
            some_changes(domain, chance, names)
        await asyncio.gather(keep_reading(sql_records), keep_reading(other))
    assert await mirrored(other) == wanted(domain)
    assert await other.read(lambda r: verify_trail(r.audit, keyring)) == []
    await other.close()
