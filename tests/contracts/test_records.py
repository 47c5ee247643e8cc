"""The contract of `Records`: transactions."""

from __future__ import annotations

import asyncio

import pytest

from handfast.identity.ports import Unavailable
from tests.fakes.clock import START


def add(user):
    return lambda r: r.accounts.add(user=user, domain="D", upn="", display_name="", now=START)


async def test_an_exception_takes_back_its_own_work_alone(records) -> None:
    def fails(r):
        add("bad")(r)
        raise ZeroDivisionError

    results = await asyncio.gather(
        *(records.write(fails if n % 3 == 1 else add(f"u{n}")) for n in range(30)), return_exceptions=True
    )
    assert sum(isinstance(result, ZeroDivisionError) for result in results) == 10
    users = {account.user for account in await records.read(lambda r: r.accounts.list())}
    assert users == {f"u{n}" for n in range(30) if n % 3 != 1}


async def test_an_exception_of_a_lone_work_takes_everything_back(records) -> None:
    def fails(r):
        add("bad")(r)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await records.write(fails)
    await records.write(add("good"))
    assert [account.user for account in await records.read(lambda r: r.accounts.list())] == ["good"]


async def test_a_look_up_sees_the_last_write_and_does_not_write(records) -> None:
    await records.write(add("u"))
    assert (await records.look_up(lambda r: r.accounts.find_by_domain_user("d", "u"))).user == "u"
    with pytest.raises(ZeroDivisionError):
        await records.look_up(lambda r: 1 // 0)


async def test_an_exception_in_a_read_reaches_the_caller(records) -> None:
    with pytest.raises(ZeroDivisionError):
        await records.read(lambda r: 1 // 0)
    assert await records.read(lambda r: r.accounts.find(1)) is None


async def test_a_write_is_seen_by_the_next_read(records) -> None:
    for n in range(20):
        await records.write(add(f"u{n}"))
        assert await records.read(lambda r, n=n: r.accounts.find_by_domain_user("d", f"u{n}"))


async def test_a_caller_that_gives_up_harms_nobody(sql_records) -> None:
    task = asyncio.ensure_future(sql_records.write(add("gone")))
    await asyncio.sleep(0)
    task.cancel()
    await sql_records.write(add("stays"))
    assert await sql_records.read(lambda r: r.accounts.find_by_domain_user("d", "stays"))


async def test_reads_do_not_write(sql_records) -> None:
    with pytest.raises(Unavailable):
        await sql_records.read(add("sneaky"))
    with pytest.raises(Unavailable):
        await sql_records.look_up(add("sneaky"))
    await sql_records.write(add("fine"))
    assert len(await sql_records.read(lambda r: r.accounts.list())) == 1


async def test_closed_records_are_unavailable(sql_records) -> None:
    await sql_records.close()
    with pytest.raises(Unavailable):
        await sql_records.read(lambda r: None)
    with pytest.raises(Unavailable):
        await sql_records.look_up(lambda r: None)
    with pytest.raises(Unavailable):
        await sql_records.write(lambda r: None)
