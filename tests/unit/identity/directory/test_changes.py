from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.identity.directory.changes import (
    COMPARED,
    MAX_GROUPS_TOLD,
    MirrorPolicy,
    describe_changes,
    describe_regrouping,
    is_learned,
    takes_something_away,
    touches_watched,
)
from handfast.identity.records import DirectoryFacts
from tests.fakes.clock import START
from tests.fakes.directory import FOR_EVER, group, sid_of

FACTS = DirectoryFacts("CONTOSO.LAB", START)
HOUR = timedelta(hours=1)
SALES = group("Sales")


def test_every_fact_but_the_time_of_reading_is_compared():
    assert {*COMPARED, "read_at"} == set(FACTS.__dataclass_fields__)
    assert describe_changes(FACTS, replace(FACTS, read_at=START + HOUR)) == {}


def test_changes_are_told_as_people_read_them():
    after = replace(FACTS, is_enabled=False, locked_until=FOR_EVER, expires_at=START, mail="a@contoso.lab")
    assert describe_changes(FACTS, after) == {
        "is_enabled": "yes -> no",
        "locked_until": "- -> for ever",
        "expires_at": "- -> 2026-03-02T09:00:00+00:00",
        "mail": "- -> a@contoso.lab",
    }


@pytest.mark.parametrize(
    ("before", "after", "is_less"),
    [
        ({}, {}, False),
        ({}, {"is_present": False}, True),
        ({}, {"is_enabled": False}, True),
        ({}, {"is_delegable": False}, True),
        ({"is_enabled": False}, {}, False),
        ({}, {"realm": "OTHER.LAB"}, True),
        ({}, {"locked_until": START + HOUR}, True),
        ({}, {"locked_until": START - HOUR}, False),
        ({"locked_until": START + HOUR}, {"locked_until": START + HOUR, "mail": "x"}, False),
        ({"locked_until": START + HOUR}, {}, False),
        ({}, {"expires_at": START + HOUR}, True),
        ({"expires_at": START + HOUR}, {"expires_at": START}, True),
        ({"expires_at": START}, {"expires_at": START + HOUR}, False),
        ({"expires_at": START}, {}, False),
        ({"expires_at": START}, {"expires_at": START, "password_expires_at": START + HOUR}, False),
        ({}, {"password_expires_at": START + HOUR}, True),
        ({}, {"mail": "x"}, False),
    ],
    ids=str,
)
def test_what_takes_something_away(before, after, is_less):
    facts = replace(FACTS, **before), replace(FACTS, **after)
    assert takes_something_away(*facts, MirrorPolicy(), START) is is_less


def test_the_end_of_a_password_takes_nothing_where_it_does_not_matter():
    policy = MirrorPolicy(refuses_expired_passwords=False)
    assert not takes_something_away(FACTS, replace(FACTS, password_expires_at=START), policy, START)


@pytest.mark.parametrize(
    ("before", "after", "is_less"),
    [(START, START, False), (START, START + HOUR, True), (START, None, True), (None, START, False)],
)
def test_a_password_set_anew_ends_what_was_granted_on_it(before, after, is_less):
    facts = replace(FACTS, password_set_at=before), replace(FACTS, password_set_at=after)
    assert takes_something_away(*facts, MirrorPolicy(takes_domain_passwords=True), START) is is_less
    assert not takes_something_away(*facts, MirrorPolicy(), START), "no listener takes any"


def test_what_an_earlier_version_did_not_mirror_is_no_news_of_the_directory():
    set_at = {"password_set_at": "- -> 2026-03-02T09:00:00+00:00"}
    assert is_learned(FACTS, set_at)
    assert not is_learned(FACTS, {**set_at, "mail": "- -> x"})
    assert not is_learned(replace(FACTS, password_set_at=START), set_at)
    assert not is_learned(FACTS, {})


@pytest.mark.parametrize(
    ("watched", "is_touched"), [("CONTOSO\\SALES", True), (SALES.sid, True), ("OTHER\\SALES", False)]
)
def test_groups_are_watched_by_sid_or_name(watched, is_touched):
    policy = MirrorPolicy(watched_groups=frozenset({watched}))
    assert touches_watched(policy, frozenset(), frozenset({SALES})) is is_touched
    assert touches_watched(policy, frozenset({SALES}), frozenset()) is is_touched
    assert not touches_watched(policy, frozenset({SALES}), frozenset({SALES}))


@pytest.mark.parametrize(
    ("watched", "is_touched"),
    [(SALES.sid, False), ("CONTOSO\\SALES", True), ("CONTOSO\\EX-SALES", True), ("CONTOSO\\OTHER", False)],
)
def test_a_renamed_group_is_another_one_for_rules_that_name_it_alone(watched, is_touched):
    policy = MirrorPolicy(watched_groups=frozenset({watched}))
    renamed = replace(SALES, name="Ex-Sales")
    assert touches_watched(policy, frozenset({SALES}), frozenset({renamed})) is is_touched


def test_groups_won_and_lost_are_listed_up_to_a_number():
    nameless = replace(SALES, name="")
    assert describe_regrouping(frozenset({nameless}), frozenset({SALES})) == {}
    assert describe_regrouping(frozenset({SALES}), frozenset()) == {"lost": "CONTOSO\\Sales"}
    assert describe_regrouping(frozenset(), frozenset({nameless})) == {"won": SALES.sid}
    many = frozenset(group(f"g{n:02}", 2000 + n) for n in range(MAX_GROUPS_TOLD + 3))
    won = describe_regrouping(frozenset(), many)["won"]
    assert won.startswith("CONTOSO\\g00, ")
    assert won.endswith("CONTOSO\\g09 and 3 more")
    assert sid_of(2000) not in won
