"""What is measured: a proxy that runs, and how a client gets through it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

HOST = "mail.example.test"
MAIL_DOMAIN = "example.test"
DEVICE_ID = "BENCHPHONE0001"


@dataclass(frozen=True)
class Credential:
    """What the load generator signs in with; `scheme` is "basic" or "ntlm"."""

    scheme: str
    user: str
    password: str = field(repr=False)
    domain: str = ""

    def basic_header(self) -> str:
        """Value of an Authorization header."""
        return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True)
class Subject:
    """A running proxy: all CPU time and memory of `pid` and what it started are its own."""

    name: str
    pid: int
    port: int
    credential: Credential | None = None
    certificate: Path | None = None
    """What it shows; None where it speaks plain HTTP."""
    user: str = "bench"
    device_id: str = DEVICE_ID

    def target(self, command: str = "FolderSync") -> str:
        """The target of an ActiveSync command, the same for every subject.

        By the command the streaming back end knows what to do: hang on Ping, send much on ItemOperations.
        """
        return (
            f"/Microsoft-Server-ActiveSync?Cmd={command}&User={self.user}"
            f"&DeviceId={self.device_id}&DeviceType=BenchPhone"
        )
