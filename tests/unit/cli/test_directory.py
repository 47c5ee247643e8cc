from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from handfast.cli import directory, directory_init
from handfast.cli.directory import account_record, domain_lines, domain_row, show
from handfast.cli.directory_init import parse_server
from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.installation.directory_section import DirectoryAnswers, Server, build_section
from handfast.cli.installation.domain_commands import build_delegation_commands
from handfast.directory import checking
from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.findings import DirectoryFinding, Seen, Step
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.records import DirectoryFacts, DirectoryGroup
from handfast.settings.load import parse_settings
from tests.servers.processes import server_directory

DAEMON = 1
NOW = datetime(2026, 11, 21, tzinfo=UTC)
SETTINGS = """[identity]
key_file = "/etc/handfast/handfast.key"

[[listener]]
name = "outside"
address = "127.0.0.1:8443"

[[policy]]
name = "default"

[[publication]]
name = "mail"
hosts = ["mail.contoso.lab"]

[publication.backend]
urls = ["http://127.0.0.1:9"]
auth = "none"
"""


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("dc1.contoso.lab", Server("dc1.contoso.lab")),
        ("dc1.contoso.lab=10.0.0.5", Server("dc1.contoso.lab", "10.0.0.5")),
        ("dc1.contoso.lab=10.0.0.5:1636", Server("dc1.contoso.lab", "10.0.0.5", 1636)),
        ("dc1.contoso.lab=[fd00::1]", Server("dc1.contoso.lab", "fd00::1")),
        ("dc1.contoso.lab=[fd00::1]:1636", Server("dc1.contoso.lab", "fd00::1", 1636)),
    ],
)
def test_servers_are_named_with_where_they_are(text, server):
    assert parse_server(text) == server


@pytest.mark.parametrize("text", ["dc1=10.0.0.5:ldap", "dc1=10.0.0.5:"])
def test_a_port_is_a_number(text):
    with pytest.raises(CommandFailed, match="not a port"):
        parse_server(text)


def shown(**facts: object) -> dict[str, object]:
    known = DirectoryFacts("CONTOSO.LAB", NOW, **facts)
    groups = frozenset(
        {DirectoryGroup("S-1-5-32-545", "BUILTIN", "Users"), DirectoryGroup("S-1", "CONTOSO", "a")}
    )
    return account_record(DirectoryAccount("S-1-5", "alice", "CONTOSO", "alice@x", "Alice", known, groups))


def test_an_account_is_shown_with_its_groups_in_order():
    record = shown(expires_at=NOW)
    assert record["user"] == "CONTOSO\\alice"
    assert record["groups"] == [
        {"group": "BUILTIN\\Users", "sid": "S-1-5-32-545"},
        {"group": "CONTOSO\\a", "sid": "S-1"},
    ]
    assert (record["expires"], record["locked_until"], record["password_expires"]) == (NOW, None, None)


@pytest.mark.parametrize(
    ("unreadable", "severity"), [(0, None), (1, "warning"), (20, "warning"), (21, "error")]
)
def test_how_many_accounts_can_not_be_judged_is_told(monkeypatch, unreadable, severity):
    class Administration:
        def call(self, method):
            return {"accounts": 100, "directory_read_at": None, "directory_unreadable": unreadable}

    @contextlib.contextmanager
    def opened(_settings):
        yield Administration()

    monkeypatch.setattr(directory, "open_administration", opened)
    found = directory.mirror_findings(parse_settings(SETTINGS)[0])
    assert [(one.id, one.severity) for one in found] == [("directory-unreadable", severity)] * bool(
        unreadable
    )
    assert all(one.what.endswith(f": {unreadable}") for one in found)


def test_ends_without_a_date_are_said_in_words():
    record = shown(
        locked_until=datetime.max.replace(tzinfo=UTC), password_expires_at=datetime(1601, 1, 1, tzinfo=UTC)
    )
    assert record["locked_until"] == "the domain says that it ended"
    assert record["password_expires"] == "must be changed now"
    assert shown(locked_until=NOW, password_expires_at=NOW)["locked_until"] == NOW


class Person:
    """Answers questions in turn."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, question: str, **_options: object) -> str:
        self.asked.append(question)
        return self.answers.pop(0)


@pytest.fixture
def domain(monkeypatch):
    """A domain in which dc1 is reached and the password is "right"; nothing is connected to."""

    def reach(way):
        names = [one.name for one in way.servers]
        return (
            []
            if names == ["dc1.contoso.lab"]
            else [DirectoryFinding("error", names[0], "can't be reached", "up?")]
        )

    def try_out(answered):
        wrong = DirectoryFinding("error", "dc1", "the password is wrong", "correct it")
        soon = DirectoryFinding("warning", "dc1", "its certificate ends soon", "renew it")
        return [soon] if answered[1] == "right" else [wrong]

    monkeypatch.setattr(directory_init, "_reach", reach)
    monkeypatch.setattr(directory_init, "_try_out", try_out)
    monkeypatch.setattr(directory_init.sys.stdin, "isatty", lambda: True, raising=False)


def test_at_a_terminal_it_asks_until_the_answers_work(domain, monkeypatch, tmp_path, capsys):
    settings = tmp_path / "handfast.toml"
    settings.write_text(SETTINGS)
    person = Person(
        *("", "dc9.contoso.lab", "", "dc1.contoso.lab", "", "r", "r@contoso.lab", "wrong"),
        *("r@contoso.lab", "right"),
    )
    monkeypatch.setattr(typer, "prompt", person)
    directory_init.init(settings=settings)
    assert person.answers == []
    assert [one.split(" ")[0] for one in person.asked] == [
        *("Domain", "Domain", "CA", "Domain", "CA", "Account", "Account", "Password", "Account", "Password")
    ]
    said = capsys.readouterr()
    assert "no domain controller was named" in said.err
    assert "r: not a UPN" in said.err
    assert "can't be reached" in said.err
    assert "the password is wrong" in said.err
    assert "warning: dc1 its certificate ends soon" in said.out
    assert "New-ADUser -Name 'r'" in said.out
    assert (tmp_path / "directory.password").read_text() == "right\n"
    assert 'name = "dc1.contoso.lab"' in settings.read_text()
    steps = [line.partition(". ")[2] for line in said.out.partition("Next:\n")[2].splitlines()]
    option = f"--settings {settings}"
    assert steps == [
        *(f"handfast directory check {option}", f"handfast settings check {option}"),
        f"handfast serve {option}",
    ]


def test_with_everything_given_nothing_is_asked_and_a_mistake_ends_it(domain, monkeypatch, tmp_path):
    settings, secret = tmp_path / "handfast.toml", tmp_path / "secret"
    settings.write_text(SETTINGS)
    secret.write_text("wrong\n")
    monkeypatch.setattr(typer, "prompt", Person())
    words = {
        "server": ["dc1.contoso.lab"],
        "bind_user": "r@contoso.lab",
        "password_file": secret,
        "yes": True,
    }
    with pytest.raises(CommandFailed, match="the password is wrong"):
        directory_init.init(settings=settings, **words)
    assert settings.read_text() == SETTINGS
    secret.write_text("right\n")
    directory_init.init(settings=settings, as_json=True, **words)
    assert "[directory]" in settings.read_text()


@pytest.fixture
def given(domain, tmp_path):
    """What makes `init` ask nothing, with a settings file that has a [kerberos] section."""
    settings, secret = tmp_path / "handfast.toml", tmp_path / "secret"
    secret.write_text("right\n")
    runtime = f'runtime_dir = "{tmp_path}"\n'
    text = SETTINGS.replace("[[listener]]", f"{runtime}\n[[listener]]")
    settings.write_text(f'{text}\n[kerberos]\nkeytab = "{tmp_path}/none"\nprincipal = "svc@CONTOSO.LAB"\n')
    return {
        "settings": settings,
        "server": ["dc1.contoso.lab"],
        "bind_user": "r@contoso.lab",
        "password_file": secret,
        "yes": True,
    }


def test_a_restart_is_asked_for_where_kdcs_came_with_the_section_and_they_never_come_later(
    given, monkeypatch, capsys
):
    monkeypatch.setattr(directory_init, "identity_listens", lambda _: True)
    file = given["settings"]
    directory_init.init(**given)
    assert "restart the service" in capsys.readouterr().out
    text = file.read_text()
    assert 'kdcs = ["dc1.contoso.lab"]' in text
    without = text.replace('kdcs = ["dc1.contoso.lab"]\n', "")
    for as_it_was in (text, without):
        file.write_text(as_it_was)
        directory_init.init(**given)
        assert file.read_text() == as_it_was
        assert "reload the service" in capsys.readouterr().out
    directory_init.init(**{**given, "server": ["dc1.contoso.lab=10.0.0.5"], "force": True})
    assert "10.0.0.5" in file.read_text()
    assert "kdcs" not in file.read_text()


def test_whoever_may_not_ask_identity_has_written_nothing(given, monkeypatch):
    def shut(_):
        raise CommandFailed(Exit.REFUSED, "you may not administer this installation")

    monkeypatch.setattr(directory_init, "identity_listens", shut)
    before = given["settings"].read_text()
    with pytest.raises(CommandFailed, match="may not administer"):
        directory_init.init(**given)
    assert given["settings"].read_text() == before
    assert not (given["settings"].parent / "directory.password").exists()


@pytest.fixture
def of_daemon():
    """The settings file of an installation whose user is daemon."""
    if os.geteuid() != 0:
        pytest.skip("needs root, which can be another user")
    with server_directory("directory") as folder:
        (folder / "run").mkdir()
        os.chown(folder / "run", DAEMON, DAEMON)
        runtime = f'runtime_dir = "{folder}/run"\ndatabase = "sqlite:///{folder}/none"\n\n[[listener]]'
        (folder / "handfast.toml").write_text(SETTINGS.replace("[[listener]]", runtime, 1))
        yield folder / "handfast.toml"


def test_root_asks_the_directory_as_identity_s_user_who_can_read_the_trial_password(of_daemon, monkeypatch):
    seen = []

    def ask(section, _):
        trial = section["bind_password_file"]
        seen.append((os.geteuid(), trial.stat().st_uid, trial.read_text()))
        return []

    monkeypatch.setattr(directory_init, "_ask_controllers", ask)
    whole, _ = parse_settings(of_daemon.read_text())
    answers = DirectoryAnswers((Server("dc1.contoso.lab"),), "r@contoso.lab", Path("/none"))
    directory_init._try_out((answers, "right", whole))
    assert seen == [(DAEMON, DAEMON, "right\n")]
    assert os.geteuid() == 0


def test_root_looks_somebody_up_as_identity_s_user(of_daemon, monkeypatch):
    seen = []

    async def find(*_):
        seen.append(os.geteuid())

    monkeypatch.setattr(checking, "find_in_directory", find)
    section = build_section(DirectoryAnswers((Server("dc1.contoso.lab"),), "r@contoso.lab", Path("/none")))
    of_daemon.write_text(f"{of_daemon.read_text()}\n{section}")
    with pytest.raises(CommandFailed, match="knows no account"):
        show("alice", settings=of_daemon)
    assert seen == [DAEMON]


@pytest.mark.parametrize(
    ("more", "words", "line"),
    [
        (
            'auth = "kerberos"\nspn = "HTTP/ex.contoso.lab"',
            {},
            "add-service svc-handfast HTTP/ex.contoso.lab",
        ),
        (
            'auth = "none"',
            {"delegate_to": ["HTTP/x.contoso.lab"]},
            "add-service svc-handfast HTTP/x.contoso.lab",
        ),
        (
            'auth = "none"\n[kerberos]\nprincipal = "svc-other@CONTOSO.LAB"\nkeytab = "/k"',
            {"delegate_to": ["HTTP/x.contoso.lab"]},
            "add-service svc-other HTTP/x.contoso.lab",
        ),
        ('auth = "none"', {}, ""),
    ],
)
def test_kerberos_behind_has_its_lines_too(domain, monkeypatch, tmp_path, capsys, more, words, line):
    settings, secret = tmp_path / "handfast.toml", tmp_path / "secret"
    settings.write_text(SETTINGS.replace('auth = "none"', more))
    secret.write_text("right\n")
    monkeypatch.setattr(directory_init, "parse_settings", lambda _: parse_settings(SETTINGS))
    directory_init.init(
        settings=settings,
        server=["dc1.contoso.lab"],
        bind_user="r@contoso.lab",
        password_file=secret,
        yes=True,
        **words,
    )
    said = capsys.readouterr().out
    assert line in said
    assert ("delegation" in said) == bool(line)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({}, "no domain controller was named"),
        ({"server": ["dc1.contoso.lab"], "bind_user": "CONTOSO\\r"}, "not a UPN"),
    ],
)
def test_what_is_missing_is_said(domain, tmp_path, words, problem):
    settings = tmp_path / "handfast.toml"
    settings.write_text(SETTINGS)
    with pytest.raises(CommandFailed, match=problem) as failed:
        directory_init.init(settings=settings, yes=True, **words)
    assert failed.value.exit_code is Exit.USAGE


def test_without_a_settings_file_there_is_nothing_to_write_into(domain, tmp_path):
    with pytest.raises(CommandFailed, match="no such file"):
        directory_init.init(settings=tmp_path / "none.toml", yes=True)


def test_a_settings_file_that_is_wrong_is_not_made_worse(domain, tmp_path):
    settings, secret = tmp_path / "handfast.toml", tmp_path / "secret"
    settings.write_text("[identity\n")
    secret.write_text("right\n")
    with pytest.raises(CommandFailed) as failed:
        directory_init.init(
            settings=settings,
            server=["dc1.contoso.lab"],
            bind_user="r@contoso.lab",
            password_file=secret,
            yes=True,
        )
    assert "[[directory.server]]" in failed.value.remedy
    assert not Path(tmp_path / "directory.password").exists()


def test_a_controller_that_is_no_name_is_said_with_how_to_write_one():
    way = directory_init.Way((Server("not_a name"),), None)
    with pytest.raises(CommandFailed, match="not_a name: not a DNS name") as failed:
        directory_init._reach(way)
    assert "dc1.contoso.lab=10.0.0.5" in failed.value.remedy


def test_the_keytab_that_is_not_there_yet_stands_before_the_check_that_would_miss_it(tmp_path, monkeypatch):
    kerberos = f'[kerberos]\nkeytab = "{tmp_path}/none"\nprincipal = "svc@CONTOSO.LAB"\n'
    whole, _ = parse_settings(f"{SETTINGS}\n{kerberos}")
    monkeypatch.setattr(directory_init, "identity_listens", lambda _: True)
    steps = directory_init._next_steps(whole, None, is_restart=False)
    assert steps[0] == "handfast directory check"
    assert f"{tmp_path}/none" in steps[1]
    assert steps[2:] == ["handfast settings check", "systemctl reload handfast"]
    assert directory_init._next_steps(whole, None, is_restart=True)[-1] == "systemctl restart handfast"
    odd = directory_init._next_steps(whole, Path("/srv/our mail.toml"), is_restart=True)
    assert odd[0] == "handfast directory check --settings '/srv/our mail.toml'"
    assert odd[-1] == "restart the service"


def test_the_domain_as_json():
    policy = Policy(5, timedelta(minutes=30), None, None)
    root = RootFacts("DC=x", "CN=Configuration,DC=x", "CN=DC1", 1, "dc1", NOW)
    domain = DomainFacts(root, "", "S-1", "CONTOSO", "contoso.lab", policy)
    assert domain_row([Seen("dc2", Step.CONNECT)]) is None
    row = domain_row([Seen("dc2", Step.CONNECT), Seen("dc1", Step.DONE, domain=domain)])
    assert row is not None
    assert (row["netbios_name"], row["dns_name"], row["policies"]) == ("CONTOSO", "contoso.lab", [])
    assert row["lockout"] == {"threshold": 5, "window_seconds": 1800.0, "duration_seconds": None}


def test_what_a_controller_calls_its_domain_begins_no_line_and_ends_no_quotes():
    root = RootFacts("DC=o\u2019neil\nPS> calc", "CN=Configuration", "CN=DC1", 1, "dc1", NOW)
    facts = DomainFacts(
        root, "", "S-1-5-21-1-2-3", "O'NEIL\x1b", "contoso.lab", Policy(5, timedelta(0), None, None)
    )
    lines = domain_lines([Seen("dc1", Step.DONE, domain=facts)], None, "o'neil\x1b@contoso.lab")
    assert all(map(str.isprintable, lines))
    container = "'CN=Deleted Objects,DC=o\u2019\u2019neil\\nPS> calc'"
    assert lines[-2:] == [
        f"         PS> dsacls {container} /takeownership",
        rf"         PS> dsacls {container} /g 'o''neil\x1b@contoso.lab:LCRP'    (Samba: docs/active-directory.md)",
    ]


def test_no_command_is_shown_that_looks_like_another():
    commands = build_delegation_commands("svc-gw@CONTOSO.LAB", ["HTTP/a\nPS> calc"])
    with pytest.raises(CommandFailed, match="can't be seen"):
        directory_init._show_commands(commands)
