"""What of the settings a running service took once, at its start: a reload leaves it as it was, and says so.

The service leaves a note of these values in its runtime directory, as digests, so that `handfast settings check` can tell which of
them are others now.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from handfast.observability.logging import event_log
from handfast.settings.model import Settings

NOTE_NAME = "started-with.json"
SECTIONS = ("log", "metrics")
IDENTITY_SECTIONS = ("identity", "kerberos")
"""Of machines where identity runs. The Kerberos library reads its own settings from the environment and from files that stand
before it is loaded.
"""
GATEWAY_FIELDS = ("node", "workers", "user", "stop_deadline_seconds", "identity")

_LOG = event_log("supervisor")

StartValues = Mapping[str, str]
"""Digests by the settings' dotted names."""


def start_values(settings: Settings) -> StartValues:
    """What a start would take for good."""
    values = settings.model_dump(mode="json", by_alias=True)
    sections = SECTIONS if settings.gateway.identity is not None else (*IDENTITY_SECTIONS, *SECTIONS)
    found = {f"{section}.{name}": value for section in sections for name, value in values[section].items()}
    found |= {f"gateway.{name}": values["gateway"][name] for name in GATEWAY_FIELDS}
    return {name: _digest(value) for name, value in found.items()}


def waiting_for_restart(started_with: StartValues, settings: Settings) -> list[str]:
    """The names of those that are others now. Names that one side does not know are another version's, and left out."""
    now = start_values(settings)
    return [name for name, digest in started_with.items() if now.get(name, digest) != digest]


def leave_note(settings: Settings) -> None:
    """Says so in the log where it can't: the service serves without it."""
    path = _note(settings)
    text = json.dumps(start_values(settings)).encode()
    try:
        path.unlink(missing_ok=True)
        # Root may start the service in a folder of its user's: what lies there by that name is never written through.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
    except OSError as error:
        remedy = "`handfast settings check` can't tell what waits for a restart"
        _LOG.warning("start-note-not-left", path=str(path), error=error.strerror, remedy=remedy)


def remove_note(settings: Settings) -> None:
    """At the end of the service."""
    with contextlib.suppress(OSError):
        _note(settings).unlink()


def read_note(settings: Settings) -> StartValues:
    """What the running service was started with; empty where none runs, or its note may not be read."""
    try:
        found = json.loads(_note(settings).read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): str(digest) for name, digest in found.items()} if isinstance(found, dict) else {}


def with_start_values(settings: Settings, running: Settings) -> Settings:
    """The settings of a reload as they are in force: what waits for a restart is as it was."""
    return settings.model_copy(update={name: getattr(running, name) for name in IDENTITY_SECTIONS})


def _note(settings: Settings) -> Path:
    return settings.identity.runtime_dir / NOTE_NAME


def _digest(value: object) -> str:
    """Enough to compare: what the values are is the settings file's to tell."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
