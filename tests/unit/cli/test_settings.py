import json
from pathlib import Path

from handfast.app.restart_needs import leave_note
from handfast.settings.load import load_settings

GOOD = """
[[listener]]
name = "o"
address = "127.0.0.1:443"
[[publication]]
name = "eas"
hosts = ["a.b"]
backend.urls = ["http://exchange.lan"]
"""


def test_check(line, tmp_path):
    (tmp_path / "handfast.key").write_text("x")
    line.settings_file.write_text(line.settings_file.read_text() + GOOD)
    result = line("settings", "check")
    assert result.exit_code == 0
    assert "good" in result.stdout
    assert "warning: publication[0].backend.urls[0]" in result.stdout
    told = json.loads(line("settings", "check", "--json").stdout)
    assert told["ok"]
    assert told["warnings"][0]["path"] == "publication[0].backend.urls[0]"


def test_check_finds_all(line):
    line.settings_file.write_text("[gateway]\nworker = 1\n[log]\nlevel = 'loud'\n")
    result = line("settings", "check")
    assert result.exit_code == 1
    assert 'problem: gateway.worker = 1: unknown key; did you mean "workers"?' in result.stdout
    assert "log.level" in result.stdout
    told = json.loads(line("settings", "check", "--json").stdout)
    assert not told["ok"]
    assert len(told["problems"]) == 2


def test_check_names_what_the_running_service_takes_only_at_its_next_start(line):
    line.settings_file.write_text(line.settings_file.read_text() + GOOD)
    assert json.loads(line("settings", "check", "--json").stdout)["waits_for_restart"] == []
    leave_note(load_settings(line.settings_file).settings)
    assert "restart" not in line("settings", "check").stdout
    changed = '[kerberos]\nkdcs = ["10.0.0.5"]\n[log]\nlevel = "debug"\n'
    line.settings_file.write_text(line.settings_file.read_text() + changed)
    assert "restart: kerberos.kdcs, log.level changed" in line("settings", "check").stdout
    told = json.loads(line("settings", "check", "--json").stdout)
    assert told["waits_for_restart"] == ["kerberos.kdcs", "log.level"]


def test_check_looks_for_files_unless_told_not_to(line):
    assert line("settings", "check").exit_code == 1
    assert line("settings", "check", "--no-files").exit_code == 0


def test_check_without_a_file_is_not_found(line, tmp_path):
    line.settings_file = tmp_path / "none"
    assert line("settings", "check").exit_code == 4


def test_show(line):
    line.settings_file.write_text(line.settings_file.read_text() + GOOD)
    shown = line("settings", "show").stdout
    assert "publication[0].hosts = " in shown
    assert "gateway.workers = 0" in shown
    assert "listener[0].inside = false" in shown
    assert "gateway.identity = (not set)" in shown
    told = json.loads(line("settings", "show", "--json").stdout)
    assert told["listener"][0]["name"] == "o"


def test_schema_and_reference(line):
    assert json.loads(line("settings", "schema").stdout)["title"] == "Settings"
    assert (
        line("settings", "reference").stdout
        == (Path(__file__).resolve().parents[3] / "docs/settings.md").read_text()
    )
