from __future__ import annotations

import pytest

from handfast.identity.names import fold, principal_of, resolve_account
from handfast.identity.records import Account, AccountId, AccountState
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
    assert principal_of(Account(AccountId(1), "u", domain, upn, AccountState.ENABLED, START)) == shown
