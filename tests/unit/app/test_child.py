"""What a child says of a reload that did not happen."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.app import child
from handfast.keys.key_file import KeyFileError
from handfast.settings.problems import Problem, SettingsError
from handfast.storage.owned_files import NotOurs


class Output:
    def reopen(self) -> None:
        """Nothing is written."""


class Service:
    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def reload(self, _settings: object) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def log(monkeypatch):
    lines: list[tuple[str, dict]] = []

    class Log:
        def error(self, event, **fields):
            lines.append((event, fields))

    monkeypatch.setattr(child, "_LOG", Log())
    return lines


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SettingsError([Problem("policy[0].mode", "", "is none", "write one")]), "policy[0].mode: is none"),
        (ValueError("directory: no such file"), "ValueError: directory: no such file"),
        (RuntimeError("a mistake of ours"), "RuntimeError: a mistake of ours"),
    ],
)
async def test_whatever_keeps_the_new_settings_from_being_taken_is_said(error, words, log, monkeypatch):
    monkeypatch.setattr(child, "load_settings", lambda _: type("Loaded", (), {"settings": None}))
    await child._reload(None, Service(error), Output())
    [(event, fields)] = log
    assert event == "reload-failed"
    assert words in fields["error"]
    assert "stay in force" in fields["remedy"]


@pytest.mark.parametrize(
    ("error", "said", "remedy"),
    [
        (KeyFileError(Path("/k"), "there is none", "Make one"), "key file /k: there is none", "Make one"),
        (NotOurs("it is shut", "chown it"), "it is shut", "chown it"),
        (ValueError("what"), "ValueError: what", ""),
    ],
)
def test_a_remedy_is_said_once(error, said, remedy):
    assert child._plain(error) == (said, remedy)


async def test_a_reload_that_happened_says_nothing_of_failures(log, monkeypatch):
    monkeypatch.setattr(child, "load_settings", lambda _: type("Loaded", (), {"settings": None}))
    await child._reload(None, Service(None), Output())
    assert log == []
