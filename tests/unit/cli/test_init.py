import json
import os
import pwd
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from handfast.cli import app
from handfast.cli.installation import steps
from handfast.cli.installation.answers import Answers
from handfast.cli.installation.settings_file import build_settings_file, quoted
from handfast.keys.key_file import load_key_file
from handfast.settings.load import load_settings, parse_settings


def run(*arguments):
    return CliRunner().invoke(app, ["init", "--yes", *arguments])


def test_a_trial_needs_no_root_and_makes_good_settings(tmp_path):
    result = run("--directory", str(tmp_path / "trial"), "--host", "eas.example.org", "--mode", "first-use")
    assert result.exit_code == 0, result.output
    loaded = load_settings(tmp_path / "trial/handfast.toml", {})
    assert loaded.warnings == ()
    assert loaded.settings.publications[0].hosts == ("eas.example.org",)
    assert loaded.settings.policies[0].mode == "first-use"
    assert loaded.settings.gateway.user == ""
    assert stat.S_IMODE((tmp_path / "trial/handfast.toml").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "trial/data").stat().st_mode) == 0o700
    assert load_key_file(tmp_path / "trial/handfast.key")
    assert "handfast serve --settings" in result.stdout


def test_a_staged_installation_has_units_and_no_users(tmp_path):
    result = run("--root", str(tmp_path), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["settings"] == f"{tmp_path}/etc/handfast/handfast.toml"
    assert not any(one.startswith("user") for one in told["done"])
    settings = load_settings(tmp_path / "etc/handfast/handfast.toml", {}).settings
    assert settings.identity.key_file == Path("/etc/handfast/handfast.key")
    assert settings.gateway.user == "handfast-gateway"
    assert stat.S_IMODE((tmp_path / "etc/handfast/handfast.key").stat().st_mode) == 0o600
    units = {one.name for one in (tmp_path / "etc/systemd/system").iterdir()}
    assert units == {"handfast.service", "handfast-gateway.service", "handfast-identity.service"}


def test_nothing_is_overwritten_unless_forced_and_the_key_never(tmp_path):
    folder = str(tmp_path / "t")
    assert run("--directory", folder).exit_code == 0
    key = (tmp_path / "t/handfast.key").read_bytes()
    before = (tmp_path / "t/handfast.toml").read_bytes()
    result = run("--directory", folder, "--host", "new.example.org")
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert (tmp_path / "t/handfast.toml").read_bytes() == before
    assert run("--directory", folder, "--host", "new.example.org", "--force").exit_code == 0
    assert b"new.example.org" in (tmp_path / "t/handfast.toml").read_bytes()
    assert (tmp_path / "t/handfast.key").read_bytes() == key


def test_units_that_exist_are_kept(tmp_path):
    folder = tmp_path / "etc/systemd/system"
    folder.mkdir(parents=True)
    (folder / "handfast.service").write_text("mine")
    assert run("--root", str(tmp_path)).exit_code == 0
    assert (folder / "handfast.service").read_text() == "mine"


def test_answers_that_can_not_work_are_refused_before_anything_is_written(tmp_path):
    result = run(
        "--directory",
        str(tmp_path / "t"),
        "--host",
        "Mail.Example.com",
        "--backend",
        "exchange",
        "--address",
        "443",
    )
    assert result.exit_code == 1
    assert result.stderr.count("settings: ") + result.stderr.count("handfast: settings") >= 3
    assert not (tmp_path / "t").exists()


def test_etc_is_for_root_alone(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = run()
    assert result.exit_code == 1
    assert "root" in result.stderr


def test_a_program_that_the_units_hide_is_refused_before_anything_is_written(monkeypatch):
    from handfast.cli import init

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(init, "_program", lambda: "/root/handfast/.venv/bin/handfast")
    monkeypatch.setattr(steps, "install", lambda *_a, **_k: pytest.fail("something was written"))
    result = run()
    assert result.exit_code == 1
    assert "could not start /root/handfast/.venv/bin/handfast" in result.stderr
    assert "/opt/handfast" in result.stderr


def test_questions_are_asked_at_a_terminal(tmp_path, monkeypatch):
    from handfast.cli import init

    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr(init, "sys", type("S", (), {"stdin": Terminal(), "executable": "/usr/bin/python3"}))
    answers = "Ask.Example.org\nask.example.org\n\nexchange\nhttps://ex.lan\n/c.pem\n/c.key\nsometimes\napproval\nheader\n"
    result = CliRunner().invoke(app, ["init", "--directory", str(tmp_path / "t")], input=answers)
    assert result.exit_code == 0, result.output
    settings = load_settings(tmp_path / "t/handfast.toml", {}).settings
    assert settings.publications[0].hosts == ("ask.example.org",)
    assert settings.policies[0].mode == "approval"
    assert settings.publications[0].backend.auth == "header"
    assert "one of: first-use" in result.stderr
    assert 'lower case; write "ask.example.org"' in result.stderr
    assert "not an http or https URL" in result.stderr


def test_exchange_by_kerberos_is_asked_for_step_by_step(tmp_path, monkeypatch):
    from handfast.cli import init

    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr(init, "sys", type("S", (), {"stdin": Terminal(), "executable": "/usr/bin/python3"}))
    answers = [
        *("mail.example.org", "exchange", "example.org, example.net", "https://ex1.contoso.lab:8443"),
        *("", "", "", "kerberos", "HTTP/mail.contoso.lab", ""),
    ]
    result = CliRunner().invoke(
        app, ["init", "--directory", str(tmp_path / "t")], input="\n".join(answers) + "\n"
    )
    assert result.exit_code == 0, result.output
    settings = load_settings(tmp_path / "t/handfast.toml", {}).settings
    (one,) = settings.publications
    assert (one.name, one.kind, one.auth) == ("mail", "exchange", ("ntlm", "basic"))
    assert one.hosts == ("mail.example.org", "autodiscover.example.org", "autodiscover.example.net")
    assert one.autodiscover.mail_domains == ("example.org", "example.net")
    assert one.autodiscover.inside_names == ("contoso.lab",)
    assert (one.backend.auth, one.backend.spn) == ("kerberos", "HTTP/mail.contoso.lab")
    assert settings.kerberos.principal == "svc-handfast@CONTOSO.LAB"
    assert settings.kerberos.keytab == tmp_path / "t/handfast.keytab"
    steps = result.stdout.partition("Next:")[2].splitlines()
    order = ["directory init", "handfast.keytab", "settings check", "serve", "kerberos check", "window open"]
    places = [next(at for at, step in enumerate(steps) if word in step) for word in order]
    assert places == sorted(places)
    assert "backend-secret" not in result.stdout
    assert "account add" not in result.stdout


@pytest.mark.parametrize(
    ("backend", "inside"),
    [
        ("https://ex1.corp.example.org", ["corp.example.org"]),
        ("https://ex1.example.org", ["ex1.example.org"]),
        ("https://exchange", ["exchange"]),
        ("https://ex1.contoso.lab", ["contoso.lab"]),
    ],
)
def test_a_domain_that_is_published_is_not_hidden(tmp_path, backend, inside):
    options = ("--kind", "exchange", "--host", "mail.example.org", "--backend", backend)
    assert run("--directory", str(tmp_path / "t"), *options).exit_code == 0
    settings = load_settings(tmp_path / "t/handfast.toml", {}).settings
    assert list(settings.publications[0].autodiscover.inside_names) == inside


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (("--spn", "HTTP/x.y"), "--auth kerberos"),
        (("--principal", "a@B"), "--auth kerberos"),
        (("--mail-domain", "example.org"), "--kind exchange"),
        (("--auth", "kerberos", "--backend", "https://exchange"), "svc-handfast@CONTOSO.LAB"),
        (("--auth", "kerberos", "--spn", "HTTP/x.y"), "--principal"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_a_remedy(tmp_path, options, remedy):
    result = run("--directory", str(tmp_path / "t"), *options)
    assert result.exit_code
    assert remedy in result.stderr
    assert not (tmp_path / "t").exists()


def test_users_are_made_once_and_in_order(monkeypatch, tmp_path):
    made = []

    class Ran:
        returncode = 0
        stderr = ""

    def add(command, **_options):
        made.append(command)
        return Ran

    monkeypatch.setattr(steps.shutil, "which", lambda *_a, **_k: "/usr/sbin/useradd")
    monkeypatch.setattr(steps.subprocess, "run", add)
    known = {"handfast": pwd.getpwuid(0)}

    def find(name):
        if name not in known:
            raise KeyError(name)
        return known[name]

    monkeypatch.setattr(steps.pwd, "getpwnam", find)
    site = steps.Site(tmp_path, is_live=True)
    steps._make_users(site)
    assert [one[-1] for one in made] == ["handfast-gateway"]
    assert "--shell" in made[0]
    assert site.done == ["user handfast-gateway"]
    known.clear()
    made.clear()
    steps._make_users(site)
    assert [one[-1] for one in made] == ["handfast-gateway", "handfast"]
    assert made[1][made[1].index("--groups") + 1] == "handfast-gateway"
    Ran.returncode, Ran.stderr = 9, "no"
    with pytest.raises(steps.CommandFailed, match="no"):
        steps._make_users(site)
    monkeypatch.setattr(steps.shutil, "which", lambda *_a, **_k: None)
    with pytest.raises(steps.CommandFailed, match="useradd"):
        steps._make_users(site)


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_quoted_as_toml(text):
    import tomllib

    assert tomllib.loads(f"x = {quoted(text)}")["x"] == text


def test_a_listener_without_certificate_is_for_loopback():
    text = build_settings_file(Answers("a.b", "https://x", None, None, address="127.0.0.1:8080"))
    assert parse_settings(text)[0].listeners[0].certificate is None
