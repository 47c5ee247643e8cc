"""`[[publication]]` and `[[policy]]`: what is published, and who may use it how."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from handfast.settings.base import Section
from handfast.settings.values import (
    AbsolutePath,
    BackendUrl,
    CalledName,
    Fingerprint,
    HeaderName,
    HeaderText,
    HostName,
    Network,
    OptionalHostName,
    PublishedPath,
)


class BackendSettings(Section):
    """`[publication.backend]`: the servers behind one publication."""

    urls: tuple[BackendUrl, ...] = Field(min_length=1)
    """`https://host[:port]` or `http://...`; tried in order of health."""
    host: OptionalHostName = ""
    """Host header sent behind; empty: the published host the client asked for."""
    path: PublishedPath = ""
    """Path sent behind in place of the published one, where the server has another (e.g. SOGo's); empty: the same."""
    verify: Literal["ca", "pin-sha256"] = "ca"
    """How the servers' certificates are verified. There is no off."""
    ca_file: AbsolutePath | None = None
    """PEM with the CA(s) of the back ends; None: the system's."""
    pin_sha256: tuple[Fingerprint, ...] = ()
    """Accepted SHA-256 fingerprints of the servers' certificates, hex, with verify = "pin-sha256"."""
    server_name: OptionalHostName = ""
    """Name to send as SNI and to verify; empty: the host of the URL."""
    auth: Literal["stored", "header", "none"] = "none"
    """How accounts sign in behind: their stored secret, a header the server trusts, or not at all."""
    auth_header: HeaderName = "X-Remote-User"
    """With auth = "header": the header that names the account."""
    auth_header_value: Literal["user", "upn", "domain-user"] = "user"
    """With auth = "header": which name of the account."""
    connect_timeout_seconds: float = Field(5.0, gt=0)
    """For the TCP and TLS connection to one server."""
    answer_timeout_seconds: float = Field(3660.0, gt=0)
    """To the first byte of an answer; a Ping may hang an hour."""
    idle_seconds: float = Field(30.0, ge=0)
    """Idle pooled connections end after this; keep it below the server's own timeout. 0: one request a connection, for
    servers that close after each answer (SOGo)."""
    max_connections: int = Field(4000, ge=1)
    """Per worker and server."""
    health_path: PublishedPath = ""
    """Path that answers 2xx or 3xx (or 401) while a server is well; empty: a TCP (and TLS) connection is the check."""
    health_every_seconds: float = Field(5.0, gt=0)
    """Between two checks of one server."""


class PublicationSettings(Section):
    """One published application."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """How logs, stored secrets and node certificates call it."""
    kind: Literal["activesync"] = "activesync"
    """What is published; it brings its own list of paths and methods that may pass."""
    hosts: tuple[HostName, ...] = Field(min_length=1)
    """Published host names, lower case."""
    listeners: tuple[str, ...] = ()
    """Listeners it is published on; empty: all."""
    networks: tuple[Network, ...] = ()
    """Source networks it is published to; empty: all."""
    auth: tuple[Literal["basic", "ntlm"], ...] = Field(("basic",), min_length=1)
    """Methods offered; the order is the order of the challenges."""
    auth_realm: HeaderText = "Handfast"
    """Shown by clients when they ask for a password; name nothing of the inside."""
    offer_negotiate: bool = False
    """True also names `Negotiate` in challenges (with `ntlm` in `auth`). NTLM inside it is taken either way; but clients
    with Kerberos at hand, which is not served here, try that first and some give up then."""
    channel_binding: Literal["off", "allow", "require"] = "allow"
    """Whether an NTLM sign-in must be bound to this TLS connection: `allow` checks a binding that is there."""
    require_mic: bool = False
    """True refuses NTLM sign-ins without a message integrity code."""
    ntlm_targets: tuple[CalledName, ...] = ()
    """Names and addresses beside `hosts` that clients may dial: NTLM clients say what they dialled, and any other
    target is refused as meant for another service."""
    human_secrets: bool = False
    """True lets local accounts sign in with their PIN."""
    policy: str = "default"
    """Name of the `[[policy]]` for its devices."""
    max_body_bytes: int = Field(64 * 1024 * 1024, ge=0)
    """Largest request body; 0: no limit."""
    backend: BackendSettings
    """The servers behind it."""


class PolicySettings(Section):
    """Partnership: which devices may pair, and how."""

    name: str = "default"
    """How publications call it."""
    mode: Literal["first-use", "window", "approval", "listed", "inside"] = "window"
    """`first-use`: the first device of a fresh password; `window`: one device while its owner's window is open;
    `approval`: after someone said yes; `listed`: imported ones only; `inside`: enrol on an inside listener."""
    device_limit: int = Field(10, ge=1, le=1000)
    """Devices an account may have."""
    pending_limit: int = Field(3, ge=1, le=100)
    """Devices of an account that may wait for approval."""
    allow_types: tuple[str, ...] = ()
    """Device types that may be used (`*` and `?` match, case does not matter); empty: all."""
    deny_types: tuple[str, ...] = ()
    """Device types that may not; wins over the allow list."""
    allow_user_agents: tuple[str, ...] = ()
    """User agents that may be used; empty: all."""
    deny_user_agents: tuple[str, ...] = ()
    """User agents that may not."""
    allow_protocol_versions: tuple[str, ...] = ()
    """Protocol versions that may be spoken, e.g. "16.1"; empty: all."""
    deny_protocol_versions: tuple[str, ...] = ()
    """Protocol versions that may not."""
    companion_window_hours: float = Field(24.0, gt=0)
    """Channels without a device id pass while the bound device was active within this time."""
    two_networks_window_seconds: float = Field(60.0, ge=0)
    """One device id seen from two networks within this time is quarantined; 0: never."""


class LockoutSettings(Section):
    """`[lockout]`: failures within the window before human-chosen secrets are no longer evaluated."""

    window_minutes: float = Field(15.0, gt=0)
    """The window in which failures are counted."""
    per_account_and_source: int = Field(10, ge=1)
    """Failures of one account from one source."""
    per_account: int = Field(50, ge=1)
    """Failures of one account from anywhere."""
    per_source: int = Field(100, ge=1)
    """Failures from one source (IPv4 address, IPv6 /64), whatever the account."""
    familiar_days: float = Field(30.0, gt=0)
    """Account, device and network with a success in so many days have a counter of their own."""
