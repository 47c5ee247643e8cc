"""Commands whose files are loaded when they are called: `handfast account list` need not wait for the doctor."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.main import get_group

from handfast.cli.exits import ReportingGroup

FILES = {
    "explain": "explain",
    "doctor": "doctor",
    "init": "init",
    "serve": "run",
    "gateway": "run",
    "identity": "run",
    "demo": "run",
    "worker": "run",
    "account": "account",
    "app-password": "app_password",
    "device": "device",
    "directory": "directory",
    "window": "window",
    "counter": "counter",
    "backend-secret": "backend_secret",
    "audit": "audit",
    "policy": "policy",
    "settings": "settings",
    "kerberos": "kerberos",
    "key": "key",
    "pki": "pki",
}
"""Each command and the module of this package that holds it, in the order of `--help`."""


class OnDemandGroup(ReportingGroup):
    """The root command: it knows the names of all commands, and loads the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()


class _Commands(MutableMapping[str, Any]):
    """Commands by name, as a group keeps them; a file is loaded when one of its commands is looked up."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded |= _load(FILES[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*FILES, *self._loaded]))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _load(file: str) -> dict[str, Any]:
    """The commands of one file: a group called `commands`, or what its `register` adds."""
    module = import_module(f"handfast.cli.{file}")
    holder = typer.Typer()
    if hasattr(module, "commands"):
        holder.add_typer(module.commands)
    else:
        module.register(holder)
    return dict(get_group(holder).commands)
