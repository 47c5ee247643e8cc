"""Every record verb: what it asks of administration, and what it prints."""

import json

import pytest

from handfast.cli import audit

NOW = "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("arguments", "method", "asked"),
    [
        (
            ["account", "add", "anna", "--domain", "D", "--upn", "anna@d.de", "--display-name", "Anna"],
            "account_add",
            {"account_user": "anna", "domain": "D", "upn": "anna@d.de", "display_name": "Anna", "pin": None},
        ),
        (["account", "list"], "account_list", {"after": 0, "limit": 1000}),
        (["account", "show", "anna"], "account_show", {"account": "anna"}),
        (["account", "disable", "anna"], "account_disable", {"account": "anna"}),
        (["account", "enable", "anna"], "account_enable", {"account": "anna"}),
        (["account", "remove", "anna"], "account_remove", {"account": "anna"}),
        (["account", "adopt", "anna"], "account_adopt", {"account": "anna"}),
        (["account", "set-pin", "anna", "--clear"], "account_set_pin", {"account": "anna", "pin": None}),
        (["app-password", "list", "anna"], "app_password_list", {"account": "anna"}),
        (["app-password", "revoke", "anna", "7"], "app_password_revoke", {"account": "anna", "id": 7}),
        (["device", "list"], "device_list", {"account": None, "state": None}),
        (
            ["device", "list", "anna", "--state", "pending"],
            "device_list",
            {"account": "anna", "state": "pending"},
        ),
        (["device", "show", "anna", "D1"], "device_show", {"account": "anna", "device_id": "D1"}),
        (["device", "approve", "anna", "D1"], "device_approve", {"account": "anna", "device_id": "D1"}),
        (
            ["device", "block", "anna", "D1", "--reason", "lost"],
            "device_block",
            {"account": "anna", "device_id": "D1", "all_accounts": False, "reason": "lost"},
        ),
        (
            ["device", "block", "anna", "D1", "--all-accounts"],
            "device_block",
            {"account": "anna", "device_id": "D1", "all_accounts": True, "reason": ""},
        ),
        (["device", "unblock", "anna", "D1"], "device_unblock", {"account": "anna", "device_id": "D1"}),
        (
            ["device", "wipe", "anna", "D1", "--yes"],
            "device_wipe",
            {"account": "anna", "device_id": "D1", "account_only": False},
        ),
        (
            ["device", "wipe", "anna", "D1", "--account-only", "--yes"],
            "device_wipe",
            {"account": "anna", "device_id": "D1", "account_only": True},
        ),
        (["device", "remove", "anna", "D1"], "device_remove", {"account": "anna", "device_id": "D1"}),
        (["window", "open", "anna", "--minutes", "5"], "window_open", {"account": "anna", "minutes": 5}),
        (["counter", "list"], "counter_list", {}),
        (
            ["counter", "clear", "--account", "anna"],
            "counter_clear",
            {"account": "anna", "source": None, "everything": False},
        ),
        (
            ["counter", "clear", "--everything"],
            "counter_clear",
            {"account": None, "source": None, "everything": True},
        ),
        (["backend-secret", "list"], "secret_list", {}),
        (
            ["backend-secret", "remove", "anna", "eas"],
            "secret_remove",
            {"account": "anna", "publication": "eas"},
        ),
        (
            ["audit", "show", "--limit", "5", "--after", "2", "--event", "x"],
            "audit_show",
            {"limit": 5, "after": 2, "event": "x"},
        ),
        (["pki", "list"], "node_list", {}),
        (["pki", "revoke-node", "dmz1"], "node_revoke", {"name": "dmz1"}),
    ],
)
def test_each_verb_asks_exactly_this(line, arguments, method, asked):
    line.administration.answers[method] = [] if method.endswith(("list", "show")) else None
    for option in ([], ["--json"]):
        result = line(*arguments, *option)
        assert result.exit_code == 0, result.output
        assert line.administration.calls.pop() == (method, asked)
        if option:
            json.loads(result.stdout)


def test_every_administrative_verb_has_settings_and_json():
    from typer.main import get_command

    from handfast.cli import app

    def leaves(command, path):
        for name, one in getattr(command, "commands", {}).items():
            yield from leaves(one, [*path, name])
        if not getattr(command, "commands", None):
            yield path, command

    found = {" ".join(path): command for path, command in leaves(get_command(app), [])}
    for name, command in found.items():
        options = {text for one in command.params for text in one.opts}
        assert "--settings" in options, name
        if name not in {"serve", "gateway", "identity", "demo", "worker", "settings reference"}:
            assert "--json" in options, name
    assert set(found) == {
        "account add",
        "account import",
        "account list",
        "account show",
        "account disable",
        "account enable",
        "account remove",
        "account adopt",
        "account set-pin",
        "app-password issue",
        "app-password list",
        "app-password revoke",
        "device list",
        "device show",
        "device approve",
        "device block",
        "device unblock",
        "device wipe",
        "device remove",
        "device import",
        "device export",
        "window open",
        "counter list",
        "counter clear",
        "backend-secret set",
        "backend-secret list",
        "backend-secret remove",
        "audit show",
        "audit verify",
        "audit export",
        "settings check",
        "settings show",
        "settings schema",
        "settings reference",
        "policy check",
        "policy names",
        "directory check",
        "directory show",
        "directory init",
        "kerberos check",
        "explain",
        "doctor",
        "init",
        "key list",
        "key rotate",
        "pki init",
        "pki issue",
        "pki revoke-node",
        "pki list",
        "serve",
        "gateway",
        "identity",
        "demo",
        "worker",
    }


@pytest.mark.parametrize(
    ("kind", "code"),
    [("refused", 1), ("conflict", 1), ("usage", 2), ("unavailable", 3), ("not-found", 4), ("not_found", 4)],
)
def test_refusals_become_exit_codes_and_two_lines(line, refusal, kind, code):
    line.administration.answers["account_show"] = refusal(kind, "no account \x1b[31mx", "try `account list`")
    result = line("account", "show", "x")
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr == "handfast: no account \\x1b[31mx\n  -> try `account list`\n"


def test_the_unforeseen_shows_no_traceback(line):
    line.administration.answers["account_show"] = ZeroDivisionError("x")
    result = line("account", "show", "x")
    assert result.exit_code == 3
    assert "Traceback" not in result.output
    assert "HANDFAST_DEBUG" in result.stderr


def test_usage_is_exit_2(line):
    assert line("account", "show").exit_code == 2
    assert line("account", "dance").exit_code == 2
    assert line("counter", "clear").exit_code == 2
    assert line("counter", "clear", "--everything", "--source", "192.0.2.1").exit_code == 2
    assert line("app-password", "revoke", "anna", "abcde-fghij").exit_code == 2
    assert line("account", "set-pin", "anna", "--clear", "--pin-file", "-").exit_code == 2
    assert line.administration.calls == []


def test_settings_that_are_wrong_are_exit_1_and_missing_ones_4(line, tmp_path):
    line.settings_file.write_text("[gateway]\nworker = 1\n")
    result = line("account", "list")
    assert result.exit_code == 1
    assert 'did you mean "workers"' in result.stderr
    line.settings_file = tmp_path / "none.toml"
    assert line("account", "list").exit_code == 4


def test_tables_escape_what_strangers_sent(line):
    line.administration.answers["device_list"] = [
        {
            "account": "anna",
            "device_id": "D1",
            "state": "allowed",
            "user_agent": "[bold]\x1b]0;x\x07\n",
            "last_seen_at": NOW,
            "x": 1,
        }
    ]
    result = line("device", "list")
    assert "\x1b" not in result.stdout
    assert "[bold]\\x1b]0;x\\x07\\n" in result.stdout
    assert "2026-03-01 12:00:00" in result.stdout
    (row,) = json.loads(line("device", "list", "--json").stdout)
    assert row["user_agent"] == "[bold]\x1b]0;x\x07\n"


def test_pins_and_secrets_come_by_stdin_or_file(line, tmp_path):
    assert line("account", "set-pin", "anna", "--pin-file", "-", stdin="4711\n").exit_code == 0
    assert line.administration.calls.pop()[1] == {"account": "anna", "pin": "4711"}
    file = tmp_path / "pin"
    file.write_bytes(b" 47 11 \r\n")
    assert line("account", "add", "anna", "--pin-file", str(file)).exit_code == 0
    assert line.administration.calls.pop()[1]["pin"] == " 47 11 "
    assert line("backend-secret", "set", "anna", "eas", stdin="gehe im\n").exit_code == 0
    assert line.administration.calls.pop() == (
        "secret_set",
        {"account": "anna", "publication": "eas", "user_name": "", "password": "gehe im"},
    )
    for bad in ("\n", "", "x" * 1025):
        assert line("account", "set-pin", "anna", stdin=bad).exit_code == 2
    file.write_text("a\nb\n")
    assert line("account", "set-pin", "anna", "--pin-file", str(file)).exit_code == 2
    assert line("account", "set-pin", "anna", "--pin-file", str(tmp_path / "none")).exit_code == 1
    assert line.administration.calls == []


def test_an_app_password_is_shown_alone_on_stdout(line):
    issued = {"id": 3, "password": "abcde-fghij", "channels": ["activesync", "autodiscover"], "use_by": NOW}
    line.administration.answers["app_password_issue"] = issued
    result = line(
        "app-password",
        "issue",
        "anna",
        "--ntlm",
        "--device",
        "D1",
        "--expires-days",
        "30",
        "--label",
        "tablet",
    )
    assert result.stdout == "abcde-fghij\n"
    assert "only time" in result.stderr
    assert line.administration.calls.pop()[1] == {
        "account": "anna", "profile": "phone", "channels": None, "label": "tablet", "device_id": "D1", "expires_days": 30, "ntlm": True,
    }  # fmt: skip
    result = line("app-password", "issue", "anna", "--channel", "ews", "--channel", "oab", "--json")
    assert json.loads(result.stdout) == issued
    assert line.administration.calls.pop()[1]["channels"] == ["ews", "oab"]


def test_account_import(line, tmp_path):
    line.administration.answers["account_import"] = {"imported": 2, "problems": []}
    file = tmp_path / "a.csv"
    file.write_bytes("User;Domain\r\nanna;D\r\nböse;D\r\n".encode("utf-16"))
    result = line("account", "import", str(file))
    assert result.exit_code == 0
    assert "2 imported, 0 refused" in result.stdout
    assert line.administration.calls.pop()[1] == {
        "rows": [{"user": "anna", "domain": "D"}, {"user": "böse", "domain": "D"}]
    }
    line.administration.answers["account_import"] = {
        "imported": 1,
        "problems": [{"row": 2, "problem": "taken"}],
    }
    result = line("account", "import", "-", stdin="user\nanna\nbert\n")
    assert result.exit_code == 1
    assert "row 2: taken" in result.stderr
    for bad in ("domain\nD\n", "user,shoe\na,b\n", "", 'user\n"x\n'):
        result = line("account", "import", "-", stdin=bad)
        assert result.exit_code == 1, bad
        assert "->" in result.stderr


def test_devices_go_out_and_come_back_exactly(line, tmp_path):
    rows = [
        {
            "account": "anna@d.de",
            "device_id": "D1",
            "state": "allowed",
            "device_type": "=cmd()",
            "user_agent": "'=x",
            "model": None,
        },
        {
            "account": "D\\bert",
            "device_id": "D2",
            "state": "blocked",
            "device_type": 'a,b;"c"',
            "user_agent": "line\r\nbreak\ttab",
            "model": "-1",
        },
    ]
    line.administration.answers["device_export"] = rows
    file = tmp_path / "d.csv"
    assert line("device", "export", "--output", str(file)).exit_code == 0
    assert ",=cmd" not in file.read_text()
    line.administration.answers["device_import"] = {"imported": 2, "updated": 0, "problems": []}
    result = line("device", "import", str(file), "--state", "blocked")
    assert "2 imported, 0 updated, 0 refused" in result.stdout
    asked = line.administration.calls.pop()[1]
    assert asked["state"] == "blocked"
    assert asked["rows"] == [{name: value or "" for name, value in row.items()} for row in rows]
    assert (
        line("device", "export").stdout.splitlines()[0]
        == "account,device_id,state,device_type,user_agent,model"
    )
    assert json.loads(line("device", "export", "--json").stdout) == rows
    line.administration.answers["device_export"] = []
    assert line("device", "export").stdout.startswith("account,device_id")


def test_an_audit_export_that_is_refused_leaves_the_older_one(line, refusal, tmp_path):
    file = tmp_path / "trail.jsonl"
    line.administration.answers |= {"audit_chains": ["node1"], "audit_export": [{"sequence": 1}]}
    assert line("audit", "export", "--output", str(file)).exit_code == 0
    before = file.read_text()
    assert json.loads(before) == {"sequence": 1}
    line.administration.answers["audit_chains"] = refusal("refused", "you may not")
    assert line("audit", "export", "--output", str(file)).exit_code == 1
    assert file.read_text() == before


def test_audit_verify(line, tmp_path):
    line.administration.answers["audit_verify"] = {"ok": True, "entries": 12, "findings": []}
    file = tmp_path / "cp"
    file.write_text("one\n\ntwo\n")
    result = line("audit", "verify", "--checkpoints", str(file))
    assert result.exit_code == 0
    assert "whole: 12" in result.stdout
    assert line.administration.calls.pop()[1] == {"checkpoints": ["one", "two"]}
    line.administration.answers["audit_verify"] = {
        "ok": False,
        "entries": 12,
        "findings": ["entry 3 was changed", {"sequence": 4}],
    }
    result = line("audit", "verify")
    assert result.exit_code == 1
    assert "entry 3 was changed" in result.stdout
    assert line.administration.calls.pop()[1] == {"checkpoints": []}
    assert line("audit", "verify", "--json").exit_code == 1
    assert line("audit", "verify", "--checkpoints", str(tmp_path / "none")).exit_code == 1


def test_audit_verify_takes_what_identity_wrote_beside_the_database(line, tmp_path, monkeypatch):
    line.administration.answers["audit_verify"] = {"ok": True, "entries": 1, "findings": []}
    result = line("audit", "verify")
    assert "cut off" in result.stderr
    (tmp_path / "handfast.db.checkpoints").write_bytes(b"one\ntwo\nthree\n")
    result = line("audit", "verify")
    assert result.stderr == ""
    assert line.administration.calls.pop()[1] == {"checkpoints": ["one", "two", "three"]}
    monkeypatch.setattr(audit, "MAX_CHECKPOINT_BYTES", 8)
    line("audit", "verify")
    assert line.administration.calls.pop()[1] == {"checkpoints": ["three"]}


def test_audit_export_goes_on_until_the_end(line, tmp_path):
    entries = {
        chain: [{"chain": chain, "sequence": number, "event": "x"} for number in range(1, count + 1)]
        for chain, count in (("identity@one", 2299), ("identity@two", 1))
    }
    line.administration.answers["audit_chains"] = list(entries)
    line.administration.answers["audit_export"] = lambda chain, after, limit: [
        e for e in entries[chain] if e["sequence"] > after
    ][:limit]
    lines = line("audit", "export", "--after", "100").stdout.splitlines()
    assert [json.loads(one)["sequence"] for one in lines] == list(range(101, 2300))
    calls = len(line.administration.calls)
    assert line.administration.openings == calls, "a slow reader of the lines keeps nobody from the records"
    file = tmp_path / "trail"
    assert line("audit", "export", "-o", str(file)).exit_code == 0
    assert len(file.read_text().splitlines()) == 2300


@pytest.fixture
def many(line):
    """2,001 accounts; those of the last page have longer names, and the directory's facts are newest on the second."""

    def row(number):
        user = f"user{number}" if number <= 2000 else "a-user-of-a-longer-name"
        age = 5.0 if number == 1500 else 60.0
        return {"id": number * 2, "user": user, "domain": "D", "directory": {"age_seconds": age}}

    rows = [row(number) for number in range(1, 2002)]
    line.administration.answers["account_list"] = lambda after, limit: [
        one for one in rows if one["id"] > after
    ][:limit]
    return rows


def test_accounts_are_asked_for_in_pages_and_shown_as_one_list(line, many):
    shown = line("account", "list", "--json").stdout
    assert shown == json.dumps(many, indent=2) + "\n"
    asked = [arguments for _, arguments in line.administration.calls]
    assert asked == [{"after": after, "limit": 1000} for after in (0, 2000, 4000)]


def test_accounts_of_many_pages_stand_in_one_table(line, many):
    heading, *rows, age = line("account", "list").stdout.splitlines()
    assert heading.split() == ["user", "domain", "upn", "display", "name", "state", "directory", "state"]
    assert [one.split() for one in rows] == [[row["user"], "D"] for row in many]
    assert len({one.index(" D") for one in rows[:1000]} | {heading.index(" domain")}) == 1
    assert age == "(the directory was read 5 s ago)"


def test_a_page_that_does_not_come_fails_the_list(line, many, refusal):
    taken = line.administration.answers["account_list"]

    def gone_at_the_second(after, limit):
        if after:
            raise refusal("unavailable", "identity went away")
        return taken(after, limit)

    line.administration.answers["account_list"] = gone_at_the_second
    for option in ([], ["--json"]):
        result = line("account", "list", *option)
        assert (result.exit_code, "identity went away" in result.stderr) == (3, True)
        assert "user1000" in result.stdout


def test_a_list_whose_last_page_is_full_ends(line):
    line.administration.answers["account_list"] = lambda after, limit: (
        [] if after else [{"id": number, "directory": None} for number in range(1, limit + 1)]
    )
    assert len(json.loads(line("account", "list", "--json").stdout)) == 1000
    line.administration.answers["account_list"] = lambda after, limit: []
    assert line("account", "list", "--json").stdout == "[]\n"
    assert line("account", "list").stdout == "(no accounts)\n"


def test_a_revoked_node_lists_what_it_saw(line):
    line.administration.answers["node_revoke"] = {
        "node": "dmz1",
        "certificates": 1,
        "saw": [{"account": "anna", "app_password": 3, "uses": 2}],
    }
    result = line("pki", "revoke-node", "dmz1")
    assert "anna" in result.stdout
    assert "issue new ones" in result.stdout


def test_records_show_nested_tables(line):
    line.administration.answers["account_show"] = {
        "user": "anna",
        "devices": [{"device_id": "D1", "ok": True}],
        "facts": {"a": 1},
        "none": None,
    }
    shown = line("account", "show", "anna").stdout
    assert "devices:" in shown
    assert "D1" in shown
    assert "yes" in shown
    assert "a=1" in shown


@pytest.mark.parametrize("serves", [False, True])
def test_connections_are_cut_where_somebody_serves(line, monkeypatch, serves):
    monkeypatch.setattr("handfast.cli.connection.identity_listens", lambda _: serves)
    assert ("its connections are cut" in line("account", "disable", "anna").stdout) is serves
