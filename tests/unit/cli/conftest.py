"""A command line whose administration is a fake that answers from a script and remembers what it was asked."""

from __future__ import annotations

import contextlib
import json

import pytest
from typer.testing import CliRunner

from handfast.cli import app, audit, bind_refusals, connection, doctor


class AdministrationError(Exception):
    """As identity's: kind, message, remedy."""

    def __init__(self, kind, message, remedy=""):
        super().__init__(message)
        self.kind, self.message, self.remedy = kind, message, remedy


class FakeAdministration:
    def __init__(self):
        self.calls = []
        self.openings = 0
        self.answers = {}

    def call(self, method, **arguments):
        json.dumps(arguments)  # what crosses the socket is JSON
        self.calls.append((method, arguments))
        answer = self.answers.get(method)
        if isinstance(answer, Exception):
            raise answer
        return answer(**arguments) if callable(answer) else answer


class Line:
    """Runs commands as a shell would."""

    def __init__(self, administration, settings_file):
        self.administration = administration
        self.settings_file = settings_file

    def __call__(self, *arguments, stdin=None, settings=True):
        more = ["--settings", str(self.settings_file)] if settings else []
        return CliRunner().invoke(app, [*arguments, *more], input=stdin)


@pytest.fixture
def settings_file(tmp_path):
    file = tmp_path / "handfast.toml"
    file.write_text(
        f"""
[identity]
database = "sqlite:///{tmp_path}/handfast.db"
key_file = "{tmp_path}/handfast.key"
runtime_dir = "{tmp_path}"
"""
    )
    return file


@pytest.fixture
def administration(monkeypatch):
    fake = FakeAdministration()

    @contextlib.contextmanager
    def opened(_settings):
        fake.openings += 1
        yield fake

    for module in (connection, audit, bind_refusals, doctor):
        monkeypatch.setattr(module, "open_administration", opened)
    return fake


@pytest.fixture
def line(administration, settings_file):
    return Line(administration, settings_file)


@pytest.fixture
def refusal():
    return AdministrationError
