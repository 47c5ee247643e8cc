"""Which settings a running service would take only at its next start."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from handfast.app.restart_needs import (
    NOTE_NAME,
    leave_note,
    read_note,
    remove_note,
    start_values,
    waiting_for_restart,
    with_start_values,
)
from handfast.settings.model import Settings


def settings(**sections) -> Settings:
    return Settings.model_validate(sections)


@pytest.mark.parametrize(
    ("changed", "waiting"),
    [
        ({}, []),
        ({"lockout": {"per_source": 7}}, []),
        ({"directory": {"poll_seconds": 20}}, []),
        ({"gateway": {"grant_grace_seconds": 7}}, []),
        ({"gateway": {"workers": 3}}, ["gateway.workers"]),
        ({"kerberos": {"kdcs": ["10.0.0.5"], "threads": 3}}, ["kerberos.kdcs", "kerberos.threads"]),
        ({"log": {"level": "debug"}}, ["log.level"]),
        ({"identity": {"database": "sqlite:////srv/x.db"}}, ["identity.database"]),
    ],
)
def test_what_a_reload_leaves_as_it_was_is_named(changed, waiting):
    assert waiting_for_restart(start_values(settings()), settings(**changed)) == waiting


def test_the_note_is_for_whoever_may_administer_and_tells_no_values(tmp_path):
    running = settings(identity={"runtime_dir": str(tmp_path), "database": "postgresql://u@secret-host/d"})
    assert read_note(running) == {}
    leave_note(running)
    path = tmp_path / NOTE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "secret-host" not in path.read_text()
    assert read_note(running) == start_values(running)
    path.write_text("{}")
    leave_note(running)
    assert read_note(running) == start_values(running), "a note that a crash left is replaced"
    remove_note(running)
    assert list(tmp_path.iterdir()) == []
    remove_note(running)


def test_a_link_in_the_notes_place_is_not_written_through(tmp_path, monkeypatch):
    running = settings(identity={"runtime_dir": str(tmp_path / "run")})
    (tmp_path / "run").mkdir()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    # As whoever owns the folder would do it, between the two steps.
    monkeypatch.setattr(Path, "unlink", lambda self, **_options: self.symlink_to(precious))
    leave_note(running)
    assert precious.read_text() == "mine"
    assert stat.S_IMODE(precious.stat().st_mode) != 0o600


def test_without_a_note_the_service_serves_all_the_same(tmp_path):
    running = settings(identity={"runtime_dir": str(tmp_path)})
    (tmp_path / NOTE_NAME).mkdir()
    leave_note(running)
    remove_note(running)
    assert read_note(running) == {}


def test_what_waits_for_a_restart_is_in_force_as_it_was():
    before = settings(identity={"default_domain": "CONTOSO"}, lockout={"per_source": 5})
    after = settings(identity={"default_domain": "OTHER"}, lockout={"per_source": 7})
    in_force = with_start_values(after, before)
    assert in_force.identity.default_domain == "CONTOSO"
    assert in_force.lockout.per_source == 7


def test_of_a_machine_without_identity_nothing_of_identity_is_noted(tmp_path):
    files = {name: str(tmp_path / name) for name in ("certificate", "key", "ca_file")}
    edge = settings(gateway={"identity": {"url": "https://identity.lan:8444", **files}})
    assert {name.partition(".")[0] for name in start_values(edge)} == {"gateway", "log", "metrics"}
    assert waiting_for_restart(start_values(settings()), edge) == ["gateway.identity"]


def test_another_versions_note_says_only_what_both_know(tmp_path):
    running = settings(identity={"runtime_dir": str(tmp_path)})
    (tmp_path / NOTE_NAME).write_text('{"kerberos.gone": "0", "kerberos.kdcs": "1"}')
    assert waiting_for_restart(read_note(running), running) == ["kerberos.kdcs"]
    for content in ("[]", "{", ""):
        (tmp_path / NOTE_NAME).write_text(content)
        assert read_note(running) == {}
