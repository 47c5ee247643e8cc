from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.decision.reasons import Reason
from handfast.identity.directory.entries import SyncPosition
from handfast.identity.directory.standing import (
    DirectoryPolicy,
    Standing,
    StandingRefusal,
    earliest_end,
    judge_standing,
    read_standing,
)
from handfast.identity.records import AccountState, DirectoryFacts
from tests.fakes.directory import FOR_EVER
from tests.fakes.one_phone import ALICE, NOW
from tests.fakes.records import InMemoryRecords

FACTS = DirectoryFacts("CONTOSO.LAB", NOW)
POLICY = DirectoryPolicy()
LENIENT = DirectoryPolicy(refuses_expired_passwords=False)
SECOND = timedelta(seconds=1)


def mirrored(**facts):
    return replace(ALICE, sid="S-1-5-21-1-2-3-1101", directory=replace(FACTS, **facts))


def judge(account, *, complete_at=NOW, policy=POLICY, now=NOW):
    return judge_standing(account, complete_at, policy, now)


def test_each_refusal_is_a_reason():
    assert [Reason.from_value(one.value) for one in StandingRefusal]


def test_our_own_word_is_all_there_is_of_a_local_account():
    assert judge(ALICE, complete_at=None) == Standing()
    disabled = replace(ALICE, state=AccountState.DISABLED)
    assert judge(disabled) == Standing(StandingRefusal.DISABLED)
    assert judge(replace(mirrored(), state=AccountState.DISABLED)).refusal is StandingRefusal.DISABLED


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({}, None),
        ({"is_present": False, "is_enabled": False}, StandingRefusal.GONE),
        ({"is_enabled": False, "expires_at": NOW}, StandingRefusal.DISABLED_IN_DIRECTORY),
        ({"expires_at": NOW, "locked_until": FOR_EVER}, StandingRefusal.EXPIRED),
        ({"expires_at": NOW + SECOND}, None),
        ({"locked_until": NOW}, None),
        ({"locked_until": NOW + SECOND, "password_expires_at": NOW}, StandingRefusal.LOCKED),
        ({"locked_until": FOR_EVER}, StandingRefusal.LOCKED),
        ({"password_expires_at": NOW}, StandingRefusal.PASSWORD_EXPIRED),
        ({"password_expires_at": NOW + SECOND}, None),
        ({"is_delegable": False}, None),
    ],
    ids=str,
)
def test_what_the_directory_says_means_now(facts, refusal):
    assert judge(mirrored(**facts)).refusal is refusal


def test_an_account_that_no_name_leads_to_is_not_among_those_mirrored():
    assert judge(replace(mirrored(), is_named=False)).refusal is StandingRefusal.GONE


@pytest.mark.parametrize(
    ("account", "detail"),
    [
        (mirrored(), ""),
        (mirrored(is_enabled=False), ""),
        (mirrored(is_present=False), ""),
        (replace(mirrored(), is_named=False), "a local account has its name"),
        (mirrored(locked_until=FOR_EVER), "until the domain says that it ended"),
        (mirrored(locked_until=NOW + SECOND), "until 2026-03-02T09:00:01+00:00"),
        (mirrored(expires_at=NOW), "since 2026-03-02T09:00:00+00:00"),
        (mirrored(password_expires_at=NOW), "since 2026-03-02T09:00:00+00:00"),
        (mirrored(read_at=NOW - timedelta(days=1)), "last read 2026-03-01T09:00:00+00:00"),
    ],
    ids=str,
)
def test_administrators_are_told_since_or_until_when(account, detail):
    assert judge(account, complete_at=None).detail == detail


def test_an_expired_password_matters_where_the_settings_say_so():
    account = mirrored(password_expires_at=NOW, expires_at=NOW + SECOND)
    assert judge(account, policy=LENIENT) == Standing(None, NOW + SECOND)
    assert judge(account).refusal is StandingRefusal.PASSWORD_EXPIRED


@pytest.mark.parametrize(
    ("read", "complete", "is_refused"),
    [
        (0, 0, False),
        (-3600, None, False),
        (-3601, None, True),
        (-7200, -3600, False),
        (-7200, -3601, True),
        (-7200, 3601, True),
        (7200, -10, False),
        (7200, None, True),
        (-10, -7200, False),
    ],
)
def test_a_mirror_is_believed_for_a_while(read, complete, is_refused):
    account = mirrored(read_at=NOW + timedelta(seconds=read))
    complete_at = None if complete is None else NOW + timedelta(seconds=complete)
    standing = judge(account, complete_at=complete_at)
    assert standing.refusal is (StandingRefusal.MIRROR_TOO_OLD if is_refused else None)


def test_what_was_said_against_an_account_counts_however_old_it_is():
    account = mirrored(read_at=NOW - timedelta(days=9), is_enabled=False)
    assert judge(account, complete_at=None).refusal is StandingRefusal.DISABLED_IN_DIRECTORY


INSTANTS = st.none() | st.integers(-5, 5).map(lambda n: NOW + n * SECOND)


@given(expires=INSTANTS, password=INSTANTS, locked=INSTANTS, offset=st.integers(-5, 5))
def test_who_may_sign_in_may_do_so_until_the_first_end(expires, password, locked, offset):
    account = mirrored(expires_at=expires, password_expires_at=password, locked_until=locked)
    now = NOW + offset * SECOND
    standing = judge(account, now=now)
    if standing.refusal is None:
        assert standing.ends_at is None or standing.ends_at > now
        assert judge(account, now=standing.ends_at or now).refusal is not None or standing.ends_at is None


def test_the_earliest_end_is_that_of_what_matters():
    facts = replace(FACTS, expires_at=NOW + SECOND, password_expires_at=NOW)
    assert earliest_end(facts, POLICY) == NOW
    assert earliest_end(facts, LENIENT) == NOW + SECOND
    assert earliest_end(FACTS, POLICY) is None


async def test_the_mirror_is_as_old_as_its_last_whole_reading():
    records, now = InMemoryRecords(), NOW + timedelta(minutes=61)
    account = mirrored()
    assert await records.read(lambda r: read_standing(r, ALICE, POLICY, now)) == Standing()
    stale = await records.read(lambda r: read_standing(r, account, POLICY, now))
    assert stale.refusal is StandingRefusal.MIRROR_TOO_OLD
    await records.write(lambda r: r.positions.save(SyncPosition("dc1", 7), scope="", read_at=now))
    assert (await records.read(lambda r: read_standing(r, account, POLICY, now))).refusal is None
