import json

import pytest

from handfast.cli import doctor as command
from handfast.keys.key_file import create_key_file


@pytest.fixture
def key_file(tmp_path):
    import datetime as dt

    create_key_file(tmp_path / "handfast.key", now=dt.datetime.now(dt.UTC))
    return tmp_path / "handfast.key"


def ids(result):
    return {one["id"] for one in json.loads(result.stdout)}


def test_an_installation_that_is_well(line, key_file, monkeypatch):
    monkeypatch.setattr(command, "identity_listens", lambda _: True)
    line.administration.answers.update(status={}, audit_verify={"ok": True})
    result = line("doctor", "--json")
    assert ids(result) <= {"settings-warning", "disk-low"}
    assert result.exit_code == 0


def test_identity_that_does_not_run(line, key_file):
    line.administration.answers["audit_verify"] = {"ok": True}
    result = line("doctor", "--json")
    assert result.exit_code == 1
    assert "identity-unreachable" in ids(result)


def test_identity_that_does_not_answer(line, key_file, monkeypatch, refusal):
    monkeypatch.setattr(command, "identity_listens", lambda _: True)
    line.administration.answers.update(
        status=refusal("unavailable", "locked"), audit_verify=ZeroDivisionError("x")
    )
    found = ids(line("doctor", "--json"))
    assert {"identity-unreachable", "database-unusable"} <= found


def test_a_key_file_of_another_database(line, key_file):
    line.administration.answers["audit_verify"] = {"ok": False}
    result = line("doctor")
    assert "key-file-other-database" in result.stdout
    assert "restore the key file" in result.stdout


def test_a_broken_key_file(line, key_file):
    key_file.write_text("nothing")
    assert "key-file-unusable" in ids(line("doctor", "--json"))
    key_file.unlink()
    assert "key-file-missing" in ids(line("doctor", "--json"))


def test_settings_that_are_wrong_are_findings(line):
    line.settings_file.write_text("[gateway]\nworker = 1\n")
    result = line("doctor", "--json")
    assert result.exit_code == 1
    assert ids(result) == {"settings"}


def test_files_that_are_not_there(line, key_file, tmp_path):
    text = line.settings_file.read_text()
    line.settings_file.write_text(text + f'database_password_file = "{tmp_path}/none"\n')
    assert "settings-file" in ids(line("doctor", "--json"))


def test_no_settings_at_all(line, tmp_path):
    line.settings_file = tmp_path / "none"
    assert line("doctor").exit_code == 4
