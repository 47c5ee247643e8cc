from __future__ import annotations

import json

import pytest

from handfast.decision.reasons import Reason

POLICY = {"mode": "window", "device_limit": 3, "pending_limit": 1, "allow_types": [], "deny_os": ["iOS 9*"]}


def published(**more):
    return {
        "publication": "mail",
        "listener": "outside",
        "outcome": "allow",
        "reason": "",
        "rule": "staff",
        "fits_by": "CONTOSO\\Staff",
        "detail": "",
        "asks_for_source": False,
        "credentials": ["app-password", "domain-password"],
        "devices": 2,
        "policy": POLICY,
        **more,
    }


def told(*publications, **more):
    return {
        "account": "anna@contoso.lab",
        "account_id": 7,
        "home": "directory",
        "sid": "S-1-5-21-1-2-3-1104",
        "standing": "",
        "stands_until": None,
        "mirror_read_at": "2026-03-01T12:00:00+00:00",
        "mirror_age_seconds": 4.2,
        "domain_failures": 0,
        "groups": [{"group": "CONTOSO\\Staff", "sid": "S-1-5-21-1-2-3-513"}],
        "role": "helpdesk",
        "role_by": "CONTOSO\\Help Desk",
        "roles_are_set": True,
        "publications": list(publications),
        "names_amiss": [],
        **more,
    }


def test_what_applies_and_why(line):
    line.administration.answers["policy_check"] = told(published())
    result = line("policy", "check", "anna", "--publication", "mail", "--source", "192.0.2.1")
    assert result.exit_code == 0
    for text in (
        "may sign in",
        "CONTOSO\\Staff",
        "4.2 s ago",
        "helpdesk, by CONTOSO\\Help Desk",
        "domain-password",
    ):
        assert text in result.stdout
    for text in ("rule staff fits by CONTOSO\\Staff", "2 of 3", "window", "deny_os=iOS 9*"):
        assert text in result.stdout
    assert line.administration.calls == [
        (
            "policy_check",
            {"account": "anna", "publication": "mail", "listener": None, "source": "192.0.2.1"},
        )
    ]
    assert json.loads(line("policy", "check", "anna", "--json").stdout) == told(published())


@pytest.mark.parametrize("standing", ["account-locked-in-directory", "account-gone"])
def test_who_may_not_sign_in_is_told_why_once(line, standing):
    refused = published(outcome="deny", reason=standing, rule="state", fits_by="")
    line.administration.answers["policy_check"] = told(
        refused,
        published(outcome="deny", reason="source-refused", rule="networks", fits_by="", asks_for_source=True),
        standing=standing,
        home="local",
        role="",
        groups=[],
        domain_failures=2,
        stands_until="2026-03-02T12:00:00+00:00",
    )
    said = line("policy", "check", "anna").stdout
    assert said.count(Reason.from_value(standing).meaning) == 1
    assert Reason.SOURCE_REFUSED.meaning in said
    for text in ("no groups", "2 wrong ones", "--source", "none", "until 2026-03-02 12:00:00"):
        assert text in said


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ({"rule": "no rule fits", "fits_by": ""}, "into a group that an [[access]] rule"),
        ({"rule": "no-leavers", "fits_by": "CONTOSO\\Leavers"}, "out of what the rule names"),
    ],
)
def test_whom_a_rule_refuses_and_what_to_do(line, refusal, words):
    line.administration.answers["policy_check"] = told(
        published(outcome="deny", reason="access-refused", **refusal)
    )
    said = line("policy", "check", "anna").stdout
    for text in (*refusal.values(), Reason.ACCESS_REFUSED.meaning, words):
        assert text in said
    assert "policy check" not in said


def test_without_any_rule(line):
    line.administration.answers["policy_check"] = told(
        published(rule="open", fits_by=""), role="", roles_are_set=False
    )
    said = line("policy", "check", "anna").stdout
    assert "every account may use it" in said
    assert "whoever may use the admin socket may everything" in said


def test_help_has_an_example(line):
    said = " ".join(line("policy", "check", "--help").stdout.split())
    assert "handfast policy check alice@contoso.com --listener outside --source 192.0.2.7" in said


def test_a_mirror_that_was_never_read_and_no_publication(line):
    line.administration.answers["policy_check"] = told(mirror_age_seconds=None, groups=[])
    said = line("policy", "check", "anna").stdout
    assert "never" in said
    assert "published nowhere there" in said


LEAVERS = {
    "name": "CONTOSO\\Leavres",
    "kind": "group",
    "state": "missing",
    "rules": ["[[access]] no-leavers"],
    "is_amiss": True,
    "is_error": True,
    "what": "CONTOSO\\Leavres is none; no-leavers holds nobody back by it",
    "remedy": "compare its spelling",
}


def test_a_rule_that_holds_nobody_back_is_told_of_whoever_is_asked_about(line):
    line.administration.answers["policy_check"] = told(published(), names_amiss=[LEAVERS])
    result = line("policy", "check", "anna")
    assert result.exit_code == 0
    assert "warning: CONTOSO\\Leavres is none" in result.stderr
    assert "compare its spelling" in result.stderr
    assert "Leavres" not in result.stdout


def test_the_names_in_rules(line):
    well = {
        **LEAVERS,
        "name": "CONTOSO\\Staff",
        "state": "present",
        "is_amiss": False,
        "what": "",
        "remedy": "",
    }
    line.administration.answers["policy_names"] = [well, LEAVERS]
    said = line("policy", "names").stdout
    assert "CONTOSO\\Staff" in said
    assert said.count("next  ") == 1
    assert "no-leavers holds nobody back by it\n  next  compare its spelling" in said
    assert json.loads(line("policy", "names", "--json").stdout) == [well, LEAVERS]
    line.administration.answers["policy_names"] = []
    assert "no rule names anybody" in line("policy", "names").stdout
