"""The contract of `AccountRepository`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.identity.ports import Conflict
from handfast.identity.records import (
    AccountState,
    EnrolmentWindow,
    Partnership,
    PartnershipState,
    StoredSecret,
)
from tests.fakes.clock import START

ANNA = {"user": "Anna", "domain": "CORP", "upn": "anna@example.org", "display_name": "Anna B.", "now": START}


def add(**changes):
    return lambda r: r.accounts.add(**{**ANNA, **changes})


async def test_an_added_account_is_found_by_every_name(records) -> None:
    account = await records.write(add())
    assert (account.user, account.domain, account.upn) == ("Anna", "CORP", "anna@example.org")
    assert (account.state, account.created_at, account.display_name) == (
        AccountState.ENABLED,
        START,
        "Anna B.",
    )
    assert await records.read(lambda r: r.accounts.find(account.id)) == account
    assert await records.read(lambda r: r.accounts.find_by_upn("ANNA@example.ORG")) == account
    assert await records.read(lambda r: r.accounts.find_by_domain_user("corp", "aNNA")) == account
    assert list(await records.read(lambda r: r.accounts.find_by_user("anna"))) == [account]
    assert list(await records.read(lambda r: r.accounts.list())) == [account]


async def test_unknown_names_find_nothing(records) -> None:
    await records.write(add(upn=""))
    assert await records.read(lambda r: r.accounts.find(999)) is None
    assert await records.read(lambda r: r.accounts.find_by_upn("")) is None
    assert await records.read(lambda r: r.accounts.find_by_domain_user("", "anna")) is None
    assert not await records.read(lambda r: r.accounts.find_by_user("ann"))


@pytest.mark.parametrize(
    "taken",
    [{"upn": "other@example.org"}, {"user": "other"}, {"user": "ANNA", "domain": "corp", "upn": ""}],
    ids=["domain and user", "upn", "other case"],
)
async def test_a_name_is_taken_once(records, taken) -> None:
    await records.write(add())
    with pytest.raises(Conflict):
        await records.write(add(**taken))
    assert len(await records.read(lambda r: r.accounts.list())) == 1


async def test_sharp_s_and_double_s_are_two_people(records) -> None:
    await records.write(add(user="groß", upn="groß@x"))
    await records.write(add(user="gross", upn="gross@x"))
    found = await records.read(lambda r: r.accounts.find_by_domain_user("CORP", "GROSS"))
    assert found.user == "gross"


async def test_accounts_without_a_upn_do_not_conflict(records) -> None:
    await records.write(add(upn=""))
    await records.write(add(user="bert", upn=""))
    assert len(await records.read(lambda r: r.accounts.list())) == 2


async def test_at_most_two_accounts_of_a_user_name_are_looked_for(records) -> None:
    for domain in ("A", "B", "C"):
        await records.write(add(domain=domain, upn=""))
    assert len(await records.read(lambda r: r.accounts.find_by_user("anna"))) == 2


async def test_state_and_pin_change(records) -> None:
    account = await records.write(add())

    def change(r):
        r.accounts.set_state(account.id, AccountState.DISABLED)
        r.accounts.set_pin_verifier(account.id, "$argon2id$x")

    await records.write(change)
    expected = replace(account, state=AccountState.DISABLED, pin_verifier="$argon2id$x")
    assert await records.read(lambda r: r.accounts.find(account.id)) == expected
    await records.write(lambda r: r.accounts.set_pin_verifier(account.id, None))
    assert (await records.read(lambda r: r.accounts.find(account.id))).pin_verifier is None


async def test_changing_nobody_is_an_error(records) -> None:
    with pytest.raises(KeyError):
        await records.write(lambda r: r.accounts.set_state(12, AccountState.DISABLED))
    with pytest.raises(KeyError):
        await records.write(lambda r: r.accounts.set_pin_verifier(12, None))


async def test_removal_takes_everything_that_hangs_on_the_account(records) -> None:
    account = await records.write(add())

    def hang(r):
        password = r.app_passwords.add(
            account_id=account.id,
            label="phone",
            channels=frozenset({"activesync"}),
            verifier=b"v" * 32,
            verifier_key_id="k1",
            use_by=START + timedelta(days=1),
            expires_at=None,
            reserved_device_id=None,
            ntlm_allowed=True,
            now=START,
        )
        r.app_passwords.add_nt_hash(password.id, slot=0, key_id="k1", sealed=b"s")
        r.partnerships.add(Partnership(account.id, "DEV", PartnershipState.ALLOWED, "t", "", START, START))
        r.windows.save(EnrolmentWindow(account.id, START, START + timedelta(minutes=5), "uid:0"))
        r.stored_secrets.save(StoredSecret(account.id, "mail", "anna", "k1", b"s"))
        r.counters.remember_success(account.id, "DEV", "10.0.0.0/24", START)

    await records.write(hang)
    await records.write(lambda r: r.accounts.remove(account.id))

    def left(r):
        return (
            r.accounts.find(account.id),
            r.app_passwords.find_by_verifier(b"v" * 32),
            list(r.app_passwords.nt_hashes_of_account(account.id, START)),
            r.partnerships.find(account.id, "DEV"),
            r.windows.find(account.id),
            r.stored_secrets.find(account.id, "mail"),
            r.counters.is_familiar(account.id, "DEV", "10.0.0.0/24", since=START),
        )

    assert await records.read(left) == (None, None, [], None, None, None, False)
    again = await records.write(add())
    assert again.id != account.id, "an id is never used twice: verifiers and audit entries name it"


@pytest.mark.parametrize(
    "name", ["a\0b", "tab\t", "back\\slash", "\ud800", "ünï", 'q"uote', "\\u0041", "\x7f"]
)
async def test_any_character_is_kept_exactly(records, name) -> None:
    account = await records.write(add(user=name, display_name=name, upn=""))
    assert await records.read(lambda r: r.accounts.find(account.id)) == account
    assert await records.read(lambda r: r.accounts.find_by_domain_user("CORP", name)) == account


async def test_accounts_are_listed_in_pages_and_counted(records) -> None:
    assert await records.read(lambda r: (list(r.accounts.list(limit=2)), r.accounts.count())) == ([], 0)
    added = [await records.write(add(user=f"u{n}", upn="")) for n in range(3)]
    first = await records.read(lambda r: list(r.accounts.list(limit=2)))
    rest = await records.read(lambda r: list(r.accounts.list(limit=2, after=first[-1].id)))
    assert (first, rest) == (added[:2], added[2:])
    assert await records.read(lambda r: r.accounts.count()) == 3
