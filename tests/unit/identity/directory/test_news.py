from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.mirroring import mirror_accounts
from handfast.identity.directory.news import find_news, fitting, with_known_names
from tests.fakes.clock import START
from tests.fakes.directory import entry, group
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.records import InMemoryRepositories, Tables

SALES = group("Sales")
ALICE = entry("alice", 1101, groups=frozenset({SALES}))


@pytest.fixture
def repositories():
    return InMemoryRepositories(Tables(), FakeKeyRing(), "test")


def tell(repositories, *entries):
    mirror_accounts(repositories, entries, MirrorPolicy(), START)


@pytest.mark.parametrize(
    "changed",
    [
        {"user": "alicia"},
        {"display_name": "Alice B."},
        {"is_upn_made_up": True},
        {"facts": replace(ALICE.facts, is_enabled=False)},
        {"groups": frozenset()},
    ],
    ids=str,
)
def test_only_what_is_not_stored_yet_is_news(repositories, changed):
    assert find_news(repositories, [ALICE]) == [ALICE]
    tell(repositories, ALICE)
    told = replace(ALICE, **changed)
    assert find_news(repositories, [ALICE, told]) == [told]
    tell(repositories, told)
    assert find_news(repositories, [told]) == []


def test_an_account_that_waits_for_its_name_is_news_each_time(repositories):
    repositories.accounts.add(user="alice", domain="CONTOSO", upn="", display_name="", now=START)
    tell(repositories, ALICE)
    assert find_news(repositories, [ALICE]) == [ALICE]


def test_a_mail_address_that_can_be_none_is_no_news(repositories):
    told = replace(ALICE, facts=replace(ALICE.facts, mail="a\x00b@x"))
    assert fitting(told.facts) == replace(ALICE.facts, mail="")
    tell(repositories, told)
    assert find_news(repositories, [told]) == []


def test_a_group_that_comes_without_a_name_keeps_the_known_one():
    nameless = replace(SALES, domain="", name="")
    unknown = replace(group("Other"), domain="", name="")
    assert with_known_names(frozenset({nameless, unknown}), frozenset({SALES})) == {SALES, unknown}
