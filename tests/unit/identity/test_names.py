from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.names import (
    find_name_problem,
    find_named_account,
    find_ticket_account,
    fold,
    login_of,
    principal_of,
    resolve_account,
)
from handfast.identity.records import Account, AccountId, AccountState, DirectoryFacts
from handfast.protocols.http_auth.login_name import LoginName, parse_login
from tests.fakes.clock import START
from tests.fakes.records import InMemoryRecords


def test_folding_is_one_character_to_one():
    assert fold("straße") == "STRAßE"
    assert fold("straße") != fold("strasse")
    assert fold("Ärger") == fold("ÄRGER")


@pytest.fixture
async def records():
    records = InMemoryRecords()

    def work(repositories):
        for user, domain, upn in (
            ("alice", "CONTOSO", "alice@contoso.lab"),
            ("alice", "FABRIKAM", "alice@fabrikam.lab"),
            ("bob", "FABRIKAM", ""),
        ):
            repositories.accounts.add(user=user, domain=domain, upn=upn, display_name="", now=START)

    await records.write(work)
    return records


@pytest.mark.parametrize(
    ("login", "default", "found"),
    [
        ("CONTOSO\\ALICE", "", 1),
        ("fabrikam\\alice", "CONTOSO", 2),
        ("Alice@Contoso.lab", "", 1),
        ("contoso.lab\\alice", "", 1),
        ("OTHER\\alice@contoso.lab", "", 1),
        ("OTHER\\alice", "CONTOSO", None),
        ("alice", "", None),
        ("alice", "FABRIKAM", 2),
        ("bob", "CONTOSO", 3),
        ("HANDFAST\\bob", "", 3),
        ("handfast\\alice@fabrikam.lab", "", 2),
        ("ghost", "CONTOSO", None),
        ("x" * 321, "", None),
    ],
)
async def test_a_login_means_one_account_or_nobody(records, login, default, found):
    account = await records.read(
        lambda r: resolve_account(r, parse_login(login), default, frozenset({"HANDFAST"}))
    )
    assert (account and account.id) == found


async def test_a_client_may_split_a_upn(records):
    login = LoginName("alice", "contoso.lab", "down-level")
    account = await records.read(lambda r: resolve_account(r, login, ""))
    assert account is not None
    assert account.id == 1


@pytest.mark.parametrize(
    ("domain", "upn", "shown"),
    [("D", "u@x", "u@x"), ("D", "", "D\\u"), ("", "", "u")],
)
def test_a_principal_is_shown_by_its_best_name(domain, upn, shown):
    account = Account(AccountId(1), "u", domain, upn, AccountState.ENABLED, START)
    assert principal_of(account) == shown
    assert login_of(account) == ("D\\u" if domain else "u")


async def add_mirrored(
    records, user="alice", domain="CONTOSO", upn="", *, realm="CONTOSO.LAB", sid="S-1-5-21-1", **more
):
    facts = DirectoryFacts(
        realm=realm, read_at=START, is_present=more.pop("is_present", True), mail=more.pop("mail", "")
    )

    def work(repositories):
        return repositories.accounts.add(
            user=user, domain=domain, upn=upn, display_name="", now=START, sid=sid, directory=facts, **more
        )

    return await records.write(work)


async def of_ticket(records, user, realm="CONTOSO.LAB"):
    return await records.read(lambda r: find_ticket_account(r, user, realm))


async def test_a_ticket_is_the_mirrored_account_of_its_realm():
    records = InMemoryRecords()
    account = await add_mirrored(records, upn="a.liddell@contoso.example")
    assert await of_ticket(records, "Alice", "contoso.lab") == account
    assert await of_ticket(records, "alice", "FABRIKAM.LAB") is None
    assert await of_ticket(records, "a.liddell") is None, "a principal is no UPN"
    assert await of_ticket(records, "x" * 320) is None


async def test_a_ticket_is_never_a_local_account_nor_who_has_the_name_as_upn():
    records = InMemoryRecords()
    await add_local(records, "alice")
    await add_mirrored(records, "mallory", upn="alice@contoso.lab")
    assert await of_ticket(records, "alice") is None


async def test_a_ticket_of_one_who_is_gone_finds_the_account_so_that_the_refusal_says_why():
    records = InMemoryRecords()
    gone = await add_mirrored(records, is_present=False)
    assert await of_ticket(records, "alice") == gone


async def test_where_two_fit_a_ticket_is_nobody():
    records = InMemoryRecords()
    await add_mirrored(records)
    await add_mirrored(records, domain="CONTOSO2", sid="S-1-5-21-2")
    assert await of_ticket(records, "alice") is None


async def test_a_ticket_finds_its_account_among_many_of_that_name():
    records = InMemoryRecords()
    for number in range(3):
        await add_local(records, "alice", f"D{number}")
    account = await add_mirrored(records)
    assert await of_ticket(records, "alice") == account


async def add_local(records, user, domain="LOCAL"):
    await records.write(
        lambda r: r.accounts.add(user=user, domain=domain, upn="", display_name="", now=START)
    )


async def by_login(records, login):
    return await records.read(lambda r: resolve_account(r, parse_login(login), "CONTOSO"))


async def test_a_mail_address_is_a_login_where_one_mirrored_account_has_it():
    records = InMemoryRecords()
    alice = await add_mirrored(records, mail="A.Liddell@Mail.contoso.lab")
    for login in (
        "a.liddell@mail.CONTOSO.lab",
        "mail.contoso.lab\\a.liddell",
        "X\\a.liddell@mail.contoso.lab",
    ):
        assert await by_login(records, login) == alice
    await add_mirrored(records, "bob", sid="S-1-5-21-2", mail="a.liddell@mail.contoso.lab")
    assert await by_login(records, "a.liddell@mail.contoso.lab") is None, "two people, so nobody"


async def test_a_upn_is_stronger_than_a_mail_address_unless_its_account_is_gone():
    records = InMemoryRecords()
    alice = await add_mirrored(records, upn="alice@contoso.lab")
    other = await add_mirrored(records, "alice2", sid="S-1-5-21-2", mail="alice@contoso.lab")
    assert await by_login(records, "alice@contoso.lab") == alice
    await records.write(
        lambda r: r.accounts.set_directory(alice.id, alice.sid, replace(alice.directory, is_present=False))
    )
    assert await by_login(records, "alice@contoso.lab") == other
    await records.write(
        lambda r: r.accounts.set_directory(other.id, other.sid, replace(other.directory, is_present=False))
    )
    assert (await by_login(records, "alice@contoso.lab")).id == alice.id, "so that the refusal says why"


async def rename(records, account, **names):
    here = {"user": account.user, "domain": account.domain, "upn": "", "display_name": ""}
    await records.write(lambda r: r.accounts.rename(account.id, **{**here, **names}))


@pytest.mark.parametrize(
    "names",
    [
        {"contested_upn": "Director@contoso.lab"},
        {"upn": ""},
        {"upn": "director@contoso.lab", "is_named": False},
        {"upn": "director@contoso.lab", "is_upn_made_up": True, "is_named": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_held_by_one_who_is_gone", [True, False])
async def test_a_upn_that_leads_to_nobody_leads_to_nobody_by_mail(records, names, is_held_by_one_who_is_gone):
    director = await add_mirrored(records, "director")
    await rename(records, director, **names)
    if is_held_by_one_who_is_gone:
        held = {"upn": "director@contoso.lab", "is_present": False}
        await add_mirrored(records, "before", sid="S-1-5-21-3", **held)
    helper = await add_mirrored(records, "helper", sid="S-1-5-21-2", mail="director@contoso.lab")
    for find in (
        lambda r: resolve_account(r, parse_login("director@contoso.lab"), "CONTOSO"),
        lambda r: resolve_account(r, parse_login("contoso.lab\\director"), "CONTOSO"),
        lambda r: find_named_account(r, "DIRECTOR@contoso.lab", "CONTOSO"),
    ):
        found = await records.read(find)
        assert found is None or found.is_gone
    gone = replace(director.directory, is_present=False)
    await records.write(lambda r: r.accounts.set_directory(director.id, director.sid, gone))
    assert await by_login(records, "director@contoso.lab") == helper


async def test_who_contests_a_upn_is_not_found_by_it_as_a_mail_address():
    records = InMemoryRecords()
    director = await add_mirrored(records, "director", mail="the.boss@contoso.example")
    helper = await add_mirrored(records, "helper", sid="S-1-5-21-2", mail="director@contoso.lab")
    for account in (director, helper):
        await rename(records, account, contested_upn="director@contoso.lab")
    assert await by_login(records, "director@contoso.lab") is None
    assert (await by_login(records, "the.boss@contoso.example")).id == director.id


async def test_who_is_gone_does_not_make_a_name_ambiguous():
    records = InMemoryRecords()
    await add_mirrored(records, domain="OLD", is_present=False)
    present = await add_mirrored(records, domain="NEW", sid="S-1-5-21-2")
    assert await by_login(records, "alice") == present


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("alice", "CONTOSO", "alice@contoso.lab"), ""),
        (("alice", "", ""), ""),
        ((" alice", "", ""), "spaces"),
        (("x" * 321, "", ""), "user name"),
        (("a/b", "", ""), "character"),
        (("a\x00", "", ""), "character"),
        (("alice", "a\\b", ""), "no domain name"),
        (("alice", "x" * 321, ""), "no domain name"),
        (("alice", "", "alice"), "no user principal name"),
        (("alice", "", f"alice@{'x' * 320}"), "at most 320"),
    ],
    ids=str,
)
def test_names_that_can_be_an_accounts(names, problem):
    found = find_name_problem(*names)
    assert problem in found
    assert bool(found) is bool(problem)
