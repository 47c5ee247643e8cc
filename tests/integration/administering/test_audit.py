"""A trail that was edited, thinned, reordered or cut by somebody with the database in hand: `audit verify` says so and where."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handfast.cli import app
from tests.door import ask
from tests.installation import Installation, installation, prepare
from tests.lab_server import lab_server
from tests.servers.processes import server_directory, wait_until

PEOPLE = "user,domain,upn\n" + "".join(f"u{n},CONTOSO,u{n}@contoso.lab\n" for n in range(20))


@pytest.fixture(scope="module")
def written() -> Iterator[Installation]:
    """An installation with a trail of changes and decisions, stopped, its checkpoints written."""
    with (
        lab_server() as server,
        installation(backend=server.url, workers=1, identity="checkpoint_every_seconds = 1") as site,
    ):
        site.cli("account", "import", "-", stdin=PEOPLE)
        password = site.issue("u1")
        assert ask(site, "u1", password).status == 200
        assert ask(site, "u1", password, device="OTHER").status == 403
        site.cli("device", "block", "u1", "PHONE1")
        site.cli("account", "disable", "u2")
        checkpoints = site.folder / "handfast.db.checkpoints"
        wait_until(checkpoints.exists, "a checkpoint left the database", 10)
        site.stop()
        yield site


@pytest.fixture
def copy(written: Installation) -> Iterator[Installation]:
    """A copy that a test may spoil: same keys, same database, same checkpoints."""
    with server_directory("trail") as folder:
        made = prepare(folder, backend="http://127.0.0.1:9")
        for name in ("handfast.db", "handfast.key", "handfast.db.checkpoints"):
            shutil.copy(written.folder / name, folder / name)
        yield made


def spoil(site: Installation, *statements: str) -> None:
    """As somebody with the file would: triggers dropped first."""
    with contextlib.closing(sqlite3.connect(site.folder / "handfast.db")) as database:
        triggers = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ]
        for name in triggers:
            database.execute(f"DROP TRIGGER {name}")
        database.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            assert database.execute(statement).rowcount >= 1, statement
        database.commit()


def verify(site: Installation, *options: str) -> tuple[int, dict]:
    """The command in this process: an interpreter and a migration check for each copy would take minutes."""
    done = CliRunner().invoke(app, ["audit", "verify", "--json", *options, "--settings", str(site.settings)])
    return done.exit_code, json.loads(done.stdout)


def last(site: Installation) -> int:
    with contextlib.closing(sqlite3.connect(site.folder / "handfast.db")) as database:
        return int(database.execute("SELECT max(sequence) FROM audit_entries").fetchone()[0])


def test_an_untouched_trail_is_whole(copy) -> None:
    code, told = verify(copy)
    assert (code, told["ok"], told["findings"]) == (0, True, [])
    assert told["entries"] >= 20
    said = copy.run("audit", "verify")
    assert said.returncode == 0
    assert said.stdout.startswith("the trail is whole: ")


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE audit_entries SET details = '{"forged":"yes"}' WHERE sequence = 7""",
        "UPDATE audit_entries SET subject = 'u9@contoso.lab' WHERE sequence = 7",
        "UPDATE audit_entries SET actor = 'uid:0(root)2' WHERE sequence = 7",
        "UPDATE audit_entries SET event = 'identity:account:enabled' WHERE sequence = 7",
        "UPDATE audit_entries SET at = at - 1 WHERE sequence = 7",
        "UPDATE audit_entries SET mac = zeroblob(32) WHERE sequence = 7",
        "UPDATE audit_entries SET previous_mac = zeroblob(32) WHERE sequence = 7",
    ],
    ids=["details", "subject", "actor", "event", "time", "mac", "previous-mac"],
)
def test_an_edited_entry_is_found(copy, statement) -> None:
    spoil(copy, statement)
    code, told = verify(copy)
    assert code == 1
    assert not told["ok"]
    assert any("7" in finding for finding in told["findings"]), told
    if "MAC" in statement.upper():
        said = copy.run("audit", "verify")
        assert said.returncode == 1
        assert "NOT whole" in said.stdout


@pytest.mark.parametrize("sequence", [1, 2, 11])
def test_a_deleted_entry_is_found(copy, sequence) -> None:
    spoil(copy, f"DELETE FROM audit_entries WHERE sequence = {sequence}")
    code, told = verify(copy)
    assert code == 1
    assert any(str(sequence) in finding or str(sequence + 1) in finding for finding in told["findings"]), told


def test_a_deleted_entry_is_found_when_the_rest_was_renumbered(copy) -> None:
    spoil(
        copy,
        "DELETE FROM audit_entries WHERE sequence = 9",
        "UPDATE audit_entries SET sequence = -sequence WHERE sequence > 9",
        "UPDATE audit_entries SET sequence = -sequence - 1 WHERE sequence < 0",
    )
    code, told = verify(copy)
    assert code == 1
    assert any("9" in finding for finding in told["findings"]), told


def test_reordered_entries_are_found(copy) -> None:
    spoil(
        copy,
        "UPDATE audit_entries SET sequence = -5 WHERE sequence = 5",
        "UPDATE audit_entries SET sequence = 5 WHERE sequence = 6",
        "UPDATE audit_entries SET sequence = 6 WHERE sequence = -5",
    )
    code, told = verify(copy)
    assert code == 1
    assert any("5" in finding or "6" in finding for finding in told["findings"]), told


def test_a_cut_end_is_found(copy) -> None:
    spoil(copy, f"DELETE FROM audit_entries WHERE sequence > {last(copy) - 3}")
    code, told = verify(copy)
    assert code == 1
    assert told["findings"]


def test_a_cut_end_with_its_head_put_back_is_found_by_the_checkpoints_beside_the_database(copy) -> None:
    cut = last(copy) - 3
    roll_back(copy, cut)
    code, told = verify(copy)
    assert code == 1
    assert any("checkpoint" in finding for finding in told["findings"]), told


def test_a_whole_database_put_back_is_found_by_checkpoints_that_left_the_host(
    written, copy, tmp_path
) -> None:
    """Who holds the machine can restore an old copy with its old checkpoints: only what left the host knows better."""
    away = tmp_path / "away.checkpoints"
    copy.cli("account", "disable", "u3")
    shutil.copy(written.folder / "handfast.db.checkpoints", away)
    with server_directory("later") as folder:
        later = prepare(folder, backend="http://127.0.0.1:9", identity="checkpoint_every_seconds = 1")
        for name in ("handfast.db", "handfast.key"):
            shutil.copy(written.folder / name, folder / name)
        later.start()
        later.cli("account", "disable", "u4")
        later.stop()
        away.write_text(away.read_text() + (folder / "handfast.db.checkpoints").read_text())
    code, told = verify(written, "--checkpoints", str(away))
    assert code == 1
    assert any("checkpoint" in finding for finding in told["findings"]), told
    assert verify(written)[0] == 0, "by what is on the machine alone it looks whole"


def roll_back(site: Installation, sequence: int) -> None:
    """Cuts the trail and puts the head of that time back, as a copy of the database from then has it."""
    with contextlib.closing(sqlite3.connect(site.folder / "handfast.db")) as database:
        row = database.execute("SELECT mac FROM audit_entries WHERE sequence = ?", (sequence,)).fetchone()
    spoil(
        site,
        f"DELETE FROM audit_entries WHERE sequence > {sequence}",
        f"UPDATE audit_heads SET sequence = {sequence}, mac = x'{row[0].hex()}'",
    )


def test_a_forged_checkpoint_file_is_said(copy, tmp_path) -> None:
    lines = (copy.folder / "handfast.db.checkpoints").read_text().splitlines()
    forged = tmp_path / "forged"
    forged.write_text("\n".join([*lines, "not a checkpoint", lines[-1][:-4] + "AAAA"]) + "\n")
    code, told = verify(copy, "--checkpoints", str(forged))
    assert code == 1
    assert any(str(len(lines) + 1) in finding for finding in told["findings"]), told


def test_a_missing_checkpoint_file_is_said(copy, tmp_path) -> None:
    missing = copy.run("audit", "verify", "--checkpoints", str(tmp_path / "none"))
    assert missing.returncode == 1
    assert "none" in missing.stderr
    (copy.folder / "handfast.db.checkpoints").unlink()
    said = copy.run("audit", "verify")
    assert said.returncode == 0
    assert "no checkpoints" in said.stderr


def test_another_key_file_verifies_nothing(copy) -> None:
    from datetime import UTC, datetime

    from handfast.keys.key_file import create_key_file

    (copy.folder / "handfast.key").unlink()
    create_key_file(copy.folder / "handfast.key", now=datetime.now(UTC))
    done = copy.run("audit", "verify")
    assert done.returncode != 0


def test_show_and_export(copy, tmp_path: Path) -> None:
    shown = copy.cli("audit", "show", "--limit", "5")
    assert len(shown) == 5
    assert [row["sequence"] for row in shown] == sorted(row["sequence"] for row in shown)
    blocked = copy.cli("audit", "show", "--event", "identity:device:blocked")
    assert [row["subject"] for row in blocked] == ["u1@contoso.lab PHONE1"]
    assert "uid:" in blocked[0]["actor"]
    table = copy.run("audit", "show", "--limit", "3")
    assert table.stdout.splitlines()[0].split()[:3] == ["sequence", "at", "event"]
    wrong = copy.run("audit", "show", "--event", "no:such:event")
    assert wrong.returncode == 2
    assert "identity:device:blocked" in wrong.stderr
    file = tmp_path / "trail.jsonl"
    done = copy.run("audit", "export", "--output", str(file))
    assert done.returncode == 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[-1]["event"] == "audit:trail:exported"
    later = copy.run("audit", "export", "--after", str(len(rows) - 2))
    assert len(later.stdout.splitlines()) == 2
    assert verify(copy)[0] == 0
