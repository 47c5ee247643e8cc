"""The command line as people and scripts call it: every verb, its exit code, its table, its JSON, online and offline."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from handfast.cli import app
from tests.door import ask
from tests.installation import HANDFAST, Installation, prepare
from tests.servers.processes import server_directory

UP = "wanda@contoso.lab"
ID = "CLI1"
ESCAPE = "\x1b[31mred\x1b]0;title\x07"


@pytest.fixture(scope="module")
def wanda(site: Installation) -> Installation:
    """An account with a paired device, an app password and a counter above zero."""
    site.add_account("wanda")
    password = site.issue("wanda", "--label", "first")
    assert ask(site, "wanda", password, device=ID).status == 200
    site.run("account", "set-pin", "wanda", "--pin-file", "-", stdin="long human secret\n")
    assert ask(site, "wanda", "a wrong guess", device=ID).status == 401
    return site


READS = {
    "account list": ("account", "list"),
    "account show": ("account", "show", UP),
    "app-password list": ("app-password", "list", UP),
    "device list": ("device", "list"),
    "device list of one": ("device", "list", UP, "--state", "allowed"),
    "device show": ("device", "show", UP, ID),
    "device export": ("device", "export"),
    "counter list": ("counter", "list"),
    "audit show": ("audit", "show", "--limit", "3"),
    "audit verify": ("audit", "verify"),
    "settings show": ("settings", "show"),
    "settings check": ("settings", "check"),
    "settings schema": ("settings", "schema"),
    "pki list": ("pki", "list"),
    "backend-secret list": ("backend-secret", "list"),
}


@pytest.mark.parametrize("verb", READS)
def test_what_only_looks_has_a_table_and_json(wanda, verb) -> None:
    words = READS[verb]
    table = wanda.run(*words)
    assert table.returncode == 0, table.stderr
    assert table.stdout.strip()
    told = wanda.run(*words, "--json")
    assert told.returncode == 0
    assert json.loads(told.stdout) is not None
    assert told.stdout.isascii()


def test_tables_hold_what_they_say(wanda) -> None:
    rows = wanda.run("device", "list", UP).stdout.splitlines()
    assert rows[0].split()[:2] == ["account", "device"]
    assert rows[1].split()[:4] == [UP, ID, "allowed", "iPhone"]
    assert "first" in wanda.run("app-password", "list", UP).stdout
    counters = wanda.cli("counter", "list")
    assert any(row["failures"] == 1 for row in counters)


def test_what_changes_says_so_and_undoes(site) -> None:
    added = site.run("account", "add", "victor", "--domain", "CONTOSO", "--upn", "victor@contoso.lab")
    assert added.returncode == 0
    assert "victor is added" in added.stdout
    for verb, state in (("disable", "disabled"), ("enable", "enabled")):
        assert site.run("account", verb, "CONTOSO\\victor").returncode == 0
        assert site.cli("account", "show", "victor")["state"] == state
    issued = site.run("app-password", "issue", "victor", "--label", "phone", "--expires-days", "30")
    assert issued.returncode == 0
    [password] = issued.stdout.split()
    assert len(password) == 29
    assert password.count("-") == 4
    assert "only time" in issued.stderr
    [row] = site.cli("app-password", "list", "victor")
    assert password not in json.dumps(row)
    assert password.replace("-", "") not in site.log.read_text() + json.dumps(site.cli("audit", "show"))
    assert site.run("app-password", "revoke", "victor", str(row["id"])).returncode == 0
    assert site.cli("app-password", "list", "victor")[0]["revoked_at"]
    opened = site.cli("window", "open", "victor", "--minutes", "7")
    assert opened["account"] == "victor@contoso.lab"
    assert site.run("counter", "clear", "--account", "victor").returncode == 0
    assert site.run("counter", "clear", "--source", "192.0.2.1").returncode == 0
    assert site.run("counter", "clear", "--everything").returncode == 0
    assert site.run("account", "remove", "victor").returncode == 0
    assert site.run("account", "show", "victor").returncode == 4


NOT_FOUND = [
    ("account", "show", "nobody"),
    ("account", "disable", "nobody"),
    ("account", "enable", "nobody"),
    ("account", "remove", "nobody"),
    ("app-password", "issue", "nobody"),
    ("app-password", "list", "nobody"),
    ("app-password", "revoke", "nobody", "1"),
    ("app-password", "revoke", UP, "99999"),
    ("device", "list", "nobody"),
    ("device", "show", UP, "NOSUCH"),
    ("device", "approve", UP, "NOSUCH"),
    ("device", "block", "nobody", ID),
    ("device", "unblock", UP, "NOSUCH"),
    ("device", "remove", UP, "NOSUCH"),
    ("window", "open", "nobody"),
    ("counter", "clear", "--account", "nobody"),
    ("explain", "nosuchrequest"),
    ("pki", "revoke-node", "nosuchnode"),
]


@pytest.mark.parametrize("words", NOT_FOUND, ids=" ".join)
def test_what_is_not_there_is_4(wanda, words) -> None:
    done = wanda.run(*words)
    assert done.returncode == 4, done.stdout + done.stderr
    assert done.stderr.startswith("handfast: ")
    assert "\n  -> " in done.stderr
    assert done.stdout == ""


USAGE = [
    (),
    ("nosuchverb",),
    ("account",),
    ("account", "add"),
    ("device", "list", "--state", "odd"),
    ("device", "show", UP),
    ("device", "show", UP, "no id!"),
    ("device", "import"),
    ("app-password", "issue", UP, "--profile", "everything"),
    ("app-password", "issue", UP, "--expires-days", "0"),
    ("app-password", "issue", UP, "--device", "not an id"),
    ("app-password", "revoke", UP, "not-a-number"),
    ("window", "open", UP, "--minutes", "0"),
    ("counter", "clear"),
    ("counter", "clear", "--account", UP, "--everything"),
    ("counter", "clear", "--source", "not-an-address"),
    ("account", "add", "bad/name"),
    ("account", "add", "x", "--upn", "no-at-sign"),
    ("audit", "show", "--limit", "0"),
    ("account", "set-pin", UP, "--clear", "--pin-file", "-"),
]


@pytest.mark.parametrize("words", USAGE, ids=lambda words: " ".join(words) or "nothing")
def test_what_can_t_be_meant_is_2(wanda, words) -> None:
    """In this process: as many interpreters would take half a minute to start."""
    done = CliRunner().invoke(
        app, [*words, "--settings", str(wanda.settings)] if len(words) > 1 else [*words]
    )
    assert done.exit_code == 2, done.output
    assert done.output + done.stderr
    assert "Traceback" not in done.stderr


def test_usage_errors_end_the_real_command_with_2(wanda) -> None:
    for words in (("device", "show", UP, "no id!"), ("nosuchverb",), ("device", "list", "--state", "odd")):
        done = wanda.run(*words)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr


def test_what_is_refused_is_1(wanda) -> None:
    again = wanda.run("account", "add", "wanda", "--domain", "CONTOSO")
    assert again.returncode == 1
    assert "taken" in again.stderr
    assert wanda.run("device", "unblock", UP, ID).returncode == 1


def test_every_verb_takes_settings_and_says_what_it_is_for() -> None:
    def help_of(*words: str) -> str:
        done = subprocess.run(
            [HANDFAST, *words, "--help"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "200"},
        )
        assert done.returncode == 0
        return done.stdout

    def leaves(command, path=()) -> Iterator[tuple[tuple[str, ...], object]]:
        for name, one in getattr(command, "commands", {}).items():
            if hasattr(one, "commands"):
                yield from leaves(one, (*path, name))
            else:
                yield (*path, name), one

    found = dict(leaves(get_command(app)))
    for name in (
        "account add|import|list|show|disable|enable|remove",
        "app-password issue|list|revoke",
        "device list|show|approve|block|unblock|remove|import|export",
        "window open",
        "counter list|clear",
        "audit show|verify|export",
        "settings check|show|schema",
        "pki init|issue|revoke-node",
    ):
        group, _, verbs = name.partition(" ")
        assert {(group, verb) for verb in verbs.split("|")} <= set(found)
    assert {("serve",), ("gateway",), ("identity",), ("demo",), ("init",), ("doctor",), ("explain",)} <= set(
        found
    )
    for path, command in found.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--settings" in options, path
        assert command.help, path
    assert "--settings" in help_of("device", "block")


def test_settings_come_from_the_option_the_environment_or_the_usual_place(wanda, tmp_path) -> None:
    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name != "HANDFAST_SETTINGS"}
        return subprocess.run(
            [HANDFAST, *words],
            capture_output=True,
            text=True,
            check=False,
            env={**clean, **environment},
            cwd=tmp_path,
        )

    assert run("account", "show", "wanda", HANDFAST_SETTINGS=str(wanda.settings)).returncode == 0
    wins = run(
        "account", "show", "wanda", "--settings", str(wanda.settings), HANDFAST_SETTINGS="/nonexistent"
    )
    assert wins.returncode == 0
    missing = run("account", "list", HANDFAST_SETTINGS=str(tmp_path / "none.toml"))
    assert missing.returncode == 4
    assert "none.toml" in missing.stderr
    if not Path("/etc/handfast/handfast.toml").exists():
        usual = run("account", "list")
        assert usual.returncode == 4
        assert "/etc/handfast/handfast.toml" in usual.stderr


def test_secrets_are_never_arguments(wanda) -> None:
    for words in (("account", "set-pin", UP, "1234567890"), ("account", "add", "zed", "--pin", "1234567890")):
        assert wanda.run(*words).returncode == 2
    stored = wanda.run("backend-secret", "set", UP, "mail", "swordfish")
    assert stored.returncode == 2
    help_text = wanda.run("account", "set-pin", "--help").stdout
    assert "never an argument" in " ".join(help_text.split())


def test_a_pin_is_asked_for_without_echo(wanda) -> None:
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [HANDFAST, "account", "set-pin", "wanda", "--settings", str(wanda.settings)],
        stdin=child, stdout=child, stderr=child, start_new_session=True,
    )  # fmt: skip
    os.close(child)
    seen = b""
    answers = [b"correct horse\n", b"correct horse\n"]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not select.select([parent], [], [], 20)[0]:
            process.kill()
            break
        try:
            piece = os.read(parent, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
        if answers and seen.endswith(b": "):
            os.write(parent, answers.pop(0))
    assert process.wait(10) == 0, seen
    os.close(parent)
    assert b"correct horse" not in seen
    assert b"is set" in seen


def test_what_strangers_sent_can_t_steer_a_terminal(site) -> None:
    site.add_account("terry")
    password = site.issue("terry")
    agent = "Evil\x9b31m\x85agent"
    assert ask(site, "terry", password, device="TERM1", agent=agent).status == 200
    rows = "account,device_id,friendly_name,device_type\nterry,TERM2," + f'"{ESCAPE}\nsecond line"' + ",i\n"
    site.cli("device", "import", "-", stdin=rows)
    for words in (
        ("device", "list"),
        ("device", "show", "terry", "TERM1"),
        ("device", "show", "terry", "TERM2"),
        ("device", "list", "--json"),
        ("audit", "show"),
        ("account", "show", "terry"),
        ("account", "show", f"x{ESCAPE}"),
        ("explain", ESCAPE),
    ):
        done = site.run(*words)
        said = done.stdout + done.stderr
        assert said
        assert not [one for one in said if not one.isprintable() and one != "\n"], words
    shown = site.run("device", "show", "terry", "TERM1").stdout
    assert "\\x9b31m" in shown
    assert "\\x1b[31mred" in site.run("device", "show", "terry", "TERM2").stdout


def test_a_pipe_that_closes_is_no_error_message(wanda) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{HANDFAST} settings schema --settings {wanda.settings} | head -1; true"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "{\n"
    assert done.stderr == ""


# ---- identity stopped


@pytest.fixture(scope="module")
def stopped() -> Iterator[Installation]:
    """An installation that does not run."""
    with server_directory("offline") as folder:
        yield prepare(folder, backend="http://127.0.0.1:9")


def test_with_identity_stopped_commands_work_on_the_database(stopped) -> None:
    stopped.add_account("olga")
    assert stopped.cli("account", "show", "olga")["upn"] == "olga@contoso.lab"
    assert len(stopped.issue("olga")) == 29
    assert stopped.cli("audit", "verify")["ok"]
    actors = {row["actor"] for row in stopped.cli("audit", "show", "--event", "identity:account:added")}
    assert all(actor.startswith(f"uid:{os.getuid()}(") for actor in actors)
    assert not (stopped.folder / "run" / "admin.sock").exists()


def test_two_offline_commands_wait_for_each_other(stopped) -> None:
    commands = [
        subprocess.Popen(
            [HANDFAST, "account", "add", f"para{n}", "--settings", str(stopped.settings)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for n in range(4)
    ]  # fmt: skip
    ended = [(one.communicate(timeout=60), one.returncode) for one in commands]
    done = sum(code == 0 for _, code in ended)
    assert all(code in (0, 3) for _, code in ended), ended
    assert done >= 1
    users = {row["user"] for row in stopped.cli("account", "list")}
    assert len([user for user in users if user.startswith("para")]) == done


def test_a_database_owned_by_another_is_3(stopped) -> None:
    from handfast.storage.owner_lock import OwnerLock

    stopped.cli("account", "list")
    lock = OwnerLock(stopped.folder / "handfast.db")
    lock.acquire()
    try:
        done = stopped.run("account", "list")
    finally:
        lock.release()
    assert done.returncode == 3
    assert done.stderr.startswith("handfast: ")
    assert "\n  -> " in done.stderr
    assert stopped.run("account", "list").returncode == 0


def test_whoever_reads_a_long_list_slowly_keeps_nobody_from_the_records() -> None:
    """Nor does what becomes of them meanwhile spoil the list: an account more, and identity that starts."""
    users = [f"user{number}" for number in range(1, 2501)]
    with server_directory("pages") as folder:
        site = prepare(folder, backend="http://127.0.0.1:9", workers=1)
        site.cli("account", "import", "-", stdin="\n".join(["user", *users]))
        reading = subprocess.Popen(
            [HANDFAST, "account", "list", "--json", "--settings", str(site.settings)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        try:
            assert reading.stdout is not None
            begun = reading.stdout.read(1)  # The rest of the first page is more than a pipe holds.
            site.add_account("late")
            site.start()
            rest, said = reading.communicate(timeout=60)
            assert reading.returncode == 0, said
            rows = json.loads(begun + rest)
            assert [row["user"] for row in rows] == [*users, "late"]
        finally:
            reading.kill()
            reading.wait()
            site.stop()


def test_a_missing_key_file_is_3_and_names_it(stopped, tmp_path) -> None:
    key = stopped.folder / "handfast.key"
    key.rename(tmp_path / "kept")
    try:
        done = stopped.run("account", "list")
    finally:
        (tmp_path / "kept").rename(key)
    assert done.returncode == 3
    assert "handfast.key" in done.stderr


def test_on_a_gateway_node_administration_is_elsewhere(stopped, tmp_path) -> None:
    link = '\n[gateway.identity]\nurl = "https://10.0.0.5:7443"\n' + "".join(
        f'{name} = "{stopped.values["certificate"]}"\n' for name in ("certificate", "key", "ca_file")
    )
    stopped.write_settings(more=link)
    try:
        done = stopped.run("account", "list")
    finally:
        stopped.write_settings(more="")
    assert done.returncode == 3
    assert "10.0.0.5:7443" in done.stderr


# ---- settings


def test_settings_check_says_every_problem_at_once(stopped, tmp_path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(
        """
[identity]
databse = "sqlite:////tmp/x.db"
unused_password_hours = 0

[gateway]
workers = "many"

[[listener]]
name = "Outside"
address = "0.0.0.0:99999"

[[publication]]
name = "mail"
hosts = []
polcy = "default"
auth = ["digest"]

[publication.backend]
urls = ["ftp://x"]

[[policy]]
name = "default"
mode = "first_use"
device_limit = 0
"""
    )
    done = subprocess.run(
        [HANDFAST, "settings", "check", "--settings", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    for path in (
        "identity.databse",
        "identity.unused_password_hours",
        "gateway.workers",
        "listener[0].name",
        "listener[0].address",
        "publication[0].hosts",
        "publication[0].polcy",
        "publication[0].auth",
        "publication[0].backend.urls",
        "policy[0].mode",
        "policy[0].device_limit",
    ):
        assert path in done.stdout, path
    assert "database" in done.stdout
    assert done.stdout.lower().count("did you mean") >= 2
    assert not done.stdout.rstrip().endswith("0 problems")
    serve = subprocess.run(
        [HANDFAST, "serve", "--settings", str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert serve.returncode == 1
    assert "polcy" in serve.stderr
    told = subprocess.run(
        [HANDFAST, "settings", "check", "--json", "--settings", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    problems = json.loads(told.stdout)["problems"]
    assert len(problems) >= 11
    assert all(one["path"] and one["problem"] and one["remedy"] for one in problems)


def test_good_settings_are_good(stopped) -> None:
    done = stopped.run("settings", "check")
    assert done.returncode == 0
    assert done.stdout.rstrip().endswith("good")
    assert stopped.cli("settings", "show")["identity"]["key_file"] == str(stopped.folder / "handfast.key")
