"""`[[publication]]` and `[[policy]]`: what is published, and who may use it how."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from handfast.settings.autodiscover import AutodiscoverSettings
from handfast.settings.base import Section
from handfast.settings.ews import EwsSettings
from handfast.settings.values import (
    AbsolutePath,
    BackendUrl,
    CalledName,
    Fingerprint,
    HeaderName,
    HeaderText,
    HostName,
    MappedPath,
    Network,
    OptionalHostName,
    PublishedPath,
    ServicePrincipal,
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
    auth: Literal["kerberos", "stored", "header", "none"] = "none"
    """How accounts sign in behind: by a Kerberos ticket identity gets for them, by their stored secret, by a header the
    server trusts, or not at all."""
    spn: ServicePrincipal = ""
    """With auth = "kerberos": the service principal name of the servers, e.g. "HTTP/mail.contoso.lab", held by one account
    that all of them share."""
    ticket_per: Literal["connection", "request"] = "connection"
    """With auth = "kerberos": whether the servers remember who signed in on a connection (Exchange), or want a ticket with
    each request (Apache's mod_auth_gssapi as it comes)."""
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


class PathSettings(Section):
    """A published path whose virtual directory has another name inside: it and everything below it is mapped, and what
    answers say of places (redirects, cookies) is mapped back.
    """

    published: MappedPath
    """The path clients ask for, e.g. "/ews"; case does not matter."""
    path: MappedPath
    """The path sent behind in its place, e.g. "/ext-ews"."""
    host: OptionalHostName = ""
    """Host header sent with it, e.g. the name its site in IIS is bound to; empty: the backend's `host`."""


class PublicationSettings(Section):
    """One published application."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """How logs, stored secrets and node certificates call it."""
    kind: Literal["activesync", "exchange"] = "activesync"
    """What is published; it brings its own list of paths, methods and queries that may pass. `exchange`: ActiveSync,
    Autodiscover, EWS, MAPI over HTTP and the offline address book."""
    hosts: tuple[HostName, ...] = Field(min_length=1)
    """Published host names, lower case."""
    listeners: tuple[str, ...] = ()
    """Listeners it is published on; left out: all."""
    redirect_listeners: tuple[str, ...] = ()
    """Listeners without TLS (port 80) that only tell Autodiscover's clients where TLS is (`exchange` alone). Nothing else
    is served there, for any publication."""
    learn: bool = False
    """True logs each kind of request that the rules for paths, methods and queries refuse, with how often it came. It
    lets nothing through."""
    networks: tuple[Network, ...] = ()
    """Source networks it is published to; left out: all."""
    auth: tuple[Literal["basic", "ntlm", "kerberos"], ...] = Field(("basic",), min_length=1)
    """Methods offered; the order is the order of the challenges. `kerberos` is served on inside listeners alone."""
    activesync_auth: tuple[Literal["basic", "ntlm"], ...] = Field(("basic",), min_length=1)
    """Methods offered to phones where the publication is more than ActiveSync (`exchange`)."""
    auth_realm: HeaderText = "Handfast"
    """Shown by clients when they ask for a password; name nothing of the inside."""
    offer_negotiate: bool = False
    """True also names `Negotiate` in challenges (with `ntlm` in `auth`). NTLM inside it is taken either way; but clients
    with Kerberos at hand, which is served inside alone, try that first and some give up then."""
    channel_binding: Literal["off", "allow", "require"] = "allow"
    """Whether an NTLM or Kerberos sign-in must be bound to this TLS connection: `allow` checks a binding that is there."""
    require_mic: bool = False
    """True refuses NTLM sign-ins without a message integrity code."""
    ntlm_targets: tuple[CalledName, ...] = ()
    """Names and addresses beside `hosts` that clients may dial: NTLM clients say what they dialled, and any other
    target is refused as meant for another service."""
    human_secrets: bool = False
    """True lets local accounts sign in with their PIN."""
    domain_password_listeners: tuple[str, ...] = ()
    """Listeners where Basic also takes the domain password, for inside or for a time of migration. None by default: then no
    guess made outside reaches Active Directory."""
    policy: str = "default"
    """Name of the `[[policy]]` for its devices."""
    max_body_bytes: int = Field(64 * 1024 * 1024, ge=0)
    """Largest request body; 0: no limit."""
    backend: BackendSettings
    """The servers behind it."""
    paths: tuple[PathSettings, ...] = Field((), alias="path")
    """Paths that the servers know by another name; the longest published one wins."""
    autodiscover: AutodiscoverSettings = Field(default_factory=AutodiscoverSettings)
    """Names that clients outside are told (`exchange` alone)."""
    ews: EwsSettings = Field(default_factory=EwsSettings)
    """What EWS requests may ask for beside the built-in lists (`exchange` alone)."""


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
    """Device types that may be used (`*` and `?` match, case does not matter); left out: all."""
    deny_types: tuple[str, ...] = ()
    """Device types that may not; wins over the allow list."""
    allow_user_agents: tuple[str, ...] = ()
    """User agents that may be used; left out: all."""
    deny_user_agents: tuple[str, ...] = ()
    """User agents that may not."""
    allow_protocol_versions: tuple[str, ...] = ()
    """Protocol versions that may be spoken, e.g. "16.1"; left out: all."""
    deny_protocol_versions: tuple[str, ...] = ()
    """Protocol versions that may not."""
    allow_models: tuple[str, ...] = ()
    """Hardware models that may be used, as the user agent or the device itself names them; left out: all. A device that
    has not told its model is first asked to provision, which is when it tells."""
    deny_models: tuple[str, ...] = ()
    """Hardware models that may not."""
    allow_os: tuple[str, ...] = ()
    """Operating systems that may be used, as the device names its own, e.g. "iOS 17*"; left out: all."""
    deny_os: tuple[str, ...] = ()
    """Operating systems that may not."""
    allow_imeis: tuple[str, ...] = ()
    """IMEIs that may be used, as the device tells its own, e.g. "35693803*"; left out: all. Spaces, hyphens and the like
    are left out of the comparison. A device that tells none (a tablet without a SIM) stays out."""
    deny_imeis: tuple[str, ...] = ()
    """IMEIs that may not, e.g. of stolen devices."""
    allow_phone_numbers: tuple[str, ...] = ()
    """Phone numbers that may be used, as the device tells its own, e.g. "+41*"; left out: all. Compared as IMEIs are; how a
    number begins is the device's affair ("+41 44" or "044")."""
    deny_phone_numbers: tuple[str, ...] = ()
    """Phone numbers that may not."""
    allow_friendly_names: tuple[str, ...] = ()
    """Names of devices that may be used, as their owners or an administrator set them, e.g. "CONTOSO-*"; left out: all."""
    deny_friendly_names: tuple[str, ...] = ()
    """Names of devices that may not."""
    phone_refusals: Literal["status", "http"] = "status"
    """How a phone is told that it may not. `status`: by the Status its protocol version defines (14.0 and later), and in
    quarantine by one message in an otherwise empty mailbox; older ones by HTTP. `http`: always by 403 alone."""
    quarantine_message: str = Field(
        "This device may not use your mailbox yet: it waits for approval.\n\n"
        "Please call your help desk and tell them the name of the device. Nothing is lost: your mail arrives here as"
        " soon as the device is approved.",
        max_length=4000,
    )
    """What the owner of a phone that waits for approval, or is in quarantine, reads on it; say whom to call. Empty: no
    message, only the Status."""
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
