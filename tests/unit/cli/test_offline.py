"""The verbs against the real administration and a real SQLite database, with identity stopped."""

import datetime as dt
import json

import pytest
from typer.testing import CliRunner

from handfast.cli import app
from handfast.keys.key_file import create_key_file


@pytest.fixture
def line(settings_file, tmp_path):
    create_key_file(tmp_path / "handfast.key", now=dt.datetime.now(dt.UTC))

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, [*arguments, "--settings", str(settings_file)])
        assert result.exit_code == code, result.output
        return result

    return run


def test_an_administrators_day(line, tmp_path):
    line("account", "add", "anna", "--domain", "D", "--upn", "anna@d.de")
    assert "taken" in line("account", "add", "anna", "--domain", "D", "--upn", "anna@d.de", code=1).stderr
    line("account", "show", "nobody", code=4)
    issued = json.loads(line("app-password", "issue", "anna@d.de", "--json").stdout)
    assert len(issued["password"]) == 29
    assert issued["password"] not in line("app-password", "list", "anna", "--json").stdout
    line("window", "open", "anna")
    file = tmp_path / "d.csv"
    file.write_bytes(
        '#TYPE x\n"DeviceId";"DeviceType";"UserPrincipalName";"DeviceUserAgent"\n'
        '"ABC123";"\'=cmd";"anna@d.de";"a ""b"""\n"X1";"iPhone";"nobody";""\n'.encode("utf-16")
    )
    assert "1 imported" in line("device", "import", str(file), code=1).stdout
    line("device", "block", "anna", "ABC123", "--reason", "lost")
    exported = json.loads(line("device", "export", "--json").stdout)
    assert (exported[0]["state"], exported[0]["device_type"]) == ("blocked", "=cmd")
    out = tmp_path / "out.csv"
    line("device", "export", "--output", str(out))
    line("device", "remove", "anna", "ABC123")
    line("device", "show", "anna", "ABC123", code=4)
    assert "1 imported" in line("device", "import", str(out)).stdout
    assert json.loads(line("device", "export", "--json").stdout) == exported
    line("app-password", "revoke", "anna", str(issued["id"]))
    line("app-password", "revoke", "anna", "99", code=4)
    line("explain", "no-such-request", code=4)
    assert "whole" in line("audit", "verify").stdout
    events = [json.loads(one)["event"] for one in line("audit", "export").stdout.splitlines()]
    assert events[0] == "identity:account:added"
    assert "identity:device:blocked" in events


def test_without_its_key_file_nothing_opens(line, tmp_path):
    (tmp_path / "handfast.key").unlink()
    result = line("account", "list", code=3)
    assert "handfast init" in result.stderr


def test_the_doctor_knows_a_key_file_of_another_database(line, tmp_path):
    line("account", "add", "anna")
    before = json.loads(line("doctor", "--json", code=1).stdout)
    assert {one["id"] for one in before if one["severity"] == "error"} == {"identity-unreachable"}
    (tmp_path / "handfast.key").unlink()
    create_key_file(tmp_path / "handfast.key", now=dt.datetime.now(dt.UTC))
    after = json.loads(line("doctor", "--json", code=1).stdout)
    assert {one["id"] for one in after} & {"key-file-other-database", "database-unusable"}
