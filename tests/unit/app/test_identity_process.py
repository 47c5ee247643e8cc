"""A reload of identity: all of it, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from handfast.app import identity_process
from handfast.app.identity_process import IdentityProcess
from handfast.settings.model import Settings

SETTINGS = {
    "identity": {"default_domain": "CONTOSO"},
    "publication": [
        {"name": "mail", "hosts": ["mail.contoso.com"], "backend": {"urls": ["https://10.0.0.1"]}},
    ],
}
PARTS = ("_pipeline", "_desk", "_devices", "_policies", "_subject_watch", "_roles", "_gateway_api")


class Part:
    """Whatever takes the new settings; keeps what it was told."""

    def __init__(self, name: str, told: list[str]) -> None:
        self._name, self._told = name, told

    def __getattr__(self, call: str) -> Any:
        return lambda *_: self._told.append(self._name)


class Sync:
    """Takes the settings of the directory first, because those can still be refused."""

    def __init__(self, told: list[str]) -> None:
        self.told, self.error = told, None

    async def reload(self, _settings: Settings) -> None:
        if self.error is not None:
            raise self.error
        self.told.append("_sync")


@pytest.fixture
def process():
    one = IdentityProcess(Settings.model_validate(SETTINGS))
    one.told = []
    one._sync = Sync(one.told)
    for name in PARTS:
        setattr(one, name, Part(name, one.told))
    return one


async def test_every_part_takes_the_new_settings(process):
    new = Settings.model_validate(
        {
            **SETTINGS,
            "lockout": {"per_source": 7},
            "identity": {**SETTINGS["identity"], "default_domain": "OTHER"},
        }
    )
    before = process._settings.identity
    await process.reload(new)
    assert process.told == ["_sync", *PARTS]
    assert process._settings.lockout == new.lockout
    assert process._settings.identity == before, "it waits for a restart, as whoever reloads is told"


async def test_a_directory_that_can_not_be_opened_leaves_every_part_as_it_was(process):
    before = process._settings
    process._sync.error = ValueError("directory: no such file")
    with pytest.raises(ValueError, match="no such file"):
        await process.reload(Settings.model_validate(SETTINGS))
    assert process.told == []
    assert process._settings is before


async def test_settings_that_make_no_publication_leave_the_directory_as_it_was(process, monkeypatch):
    def fail(_settings: Settings) -> None:
        raise KeyError("policy")

    monkeypatch.setattr(identity_process, "build_publications", fail)
    with pytest.raises(KeyError):
        await process.reload(Settings.model_validate(SETTINGS))
    assert process.told == []
