"""`[[publication]]` and `[[policy]]`: what is published, and who may use it how."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from handfast.settings.base import Section


class BackendSettings(Section):
    """`[publication.backend]`: the servers behind one publication."""

    urls: tuple[str, ...] = Field(min_length=1)
    """`https://host[:port]` or `http://...`; tried in order of health."""
    host: str = ""
    """Host header sent behind; empty: the published host the client asked for."""
    path: str = ""
    """Path sent behind in place of the published one, where the server has another (e.g. SOGo's); empty: the same."""
    verify: Literal["ca", "pin-sha256"] = "ca"
    """How the servers' certificates are verified. There is no off."""
    ca_file: Path | None = None
    """PEM with the CA(s) of the back ends; None: the system's."""
    pin_sha256: tuple[str, ...] = ()
    """Accepted SHA-256 fingerprints of the servers' certificates, hex, with verify = "pin-sha256"."""
    server_name: str = ""
    """Name to send as SNI and to verify; empty: the host of the URL."""
    auth: Literal["stored", "header", "none"] = "none"
    """How accounts sign in behind: their stored secret, a header the server trusts, or not at all."""
    auth_header: str = "X-Remote-User"
    """With auth = "header": the header that names the account."""
    auth_header_value: Literal["user", "upn", "domain-user"] = "user"
    """With auth = "header": which name of the account."""
    connect_timeout_seconds: float = Field(5.0, gt=0)
    answer_timeout_seconds: float = Field(3660.0, gt=0)
    """To the first byte of an answer; a Ping may hang an hour."""
    idle_seconds: float = Field(30.0, gt=0)
    """Idle pooled connections end after this; keep it below the server's own timeout."""
    max_connections: int = Field(4000, ge=1)
    """Per worker and server."""
    health_path: str = ""
    """Path that answers 2xx or 3xx (or 401) while a server is well; empty: a TCP (and TLS) connection is the check."""
    health_every_seconds: float = Field(5.0, gt=0)


class PublicationSettings(Section):
    """One published application."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    kind: Literal["activesync"] = "activesync"
    hosts: tuple[str, ...] = Field(min_length=1)
    """Published host names, lower case."""
    listeners: tuple[str, ...] = ()
    """Listeners it is published on; empty: all."""
    networks: tuple[str, ...] = ()
    """Source networks it is published to; empty: all."""
    auth: tuple[Literal["basic", "ntlm"], ...] = ("basic",)
    """Methods offered; the order is the order of the challenges."""
    auth_realm: str = "Handfast"
    channel_binding: Literal["off", "allow", "require"] = "allow"
    require_mic: bool = False
    human_secrets: bool = False
    """True lets local accounts sign in with their PIN."""
    policy: str = "default"
    """Name of the `[[policy]]` for its devices."""
    max_body_bytes: int = Field(64 * 1024 * 1024, ge=0)
    """Largest request body; 0: no limit."""
    backend: BackendSettings


class PolicySettings(Section):
    """Partnership: which devices may pair, and how."""

    name: str = "default"
    mode: Literal["first-use", "window", "approval", "listed", "inside"] = "window"
    device_limit: int = Field(10, ge=1, le=1000)
    pending_limit: int = Field(3, ge=1, le=100)
    allow_types: tuple[str, ...] = ()
    deny_types: tuple[str, ...] = ()
    allow_user_agents: tuple[str, ...] = ()
    deny_user_agents: tuple[str, ...] = ()
    allow_protocol_versions: tuple[str, ...] = ()
    deny_protocol_versions: tuple[str, ...] = ()
    companion_window_hours: float = Field(24.0, gt=0)
    two_networks_window_seconds: float = Field(60.0, ge=0)
    """One device id seen from two networks within this time is quarantined; 0: never."""


class LockoutSettings(Section):
    """`[lockout]`: failures within the window before human-chosen secrets are no longer evaluated."""

    window_minutes: float = Field(15.0, gt=0)
    per_account_and_source: int = Field(10, ge=1)
    per_account: int = Field(50, ge=1)
    per_source: int = Field(100, ge=1)
    familiar_days: float = Field(30.0, gt=0)
