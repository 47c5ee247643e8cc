import json
import os
from pathlib import Path

import pytest

from handfast.settings.load import SettingsError, load_settings, parse_settings, settings_path

GOOD = """
[identity]
database = "sqlite:////tmp/x.db"

[[listener]]
name = "outside"
address = "0.0.0.0:443"
certificate = "/etc/x.pem"
key = "/etc/x.key"

[[publication]]
name = "eas"
hosts = ["mail.example.com"]
backend.urls = ["https://exchange.example.lan"]
"""


def problems_of(text, environment=None):
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, environment or {})
    return {one.path: one for one in caught.value.problems}


def test_a_good_file_is_good():
    settings, warnings = parse_settings(GOOD)
    assert settings.listeners[0].name == "outside"
    assert settings.publications[0].backend.urls == ("https://exchange.example.lan",)
    assert settings.policies[0].name == "default"
    assert warnings == ()


def test_every_problem_at_once():
    found = problems_of(
        """
        flavour = 1
        [gateway]
        workers = "4"
        [[listener]]
        name = "Outside"
        adress = "0.0.0.0:443"
        [[listener]]
        name = "inside"
        address = "10.0.0.1"
        [[listener]]
        name = "third"
        address = "10.0.0.1:443"
        certificate = "/x.pem"
        [[publication]]
        name = "eas"
        hosts = ["Mail.example.com"]
        backend.urls = ["ftp://x"]
        [[publication]]
        name = "eas2"
        hosts = ["a.example.com"]
        listeners = ["fourth"]
        policy = "none"
        backend.urls = ["https://x"]
        """
    )
    assert set(found) == {
        "flavour",
        "gateway.workers",
        "listener[0].name",
        "listener[0].address",
        "listener[0].adress",
        "listener[1].address",
        "listener[2].key",
        "publication[0].hosts[0]",
        "publication[0].backend.urls[0]",
        "publication[1].listeners[0]",
        "publication[1].policy",
    }
    assert all(one.remedy and one.problem for one in found.values())
    assert found["listener[0].adress"].remedy == 'did you mean "address"?'
    assert found["publication[0].hosts[0]"].remedy == 'write "mail.example.com"'
    assert found["gateway.workers"].value == '"4"'


def test_numbers_are_not_text_and_text_is_no_number():
    assert "gateway.workers" in problems_of("[gateway]\nworkers = '4'")
    assert "gateway.workers" in problems_of("[gateway]\nworkers = true")
    assert "gateway.node" in problems_of("[gateway]\nnode = 4")
    assert "gateway.grant_grace_seconds" in problems_of("[gateway]\ngrant_grace_seconds = inf")
    assert "lockout.window_minutes" in problems_of("[lockout]\nwindow_minutes = inf")
    assert parse_settings("[gateway]\ngrant_grace_seconds = 5")[0].gateway.grant_grace_seconds == 5.0


def test_toml_syntax_error_says_where():
    (problem,) = problems_of("[gateway]\nworkers = = 3\n").values()
    assert problem.path.startswith("line 2, column 11")
    (problem,) = problems_of("[gateway\n").values()
    assert problem.path.startswith("line 1")


def test_deep_nesting_is_a_problem_and_no_crash():
    assert problems_of("x = " + "[" * 5000 + "]" * 5000)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[identity]\ndatabase = "postgresql://u:geheim@h/x"', "identity.database"),
        ('[identity]\ndatabase_password = "geheim"', "identity.database_password"),
        (
            '[[publication]]\nname="a"\nhosts=["a.b"]\nbackend.urls=["https://u:geheim@h"]',
            "publication[0].backend.urls[0]",
        ),
        ('[identity]\nsecret = {value = "geheim"}', "identity.secret"),
    ],
)
def test_secrets_are_never_shown(text, path):
    found = problems_of(text)
    assert path in found
    assert "geheim" not in "".join(str(one) for one in found.values())


def test_values_are_short_and_on_one_line():
    (problem,) = problems_of("[gateway]\nnode = " + json.dumps("x\n" * 500)).values()
    assert len(problem.value) <= 60
    assert "\n" not in str(problem)


def test_environment_lays_over_the_file():
    environment = {
        "HANDFAST__GATEWAY__WORKERS": "3",
        "HANDFAST__IDENTITY__NTLM__DNS_DOMAIN": "42.example",
        "HANDFAST__IDENTITY__DATABASE": "sqlite:////tmp/other.db",
        "HANDFAST__GATEWAY__GRANT_GRACE_SECONDS": "1.5",
        "HANDFAST_SETTINGS": "/ignored/here",
    }
    settings, _ = parse_settings(GOOD, environment)
    assert settings.gateway.workers == 3
    assert settings.gateway.grant_grace_seconds == 1.5
    assert settings.identity.ntlm.dns_domain == "42.example"
    assert settings.identity.database == "sqlite:////tmp/other.db"


def test_environment_mistakes_are_problems():
    found = problems_of(
        GOOD,
        {
            "HANDFAST__GATEWAY__WORKER": "3",
            "HANDFAST__LISTENER__NAME": "x",
            "HANDFAST__PUBLICATION": "x",
            "HANDFAST__GATEWAY": "x",
            "HANDFAST__GATEWAY__IDENTITY": "x",
            "HANDFAST__NOWHERE__NODE": "x",
            "HANDFAST__LOG__LEVEL": "loud",
            "HANDFAST__GATEWAY__STOP_DEADLINE_SECONDS": "soon",
            "HANDFAST__IDENTITY__DATABASE_PASSWORD": "geheim",
        },
    )
    assert found["HANDFAST__GATEWAY__WORKER"].remedy == 'did you mean "workers"?'
    assert "arrays" in found["HANDFAST__PUBLICATION"].remedy
    assert "HANDFAST__GATEWAY__KEY" in found["HANDFAST__GATEWAY"].remedy
    assert "HANDFAST__NOWHERE__NODE" in found
    assert "HANDFAST__LISTENER__NAME" in found
    assert "log.level" in found
    assert "gateway.stop_deadline_seconds" in found
    assert "geheim" not in str(found["HANDFAST__IDENTITY__DATABASE_PASSWORD"])


def test_environment_over_a_value_where_a_table_belongs():
    assert "HANDFAST__GATEWAY__NODE" in problems_of("gateway = 3", {"HANDFAST__GATEWAY__NODE": "x"})


def test_environment_bytes_that_are_no_text():
    assert "gateway.node" in problems_of(GOOD, {"HANDFAST__GATEWAY__NODE": os.fsdecode(b"\xff")})


def test_the_file_is_found_in_order(tmp_path):
    assert settings_path(tmp_path / "a", {"HANDFAST_SETTINGS": "/b"}) == tmp_path / "a"
    assert str(settings_path(None, {"HANDFAST_SETTINGS": "/b"})) == "/b"
    assert str(settings_path(None, {})) == "/etc/handfast/handfast.toml"


def test_load_reads_file_and_environment(tmp_path):
    file = tmp_path / "h.toml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    loaded = load_settings(None, {"HANDFAST_SETTINGS": str(file), "HANDFAST__GATEWAY__NODE": "n1"})
    assert loaded.path == file
    assert loaded.settings.gateway.node == "n1"


def test_unreadable_files(tmp_path):
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "none.toml", {})
    assert caught.value.is_missing
    assert "handfast init" in caught.value.problems[0].remedy
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, {})
    assert not caught.value.is_missing
    (tmp_path / "latin.toml").write_bytes(b"# ok\nx = '\xe4'\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "latin.toml", {})
    assert caught.value.problems[0].path == "line 2"
    (tmp_path / "big.toml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(SettingsError, match="4 MiB"):
        load_settings(tmp_path / "big.toml", {})


@pytest.mark.parametrize("name", ["CONTOSO\\Group", "CONTOSO\\Users"])
def test_a_backslash_that_stands_alone_is_told_as_one(tmp_path, name):
    (tmp_path / "one.toml").write_text(f'a = "{name}"\n')
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "one.toml", {})
    assert '"CONTOSO\\\\Group"' in caught.value.problems[0].remedy


def test_a_file_that_may_not_be_read_is_told_with_a_command_whatever_it_is_called(tmp_path, monkeypatch):
    def refuse(_self, _mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SettingsError) as failed:
        load_settings(tmp_path / "our mail.toml")
    [problem] = failed.value.problems
    assert f"chmod o+r '{tmp_path}/our mail.toml' lets you" in problem.remedy
