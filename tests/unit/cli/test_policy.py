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
        "publications": list(publications),
        **more,
    }


def test_what_applies_and_why(line):
    line.administration.answers["policy_check"] = told(published())
    result = line("policy", "check", "anna", "--publication", "mail", "--source", "192.0.2.1")
    assert result.exit_code == 0
    for text in ("may sign in", "CONTOSO\\Staff", "4.2 s ago", "helpdesk", "staff", "domain-password"):
        assert text in result.stdout
    for text in ("2 of 3", "window", "deny_os=iOS 9*"):
        assert text in result.stdout
    assert line.administration.calls == [
        (
            "policy_check",
            {"account": "anna", "publication": "mail", "listener": None, "source": "192.0.2.1"},
        )
    ]
    assert json.loads(line("policy", "check", "anna", "--json").stdout) == told(published())


@pytest.mark.parametrize("standing", ["account-locked-in-directory", "account-gone"])
def test_who_may_not_and_why(line, standing):
    refused = published(outcome="deny", reason="access-refused", rule="no rule fits", asks_for_source=True)
    line.administration.answers["policy_check"] = told(
        refused,
        standing=standing,
        home="local",
        role="",
        groups=[],
        domain_failures=2,
        stands_until="2026-03-02T12:00:00+00:00",
    )
    said = line("policy", "check", "anna").stdout
    for text in (
        standing,
        Reason.from_value(standing).meaning,
        "no rule fits",
        Reason.ACCESS_REFUSED.meaning,
    ):
        assert text in said
    for text in ("no groups", "2 wrong ones", "--source", "none", "until 2026-03-02 12:00:00"):
        assert text in said


def test_a_mirror_that_was_never_read_and_no_publication(line):
    line.administration.answers["policy_check"] = told(mirror_age_seconds=None, groups=[])
    said = line("policy", "check", "anna").stdout
    assert "never" in said
    assert "published nowhere there" in said
