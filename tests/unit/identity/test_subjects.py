from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.subjects import Subjects, build_subjects, is_sid, names_of_account, shown_group
from tests.fakes.domain import SID, group, without_names
from tests.fakes.one_phone import ALICE

ANNA = replace(ALICE, user="anna", domain="CONTOSO", upn="anna@contoso.lab", sid=f"{SID}1104")
MAIL_USERS = group("Mail Users")


def test_nobody_named_is_everybody():
    assert build_subjects((), (), "CONTOSO").include(ANNA, frozenset())
    assert Subjects().is_everybody


@pytest.mark.parametrize(
    "name", ["anna", "ANNA", "contoso\\Anna", "Anna@Contoso.LAB", f"{SID}1104", f"{SID}1104".lower()]
)
def test_an_account_is_named_in_each_of_its_ways(name):
    assert build_subjects((name,), (), "CONTOSO").include(ANNA, frozenset())


@pytest.mark.parametrize("name", ["bob", "FABRIKAM\\anna", "anna@fabrikam.lab", f"{SID}110", "contoso"])
def test_another_name_is_somebody_else(name):
    assert not build_subjects((name,), (), "CONTOSO").include(ANNA, frozenset({MAIL_USERS}))


def test_a_bare_name_means_the_default_domain_alone():
    assert not build_subjects(("anna",), (), "FABRIKAM").include(ANNA, frozenset())
    local = replace(ANNA, domain="", upn="", sid=None)
    assert build_subjects(("anna",), (), "").include(local, frozenset())
    assert not build_subjects(("anna",), (), "").include(ANNA, frozenset())


def test_whose_names_another_account_holds_is_known_by_its_sid_alone():
    unnamed = replace(ANNA, is_named=False)
    assert names_of_account(unnamed) == {f"{SID}1104"}
    assert not build_subjects(("anna",), (), "CONTOSO").include(unnamed, frozenset())


@pytest.mark.parametrize("name", ["CONTOSO\\mail users", MAIL_USERS.sid])
def test_a_group_is_named_by_name_or_sid(name):
    subjects = build_subjects((), (name,), "CONTOSO")
    assert subjects.include(ANNA, frozenset({group("Others"), MAIL_USERS}))
    assert not subjects.include(ANNA, frozenset({group("Others")}))
    assert subjects.include(ANNA, frozenset({without_names(MAIL_USERS)})) is (name == MAIL_USERS.sid)


@pytest.mark.parametrize(
    ("written", "made"),
    [("Direcție", "DirecȚie"), ("გიორგი", "ᲒᲘᲝᲠᲒᲘ"), ("Βeta", "ϐeta")],
    ids=["comma below", "Georgian", "a beta of another kind"],
)
def test_what_the_domain_may_keep_apart_is_not_meant(written, made):
    """Somebody made it beside the one that is meant."""
    subjects = build_subjects((written,), (f"CONTOSO\\{written}",), "CONTOSO")
    for name, is_meant in ((written, True), (made, False)):
        assert subjects.include(ANNA, frozenset({group(name)})) is is_meant
        assert subjects.include(replace(ANNA, user=name), frozenset()) is is_meant


def test_accounts_or_groups_either_fits():
    subjects = build_subjects(("bob",), ("CONTOSO\\Mail Users",), "CONTOSO")
    assert subjects.include(ANNA, frozenset({MAIL_USERS}))
    assert subjects.include(replace(ANNA, user="bob"), frozenset())


def test_sids():
    assert is_sid("S-1-5-21-1")
    assert is_sid("s-1-5-32-544")
    assert not is_sid("S-1-5-users")
    assert not is_sid("CONTOSO\\S-1-5")
    assert not is_sid("")


def test_by_what_somebody_is_included_is_told_as_rules_name_it():
    nameless = without_names(group("Phones"))
    rule = build_subjects(("CONTOSO\\bert",), ("contoso\\mail users", nameless.sid), "")
    groups = frozenset({MAIL_USERS, nameless, group("Others")})
    assert rule.describe(ANNA, groups) == f"CONTOSO\\Mail Users, {nameless.sid}"
    assert rule.describe(ANNA, frozenset()) == ""
    assert rule.describe(replace(ANNA, user="bert"), groups) == "the account itself"
    assert Subjects().describe(ANNA, groups) == "everybody"
    assert shown_group(nameless) == nameless.sid
