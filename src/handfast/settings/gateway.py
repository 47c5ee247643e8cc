"""`[gateway]` and `[[listener]]`: the data plane."""

from __future__ import annotations

from pydantic import Field

from handfast.settings.base import Section
from handfast.settings.values import AbsolutePath, Address, Network, ServiceUrl


class IdentityLink(Section):
    """`[gateway.identity]`: where identity is, when it runs on another machine."""

    url: ServiceUrl
    """`https://host:port` of identity's `[identity.listen]`."""
    certificate: AbsolutePath
    """PEM chain of this node's certificate (`handfast pki issue NODE`)."""
    key: AbsolutePath
    """PEM key of that certificate."""
    ca_file: AbsolutePath
    """PEM of the node CA."""


class GatewaySettings(Section):
    """What all listeners share."""

    node: str = Field("local", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """Name of this gateway node; on a split installation the name in its certificate."""
    workers: int = Field(0, ge=0, le=256)
    """Worker processes; 0: one a core."""
    user: str = ""
    """User the workers run as, when started by root; it must not be able to read key file and database."""
    grant_grace_seconds: float = Field(60.0, ge=0, le=300)
    """How long live grants go on while identity can't be reached."""
    denial_quantum_ms: int = Field(250, ge=0, le=5000)
    """Refusals leave on a multiple of this after their request, so that their time tells nothing."""
    stop_deadline_seconds: float = Field(20.0, ge=0, le=3600)
    """On stop, requests in flight may finish for so long and are cut then."""
    identity: IdentityLink | None = None
    """Set on a gateway whose identity runs on another machine; not set: both run here."""


class ListenerSettings(Section):
    """`[[listener]]`: an address with its own certificate and limits."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """How publications and logs call it."""
    address: Address
    """IP:port to listen on, e.g. "0.0.0.0:443" or "[::]:443"."""
    certificate: AbsolutePath | None = None
    """PEM chain; without it the listener speaks plain HTTP (for a TLS front on the same machine only)."""
    key: AbsolutePath | None = None
    """PEM key of the certificate."""
    more_certificates: tuple[tuple[AbsolutePath, AbsolutePath], ...] = ()
    """Further (certificate, key) pairs, chosen by SNI."""
    inside: bool = False
    """True for a listener that only the inside network reaches; mode "inside" enrols here."""
    behind_http_proxy: bool = False
    """True where an HTTP proxy stands in front: NTLM and tickets are refused here, connections are not the client's own."""
    proxy_protocol_from: tuple[Network, ...] = ()
    """Networks whose connections must begin with a PROXY protocol v2 header; from all others it is refused."""
    max_head_bytes: int = Field(32 * 1024, ge=4096, le=98304)
    """Largest request head, in bytes; 96 KiB inside, where Kerberos tickets are large."""
    max_connections: int = Field(20000, ge=1)
    """Per worker."""
    max_connections_per_source: int = Field(500, ge=1)
    """Per worker and source (IPv4 address, IPv6 /64)."""
    head_timeout_seconds: float = Field(20.0, gt=0)
    """From the first byte (or TLS handshake) to the end of a request head."""
    idle_timeout_seconds: float = Field(120.0, gt=0)
    """Between requests on a kept connection."""
    body_timeout_seconds: float = Field(60.0, gt=0)
    """Without a single byte of a request body."""
    write_timeout_seconds: float = Field(120.0, gt=0)
    """Without the client taking a single byte of its answer."""
