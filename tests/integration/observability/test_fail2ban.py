"""The fail2ban filter over real lines: it matches wrong credentials, and nothing else."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.observability.decisions import DecisionRecord, format_decision

FILTER = Path(__file__).parents[3] / "packaging" / "fail2ban" / "filter.d" / "handfast.conf"
GUESSES = {Reason.CREDENTIAL_WRONG, Reason.ACCOUNT_UNKNOWN}
RECORD = DecisionRecord(
    "6f0a",
    "local",
    "outside",
    "203.0.113.7",
    "mail",
    Channel.ACTIVESYNC,
    "alice",
    17,
    "ABC",
    "iPhone",
    "Sync",
    "POST",
    "/Microsoft-Server-ActiveSync",
    Outcome.DENY,
    Reason.CREDENTIAL_WRONG,
    401,
    0.25,
    0,
    0,
    "",
    False,
)


def matched(tmp_path: Path, lines: list[str]) -> int:
    log = tmp_path / "handfast.log"
    log.write_text("".join(lines))
    command = ["fail2ban-regex", str(log), str(FILTER)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Lines: (\d+) lines, \d+ ignored, (\d+) matched", shown)
    assert found is not None, shown
    assert int(found[1]) == len(lines)
    return int(found[2])


@pytest.mark.needs("fail2ban-regex")
def test_wrong_credentials_match_from_any_address(tmp_path: Path):
    records = [replace(RECORD, reason=reason) for reason in GUESSES]
    records += [replace(RECORD, source="2001:db8::7"), replace(RECORD, login='EX\\a "b"=\n')]
    assert matched(tmp_path, [format_decision(record, 1767225600.0) for record in records]) == len(records)


@pytest.mark.needs("fail2ban-regex")
def test_lines_as_the_journal_gives_them_match_too(tmp_path: Path):
    """fail2ban's systemd backend puts host and program before the message, and the time before both."""
    line = format_decision(RECORD, 1767225600.0)
    assert matched(tmp_path, ["2026-01-01T00:00:00.000Z gateway handfast[71]: " + line]) == 1


@pytest.mark.needs("fail2ban-regex")
def test_nothing_else_matches(tmp_path: Path):
    others = [replace(RECORD, reason=reason) for reason in Reason if reason not in GUESSES]
    others.append(replace(RECORD, outcome=Outcome.ALLOW, reason=Reason.ALLOWED))
    guess = "handfast decision source=192.0.2.1 outcome=deny reason=credential-wrong status="
    others += [replace(RECORD, reason=Reason.DEVICE_BLOCKED, login=guess, path=guess, command=guess)]
    others += [replace(RECORD, reason=Reason.DEVICE_BLOCKED, login="\n" + guess)]
    assert matched(tmp_path, [format_decision(record, 1767225600.0) for record in others]) == 0


@pytest.mark.needs("fail2ban-regex")
def test_the_address_banned_is_the_source(tmp_path: Path):
    log = tmp_path / "handfast.log"
    log.write_text(format_decision(replace(RECORD, login="192.0.2.1"), 1767225600.0))
    command = ["fail2ban-regex", "--out", "ip", str(log), str(FILTER)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["203.0.113.7"]
