"""What `handfast init` must know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SERVICE_USER = "handfast"
"""Runs supervisor and identity; owns database and key file."""
WORKER_USER = "handfast-gateway"
"""Runs the gateway workers; can read neither."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The questions' answers. `directory` and `data` are as the service will see them, without any staging root."""

    host: str
    backend: str
    certificate: Path | None
    key: Path | None
    address: str = "0.0.0.0:443"
    mode: str = "window"
    auth: str = "none"
    directory: Path = Path("/etc/handfast")
    data: Path = Path("/var/lib/handfast")
    runtime: Path = Path("/run/handfast")
    worker_user: str = WORKER_USER

    @property
    def settings_file(self) -> Path:
        """Where the settings are."""
        return self.directory / "handfast.toml"

    @property
    def key_file(self) -> Path:
        """Where the key file is."""
        return self.directory / "handfast.key"
