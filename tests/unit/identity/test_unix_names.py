from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.unix_names import find_unix_account, split_unix_name
from tests.fakes.clock import START
from tests.fakes.domain import mirror
from tests.fakes.records import InMemoryRecords


@pytest.fixture
async def records():
    records = InMemoryRecords()
    await mirror(records, "adm.alice", START)
    # Her UPN is the name that a resolver has for him.
    await records.write(
        lambda r: r.accounts.rename(
            r.accounts.find_by_domain_user("CONTOSO", "adm.alice").id,
            user="adm.alice",
            domain="CONTOSO",
            upn="bob@contoso.lab",
            display_name="Alice",
            is_named=True,
        )
    )
    await records.write(
        lambda r: r.accounts.add(user="carl", domain="contoso.lab", upn="", display_name="", now=START)
    )
    return records


async def found(records, name: str, default_domain: str = "CONTOSO") -> str:
    account = await records.read(lambda r: find_unix_account(r, name, default_domain))
    return "" if account is None else account.user


@pytest.mark.parametrize(
    "name",
    [
        "adm.alice",
        "CONTOSO\\adm.alice",
        "contoso\\ADM.Alice",
        "contoso.lab\\adm.alice",
        "CONTOSO+adm.alice",
        "adm.alice@contoso.lab",
        "adm.alice@CONTOSO.LAB",
        "adm.alice@contoso",
    ],
)
async def test_the_forms_in_which_machines_know_users_of_a_domain(records, name):
    assert await found(records, name) == "adm.alice"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "alice",
        "FABRIKAM\\adm.alice",
        "FABRIKAM+adm.alice",
        "adm.alice@fabrikam.lab",
        "\\adm.alice",
        "CONTOSO\\",
    ],
)
async def test_other_users_are_nobody(records, name):
    assert await found(records, name) == ""


async def test_a_upn_that_is_another_users_name_makes_nobody_that_user(records):
    assert await found(records, "bob@contoso.lab") == ""


async def test_another_spelling_may_be_another_user_of_the_domain(records):
    await mirror(records, "ștefan", START, number=1002)
    for name in ("CONTOSO\\{}", "{}@contoso.lab", "{}"):
        assert await found(records, name.format("ștefan")) == "ștefan"
        assert await found(records, name.format("Ștefan")) == ""


async def test_a_name_that_resolvers_read_as_two_accounts_is_nobody(records):
    twin = await mirror(records, "adm.alice@contoso.lab", START, number=1001)
    assert await found(records, "adm.alice@contoso.lab") == ""
    assert await found(records, "adm.alice@contoso") == "adm.alice"
    assert await found(records, "CONTOSO\\adm.alice@contoso.lab") == "adm.alice@contoso.lab"
    gone = replace(twin.directory, is_present=False)
    await records.write(lambda r: r.accounts.set_directory(twin.id, twin.sid, gone))
    assert await found(records, "adm.alice@contoso.lab") == "adm.alice"


async def test_a_local_account_is_found_by_its_own_domain(records):
    assert await found(records, "carl@contoso.lab") == "carl"
    assert await found(records, "carl") == ""
    assert await found(records, "carl", "contoso.lab") == "carl"


def test_what_is_no_form_is_a_plain_name():
    assert split_unix_name("+x", "D") == ("D", "+x")
    assert split_unix_name("x@", "D") == ("D", "x@")
    assert split_unix_name("root", "") == ("", "root")
