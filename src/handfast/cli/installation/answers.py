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
    """The questions' answers. `directory` and `data` are as the service will see them, without any staging root.

    `mail_domains` and `inside_names` count with kind "exchange", `spn` and `principal` with auth "kerberos".
    """

    host: str
    backend: str
    certificate: Path | None
    key: Path | None
    address: str = "0.0.0.0:443"
    kind: str = "activesync"
    mail_domains: tuple[str, ...] = ()
    inside_names: tuple[str, ...] = ()
    mode: str = "window"
    auth: str = "none"
    spn: str = ""
    principal: str = ""
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

    @property
    def keytab(self) -> Path:
        """Where the service account's keys are looked for; the domain's administrator brings them."""
        return self.directory / "handfast.keytab"

    @property
    def publication(self) -> str:
        """How the publication is called, in stored secrets for one."""
        return "mail" if self.kind == "exchange" else "activesync"
