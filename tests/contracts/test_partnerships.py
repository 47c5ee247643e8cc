"""The contract of `PartnershipRepository`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.identity.ports import Conflict
from handfast.identity.records import Partnership, PartnershipState, WipeKind
from tests.fakes.clock import START


async def two_accounts(records) -> list:
    def work(r):
        return [r.accounts.add(user=u, domain="D", upn="", display_name="", now=START).id for u in ("a", "b")]

    return await records.write(work)


def bond(account_id, device_id="DEV", **changes) -> Partnership:
    whole = Partnership(
        account_id,
        device_id,
        PartnershipState.PENDING,
        "iPhone",
        "Apple/1",
        START,
        START,
        "192.0.2.1",
        "m",
        "o",
        "f",
        "r",
    )
    return replace(whole, **changes)


async def test_a_partnership_comes_back_as_it_was_added(records) -> None:
    a, b = await two_accounts(records)
    await records.write(lambda r: r.partnerships.add(bond(a)))
    assert await records.read(lambda r: r.partnerships.find(a, "DEV")) == bond(a)
    assert await records.read(lambda r: r.partnerships.find(b, "DEV")) is None
    assert await records.read(lambda r: r.partnerships.find(a, "dev")) is None


async def test_account_and_device_are_unique_as_a_pair(records) -> None:
    a, b = await two_accounts(records)
    await records.write(lambda r: r.partnerships.add(bond(a)))
    await records.write(lambda r: r.partnerships.add(bond(b)))
    with pytest.raises(Conflict):
        await records.write(lambda r: r.partnerships.add(bond(a, state=PartnershipState.ALLOWED)))
    assert (await records.read(lambda r: r.partnerships.find(a, "DEV"))).state is PartnershipState.PENDING
    assert len(await records.read(lambda r: r.partnerships.list_of_device("DEV"))) == 2


async def test_save_replaces(records) -> None:
    a, _ = await two_accounts(records)
    await records.write(lambda r: r.partnerships.add(bond(a)))
    changed = bond(a, state=PartnershipState.BLOCKED, last_seen_at=START + timedelta(hours=1), model="other")
    await records.write(lambda r: r.partnerships.save(changed))
    assert list(await records.read(lambda r: r.partnerships.list_of_account(a))) == [changed]


async def test_counting_by_state(records) -> None:
    a, b = await two_accounts(records)

    def fill(r):
        r.partnerships.add(bond(a, "1"))
        r.partnerships.add(bond(a, "2", state=PartnershipState.ALLOWED))
        r.partnerships.add(bond(a, "3", state=PartnershipState.BLOCKED))
        r.partnerships.add(bond(b, "4"))

    await records.write(fill)
    wanted = frozenset({"pending", "allowed"})
    assert await records.read(lambda r: r.partnerships.count(a, wanted)) == 2
    assert await records.read(lambda r: r.partnerships.count(a, frozenset())) == 0


async def test_pages_follow_one_another(records) -> None:
    a, b = await two_accounts(records)
    keys = [(a, "1"), (a, "2"), (b, "1"), (b, "3")]

    def fill(r):
        for account_id, device_id in reversed(keys):
            r.partnerships.add(bond(account_id, device_id))

    await records.write(fill)
    first = await records.read(lambda r: r.partnerships.list(limit=3))
    rest = await records.read(lambda r: r.partnerships.list(limit=3, after=(b, "1")))
    assert [(p.account_id, p.device_id) for p in [*first, *rest]] == keys


async def test_removal(records) -> None:
    a, _ = await two_accounts(records)
    await records.write(lambda r: r.partnerships.add(bond(a)))
    assert await records.write(lambda r: r.partnerships.remove(a, "DEV")) is True
    assert await records.write(lambda r: r.partnerships.remove(a, "DEV")) is False


async def test_a_wipe_and_what_the_device_said_come_back_as_they_were_saved(records) -> None:
    a, _ = await two_accounts(records)
    wiping = bond(
        a,
        state=PartnershipState.WIPING,
        reported_model="iPhone12,1",
        imei="356938035643809",
        os_language="de-de",
        phone_number="+41 44 000 00 00",
        reported_user_agent="iOS/17.1",
        mobile_operator="Example \N{SNOWMAN} Mobile",
        wipe_kind=WipeKind.ACCOUNT_ONLY,
        wipe_requested_at=START,
        wipe_requested_by="uid:0(root)",
        wipe_sent_at=START + timedelta(minutes=1),
        wipe_status=2,
    )
    await records.write(lambda r: r.partnerships.add(bond(a)))
    await records.write(lambda r: r.partnerships.save(wiping))
    found = await records.read(lambda r: r.partnerships.find(a, "DEV"))
    assert found == wiping
    assert found.wipe_kind is WipeKind.ACCOUNT_ONLY
    wiped = replace(wiping, state=PartnershipState.WIPED, wipe_acknowledged_at=START, wipe_status=1)
    await records.write(lambda r: r.partnerships.save(wiped))
    assert await records.read(lambda r: r.partnerships.find(a, "DEV")) == wiped
