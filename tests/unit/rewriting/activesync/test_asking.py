from __future__ import annotations

import pytest

from handfast.decision.ports import WipeProgress, WipeReport
from handfast.protocols.activesync.commands import Command
from handfast.rewriting.activesync.asking import PhoneAnswer, PhoneRequest, WipeStep


@pytest.mark.parametrize(
    ("version", "since", "speaks"),
    [
        ("14.1", "14.0", True),
        ("14.0", "14.0", True),
        ("12.1", "14.0", False),
        ("16.1", "16.1", True),
        ("", "2.5", False),
        ("17.0", "14.0", False),
    ],
)
def test_a_version_we_do_not_know_speaks_nothing(version, since, speaks):
    assert PhoneRequest("Sync", version).speaks(since) is speaks


def test_commands_are_known_in_any_case():
    assert PhoneRequest("foldersync").known_command is Command.FOLDER_SYNC
    assert PhoneRequest("Steal").known_command is None


def test_bodies_and_notes_stay_out_of_representations():
    report = WipeReport(b"secret note", WipeProgress.SENT)
    assert "secret" not in repr(WipeStep(report, PhoneAnswer(200, body=b"secret body")))
    assert "secret" not in repr(PhoneRequest("Sync", body=b"secret body"))
