from __future__ import annotations

import json
from datetime import UTC, datetime

from handfast.keys.key_file import create_key_file, load_key_file


def test_keys_are_rotated_and_listed_without_being_shown(line, tmp_path):
    first = create_key_file(tmp_path / "handfast.key", now=datetime(2026, 1, 1, tzinfo=UTC))
    rotated = line("key", "rotate", "--json")
    assert rotated.exit_code == 0
    keys = load_key_file(tmp_path / "handfast.key")
    assert [key.id for key in keys] == [first.id, json.loads(rotated.stdout)["id"]]
    assert (tmp_path / "handfast.key").stat().st_mode & 0o777 == 0o600

    assert line("key", "rotate").exit_code == 0
    listed = json.loads(line("key", "list", "--json").stdout)
    assert [row["use"] for row in listed] == ["audit", "older records", "current"]
    assert set(listed[0]) == {"id", "created_at", "use"}
    assert listed[0]["id"] == first.id


def test_the_only_key_has_both_uses(line, tmp_path):
    create_key_file(tmp_path / "handfast.key", now=datetime.now(UTC))
    (row,) = json.loads(line("key", "list", "--json").stdout)
    assert row["use"] == "current, audit"


def test_without_a_key_file_the_remedy_is_said(line):
    for verb in ("list", "rotate"):
        result = line("key", verb)
        assert result.exit_code == 1
        assert "handfast init" in result.stderr


def test_a_gateway_node_keeps_no_keys(line, settings_file):
    with settings_file.open("a") as opened:
        opened.write(
            '[gateway.identity]\nurl = "https://10.0.0.5:7443"\n'
            'certificate = "/n/a.crt"\nkey = "/n/a.key"\nca_file = "/n/ca.crt"\n'
        )
    result = line("key", "rotate")
    assert result.exit_code == 3
    assert "10.0.0.5" in result.stderr
