from __future__ import annotations

import pytest

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.identity.records import RevocationScope
from tests.fakes.records import _Accounts


@pytest.mark.parametrize("name", ["alice", "ALICE@contoso.lab", "contoso\\Alice"])
async def test_an_account_is_named_in_any_form_and_shows_no_secret(desk, name):
    await desk.pair()
    shown = await desk("account_show", account=name)
    assert (shown["user"], shown["has_pin"]) == ("alice", False)
    assert len(shown["devices"]) == len(shown["app_passwords"]) == 1
    assert "pin_verifier" not in shown
    assert [row["user"] for row in await desk("account_list")] == ["alice", "bob"]


async def test_listings_read_accounts_a_page_at_a_time(desk, monkeypatch):
    """All of a large domain's in one read would take longer than a read may."""
    await desk.pair("alice")
    await desk.pair("bob", "PHONE2")
    await desk("secret_set", account="bob", publication="mail", user_name="b", password="x")
    monkeypatch.setattr("handfast.identity.administration.office.PAGE", 1)
    limits, taken = [], _Accounts.list

    def list_(self, *, limit=None, after=None):
        limits.append(limit)
        return taken(self, limit=limit, after=after)

    monkeypatch.setattr(_Accounts, "list", list_)
    assert [row["account"] for row in await desk("device_list")] == ["alice@contoso.lab", "bob@contoso.lab"]
    assert len(await desk("device_export")) == 2
    assert [row["account"] for row in await desk("secret_list")] == ["bob@contoso.lab"]
    assert (await desk("status"))["accounts"] == 2
    assert set(limits) == {1}


async def pages_of_one(desk, between):
    """The users of an account list read in pages of one account; `between` is awaited after the first of them."""
    users, after = [], 0
    while page := await desk("account_list", after=after, limit=1):
        [row] = page
        users.append(row["user"])
        after = row["id"]
        if len(users) == 1:
            await between()
    return users


async def test_all_accounts_are_listed_in_pages(desk):
    async def nothing():
        pass

    await desk("account_add", account_user="aaron", domain="CONTOSO")
    assert await pages_of_one(desk, nothing) == ["alice", "bob", "aaron"], "in the order they came"
    first = await desk("account_list", limit=2)
    assert [row["user"] for row in first] == ["alice", "bob"]
    assert [row["user"] for row in await desk("account_list", after=first[-1]["id"], limit=2)] == ["aaron"]


async def test_who_is_added_between_two_pages_is_listed_once(desk):
    async def add():
        await desk("account_add", account_user="aaron", domain="CONTOSO")

    assert await pages_of_one(desk, add) == ["alice", "bob", "aaron"]


@pytest.mark.parametrize(("removed", "listed"), [("alice", ["alice", "bob"]), ("bob", ["alice"])])
async def test_whoever_is_removed_between_two_pages_takes_nobody_else_with_him(desk, removed, listed):
    await desk("account_add", account_user="aaron", domain="CONTOSO")

    async def remove():
        await desk("account_remove", account=removed)

    assert await pages_of_one(desk, remove) == [*listed, "aaron"]


@pytest.mark.parametrize("limit", [0, -1, 10_001])
async def test_a_page_is_of_one_account_at_least_and_not_of_all_of_a_domain(desk, limit):
    assert (await desk.refused("account_list", limit=limit)).kind == "usage"


async def test_what_is_unknown_or_taken_or_malformed_is_said(desk):
    assert (await desk.refused("account_show", account="ghost")).kind == "not-found"
    assert (await desk.refused("account_add", account_user="Alice", domain="contoso")).kind == "refused"
    taken = await desk.refused("account_add", account_user="x", upn="ALICE@contoso.lab")
    assert (taken.kind, taken.message) == ("refused", "the name ALICE@contoso.lab is taken")
    words = {"account_user": "Alice", "domain": "contoso", "upn": "alice2@contoso.com"}
    taken = await desk.refused("account_add", **words)
    assert (taken.message, bool(taken.remedy)) == ("the name contoso\\Alice is taken", True)
    for bad in ({"account_user": ""}, {"account_user": "a/b"}, {"account_user": "a", "domain": "x\\y"}):
        assert (await desk.refused("account_add", **bad)).kind == "usage"
    assert (await desk.refused("account_add", account_user="a", upn="no-at")).kind == "usage"


async def test_accounts_are_imported_row_by_row(desk):
    rows = [{"user": "carol", "domain": "CONTOSO"}, {"user": "alice", "domain": "CONTOSO"}, {"user": ""}]
    result = await desk("account_import", rows=rows)
    assert result["imported"] == 1
    assert [problem["row"] for problem in result["problems"]] == [2, 3]


async def test_disable_and_remove_revoke(desk):
    secret = await desk.pair()
    assert (await desk("account_disable", account="alice"))["state"] == "disabled"
    assert desk.scopes == [RevocationScope.ACCOUNT]
    assert (await desk.identity.basic(secret)).reason is Reason.ACCOUNT_DISABLED
    await desk("account_enable", account="alice")
    assert (await desk.identity.basic(secret)).outcome is Outcome.ALLOW
    await desk("account_remove", account="alice")
    assert desk.scopes == [RevocationScope.ACCOUNT, RevocationScope.ACCOUNT]
    assert (await desk.identity.basic(secret)).reason is Reason.ACCOUNT_UNKNOWN
    assert desk.identity.records.tables.partnerships == {}


async def test_pins_are_set_checked_and_cleared(desk):
    for weak in ("12345", "111111", "123456", "xxALICExx"):
        assert (await desk.refused("account_set_pin", account="alice", pin=weak)).kind == "refused"
    weak = await desk.refused("account_add", account_user="dave", pin="654321")
    assert weak.kind == "refused"
    assert (await desk("account_set_pin", account="alice", pin="blue-42-sky"))["has_pin"]
    assert not (await desk("account_set_pin", account="alice", pin=None))["has_pin"]
    added = await desk("account_add", account_user="dave", pin="blue-42-sky")
    assert added["has_pin"]


async def test_who_adds_the_same_name_a_moment_later_is_told(desk, monkeypatch):
    """The look before the insert saw nothing; the unique key did."""
    monkeypatch.setattr(_Accounts, "find_by_domain_user", lambda *_: None)
    refused = await desk.refused("account_add", account_user="alice", domain="CONTOSO")
    assert (refused.kind, "account show" in refused.remedy) == ("refused", True)
