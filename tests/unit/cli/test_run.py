import sys
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handfast.cli import app, run
from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.installation.questions import Questions


@pytest.fixture
def calls(monkeypatch):
    import handfast

    made = []
    fake = types.ModuleType("handfast.app")
    for name in ("serve", "gateway", "identity", "demo", "worker"):
        setattr(fake, name, lambda *arguments, name=name: made.append((name, *arguments)) or 0)
    monkeypatch.setitem(sys.modules, "handfast.app", fake)
    monkeypatch.setattr(handfast, "app", fake, raising=False)
    monkeypatch.setattr(run, "drop_capabilities", lambda: made.append("dropped"))
    fake.made = made
    return fake


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["serve", "--settings", "/s"], [("serve", Path("/s"))]),
        (["serve"], [("serve", None)]),
        (["gateway", "--settings", "/s"], [("gateway", Path("/s"))]),
        (["identity"], [("identity", None)]),
        (["demo"], [("demo", 0, "first-use", None)]),
        (
            ["demo", "--port", "8443", "--mode", "listed", "--ready-file", "/r"],
            [("demo", 8443, "listed", Path("/r"))],
        ),
        (["worker", "gateway", "--settings", "/s"], ["dropped", ("worker", "gateway", Path("/s"))]),
    ],
)
def test_verbs_reach_the_composition_root(calls, arguments, expected):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert calls.made == expected


def test_a_worker_ends_with_its_own_code(calls):
    calls.worker = lambda *_: 3
    assert CliRunner().invoke(app, ["worker", "gateway"]).exit_code == 3


def test_what_cannot_start_says_so_in_a_line(calls):
    def refuse(_settings):
        raise CommandFailed(Exit.UNAVAILABLE, "port 443 is taken", "stop what uses it")

    calls.serve = refuse
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 3
    assert result.stderr == "handfast: port 443 is taken\n  -> stop what uses it\n"


def test_bad_modes_and_ports_are_usage():
    assert CliRunner().invoke(app, ["demo", "--mode", "always"]).exit_code == 2
    assert CliRunner().invoke(app, ["demo", "--port", "70000"]).exit_code == 2


def test_the_worker_verb_is_not_for_people():
    assert "worker  " not in CliRunner().invoke(app, ["--help"]).stdout


def test_one_thing_wrong_with_the_settings_has_one_remedy(tmp_path):
    result = CliRunner().invoke(app, ["account", "list", "--settings", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"handfast: settings: {tmp_path}: Is a directory",
        "  -> run this as root, or name a file that you may read",
    ]


def test_a_question_left_without_an_answer_changes_nothing_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("handfast.cli.init.Questions", lambda asks: Questions(asks=True))
    result = CliRunner().invoke(app, ["init", "--directory", str(tmp_path / "t")], input="")
    assert result.exit_code == 1
    assert "nothing was changed" in result.stderr
    assert not (tmp_path / "t").exists()
