from __future__ import annotations

import sys

import pytest

from handfast.cli.output import show_rows

COMMAND = "/opt/handfast/" + "x" * 120


def test_at_a_narrow_terminal_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    row = {"severity": "error", "id": "worker-user-lacks-certificate", "what": "y" * 60, "remedy": COMMAND}
    show_rows([row], ["severity", "id", "what", "remedy"], as_json=False)
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert shown.count("x") == COMMAND.count("x")
