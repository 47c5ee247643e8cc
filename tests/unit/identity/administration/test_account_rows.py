from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.identity.administration.account_rows import account_row, group_names
from handfast.identity.records import AccountState, DirectoryFacts, DirectoryGroup
from tests.fakes.directory import FOR_EVER
from tests.fakes.one_phone import ALICE, NOW
from tests.fakes.records import InMemoryRecords

FACTS = DirectoryFacts("CONTOSO.LAB", NOW, mail="a@contoso.lab")


def mirrored(**facts):
    return replace(ALICE, sid="S-1-5-21-1", directory=replace(FACTS, **facts))


def test_a_local_account_has_nothing_of_a_directory():
    row = account_row(replace(ALICE, pin_verifier="$argon2id$SECRET"), NOW)
    assert (row["directory"], row["directory_state"], row["has_pin"]) == (None, "", True)
    assert "SECRET" not in json.dumps(row)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({}, "good"),
        ({"is_present": False}, "gone"),
        ({"is_enabled": False}, "disabled"),
        ({"expires_at": NOW}, "expired"),
        ({"locked_until": FOR_EVER}, "locked"),
        ({"password_expires_at": NOW}, "password expired"),
        ({"read_at": NOW - timedelta(days=400)}, "good"),
    ],
    ids=str,
)
@pytest.mark.parametrize("state", AccountState)
def test_what_the_directory_says_is_told_in_a_word_beside_our_own(facts, word, state):
    row = account_row(replace(mirrored(**facts), state=state), NOW)
    assert (row["state"], row["directory_state"]) == (state.value, word)
    json.dumps(row)


def test_an_account_whose_name_a_local_one_has_says_so():
    assert account_row(replace(mirrored(), is_named=False), NOW)["directory_state"] == "name taken"
    gone = replace(mirrored(is_present=False), is_named=False)
    assert account_row(gone, NOW)["directory_state"] == "gone"


def test_who_can_not_be_judged_does_not_look_disabled():
    def state(account):
        return account_row(account, NOW, unreadable={"S-1-5-21-1"})["directory_state"]

    assert state(mirrored(is_enabled=False)) == "unreadable"
    assert state(replace(mirrored(is_enabled=False), sid="S-1-5-21-2")) == "disabled"
    assert (state(mirrored()), state(mirrored(is_present=False))) == ("good", "gone")


def test_facts_are_as_old_as_the_last_reading_that_did_not_change_them():
    now = NOW + timedelta(minutes=10)
    assert account_row(mirrored(), now)["directory"]["age_seconds"] == 600
    row = account_row(mirrored(), now, now - timedelta(seconds=5))
    assert (row["directory"]["age_seconds"], row["directory"]["realm"]) == (5, "CONTOSO.LAB")
    assert account_row(mirrored(), now, NOW - timedelta(days=1))["directory"]["age_seconds"] == 600


async def test_groups_are_named_as_people_write_them():
    groups = frozenset({DirectoryGroup("S-1-1", "CONTOSO", "Sales"), DirectoryGroup("S-1-2")})
    records = InMemoryRecords()

    def work(r):
        account = r.accounts.add(
            user="a", domain="CONTOSO", upn="", display_name="", now=NOW, sid="S-1-9", directory=FACTS
        )
        r.accounts.set_groups(account.id, groups)
        return group_names(r, account)

    assert await records.write(work) == ["CONTOSO\\Sales", "S-1-2"]
