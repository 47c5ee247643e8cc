from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.findings import Seen, Step
from handfast.directory.lockout_findings import LockoutProblem, judge_lockout, judge_silence
from handfast.directory.password_settings import CONTAINER, PasswordSettings
from handfast.doctor.findings import FindingId
from handfast.identity.directory.entries import DomainLockout

BASE = "DC=contoso,DC=lab"
READER = "svc-read@contoso.lab"
DOWN = Seen("dc2", Step.CONNECT, "dc2: can't be reached")


def policy(name: str, threshold: int | None) -> PasswordSettings:
    lockout = None if threshold is None else DomainLockout(threshold, timedelta(minutes=30), None)
    return PasswordSettings(f"CN={name},{CONTAINER},{BASE}", lockout)


def seen(threshold: int = 5, policies: tuple[PasswordSettings, ...] | None = ()) -> Seen:
    root = RootFacts(BASE, f"CN=Configuration,{BASE}", "CN=DC1", 1, "dc1", datetime(2026, 11, 21, tzinfo=UTC))
    facts = DomainFacts(
        root, "", "S-1-5-21-1-2-3", "CONTOSO", "contoso.lab", Policy(threshold, timedelta(0), None, None)
    )
    return Seen("dc1", Step.DONE, domain=facts, policies=policies)


def judged(*controllers: Seen, margin: int = 2) -> list[tuple[str, str]]:
    found = judge_lockout(controllers, margin, READER)
    assert all(one.what and one.remedy and not one.controller for one in found)
    return [(one.severity, one.id) for one in found]


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (5, []),
        (3, []),
        (2, [("error", LockoutProblem.MARGIN)]),
        (1, [("error", LockoutProblem.MARGIN)]),
        (0, [("warning", LockoutProblem.NEVER)]),
    ],
)
def test_the_domains_threshold_beside_our_margin(threshold, expected):
    assert judged(seen(threshold)) == expected
    assert judged(DOWN, seen(threshold)) == expected


@pytest.mark.parametrize(
    ("threshold", "expected"), [(3, []), (2, [("warning", LockoutProblem.MARGIN)]), (0, [])]
)
def test_a_policys_threshold_beside_our_margin(threshold, expected):
    assert judged(seen(policies=(policy("strict", threshold), policy("mild", 20)))) == expected


def test_policies_that_can_not_be_seen_or_read_are_told_with_the_line_that_mends_it():
    (unseen,) = judge_lockout([seen(policies=None)], 2, READER)
    hidden = (policy("strict", None), policy("mild", 20), policy("other", None))
    (unread,) = judge_lockout([seen(policies=hidden)], 2, "CONTOSO\\svc-read")
    assert (unseen.severity, unseen.id, unread.id) == ("warning", "domain-lockout-unknown", unseen.id)
    assert "can't be read;" in unseen.what
    assert "can't be read: strict, other;" in unread.what
    assert f"dsacls '{CONTAINER},{BASE}' /I:T /G '{READER}:GR'" in unseen.remedy
    for one in (unseen, unread):
        assert "'(sAMAccountName=svc-read)'" in one.remedy


def test_the_readers_name_is_neither_code_nor_a_filter():
    (unseen,) = judge_lockout([seen(policies=None)], 2, "a'b)(c*@contoso.lab")
    assert "/G 'a''b)(c*@contoso.lab:GR'" in unseen.remedy
    assert r"ldb '(sAMAccountName=a\27b\29\28c\2a)' objectSid" in unseen.remedy


def test_no_controller_tells():
    assert judged(DOWN) == []
    assert judge_silence([DOWN, seen()]) == []
    (silent,) = judge_silence([DOWN])
    assert (silent.severity, silent.id) == ("error", LockoutProblem.UNKNOWN)
    assert "dc2: can't be reached" in silent.what


def test_the_doctor_knows_every_problem():
    assert [FindingId.from_value(one.value).value for one in LockoutProblem] == list(LockoutProblem)
