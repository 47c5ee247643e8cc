"""What a gateway is told: plain values, made from the settings by `app`. Seconds are floats, sizes are bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from handfast.decision.publication import AuthMethod, Publication
from handfast.gateway.handling import Handling
from handfast.gateway.path_map import PathMapping


@dataclass(frozen=True, slots=True)
class CertificateConfig:
    """A PEM chain and its PEM key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """One listening address. Without certificates it speaks plain HTTP; the first certificate is the default one.

    Connection limits are per worker; a source is an IPv4 address or an IPv6 /64.
    """

    name: str
    certificates: tuple[CertificateConfig, ...] = ()
    inside: bool = False
    behind_http_proxy: bool = False
    proxy_protocol_from: tuple[IPv4Network | IPv6Network, ...] = ()
    max_head_bytes: int = 32 * 1024
    max_connections: int = 20000
    max_connections_per_source: int = 500
    head_timeout_seconds: float = 20.0
    idle_timeout_seconds: float = 120.0
    body_timeout_seconds: float = 60.0
    write_timeout_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """The servers behind one publication.

    `path` replaces the published path where it is not empty. `auth_header` is the field that names the account
    behind us where the publication signs in by header: a client's own is stripped. `ticket_per` says whether the servers
    want a Kerberos ticket for each connection or for each request; "" where they want none.
    """

    urls: tuple[str, ...]
    host: str = ""
    path: str = ""
    verify: Literal["ca", "pin-sha256"] = "ca"
    ca_file: Path | None = None
    pin_sha256: tuple[str, ...] = ()
    server_name: str = ""
    auth_header: str = ""
    ticket_per: Literal["", "connection", "request"] = ""
    connect_timeout_seconds: float = 5.0
    answer_timeout_seconds: float = 3660.0
    idle_seconds: float = 30.0
    max_connections: int = 4000
    health_path: str = ""
    health_every_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class PublicationConfig:
    """A publication with its servers, and how its refusals look.

    `auth_methods` is the order of the challenges, `phone_auth_methods` that on the ActiveSync channel where it differs;
    `learn` collects what the application rules refuse. No head of an answer tells any of `inside_names` (hosts, domains,
    single words) or the servers' own names; `outside_names` may stand beside `publication.hosts`.
    """

    publication: Publication
    backend: BackendConfig
    auth_methods: tuple[AuthMethod, ...] = (AuthMethod.BASIC,)
    phone_auth_methods: tuple[AuthMethod, ...] | None = None
    offers_negotiate: bool = False
    auth_realm: str = "Handfast"
    max_body_bytes: int = 64 * 1024 * 1024
    learn: bool = False
    paths: tuple[PathMapping, ...] = ()
    inside_names: frozenset[str] = frozenset()
    outside_names: frozenset[str] = frozenset()
    handlings: Mapping[str, Handling] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Everything one worker serves."""

    listeners: tuple[ListenerConfig, ...]
    publications: tuple[PublicationConfig, ...]
    node: str = "local"
    grant_grace_seconds: float = 60.0
    denial_quantum_seconds: float = 0.25
    evaluate_timeout_seconds: float = field(default=10.0)
