"""`handfast device wipe`: it says what it will do, asks, and takes no for an answer."""

from __future__ import annotations

import json

import pytest

KNOWN = {
    "friendly_name": "Alice's phone\x1b[2J",
    "reported_model": "",
    "model": "iPhone12C1",
    "device_type": "iPhone",
    "last_seen_at": "2026-03-01T12:00:00+00:00",
    "last_source": "192.0.2.7",
}


@pytest.fixture
def wiping(line):
    line.administration.answers |= {"device_show": KNOWN, "device_wipe": {"state": "wiping"}}
    return line


def test_it_says_what_is_lost_and_asks_first(wiping):
    result = wiping("device", "wipe", "anna", "D1", stdin="y\n")
    assert result.exit_code == 0, result.output
    assert "WHOLE DEVICE will be ERASED" in result.stderr
    assert "Alice's phone\\x1b[2J, iPhone12C1, iPhone" in result.stderr
    assert "last seen 2026-03-01T12:00:00+00:00 from 192.0.2.7" in result.stderr
    assert "told to erase itself" in result.stdout
    assert [method for method, _ in wiping.administration.calls] == ["device_show", "device_wipe"]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_without_a_yes_nothing_happens(wiping, answer):
    result = wiping("device", "wipe", "anna", "D1", stdin=answer)
    assert result.exit_code != 0
    assert [method for method, _ in wiping.administration.calls] == ["device_show"]


def test_account_only_says_what_that_means(wiping):
    result = wiping("device", "wipe", "anna", "D1", "--account-only", stdin="y\n")
    assert "mailbox of anna will be ERASED" in result.stderr
    assert "less than version 16.1" in result.stderr
    assert "erase this account on it" in result.stdout
    assert wiping.administration.calls[-1][1]["account_only"] is True


@pytest.mark.parametrize(
    ("reason", "is_told"), [("wipe cancelled", False), ("wipe cancelled after it was sent", True)]
)
def test_a_wipe_is_taken_back_without_a_question(line, reason, is_told):
    line.administration.answers["device_wipe_cancel"] = {"state": "blocked", "state_reason": reason}
    result = line("device", "wipe", "anna", "D1", "--cancel")
    assert result.exit_code == 0, result.output
    assert "stays blocked" in result.stdout
    assert ("may be erased all the same" in result.stdout) is is_told
    assert line.administration.calls == [("device_wipe_cancel", {"account": "anna", "device_id": "D1"})]
    assert json.loads(line("device", "wipe", "anna", "D1", "--cancel", "--json").stdout)["state"] == "blocked"
