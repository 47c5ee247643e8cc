"""A published application as the pipeline sees it: hosts, rules of what may pass, policy. No sockets, no back ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from handfast.identity.channels import Channel
from handfast.identity.policies import DevicePolicy, LockoutPolicy, PartnershipMode

__all__ = [
    "ACTIVESYNC_RULES",
    "AuthMethod",
    "ChannelBindingMode",
    "CredentialPolicy",
    "DevicePolicy",
    "LockoutPolicy",
    "PartnershipMode",
    "PathRule",
    "Publication",
    "QueryShape",
]


class QueryShape(StrEnum):
    """What the query of a path may look like."""

    NONE = "none"
    ACTIVESYNC = "activesync"


@dataclass(frozen=True, slots=True)
class PathRule:
    """One thing that may pass: exact paths (lower case, compared case-insensitively as IIS does), methods, query."""

    name: str
    channel: Channel
    paths: frozenset[str]
    methods: frozenset[str]
    query: QueryShape = QueryShape.NONE


ACTIVESYNC_RULES: tuple[PathRule, ...] = (
    PathRule(
        name="activesync",
        channel=Channel.ACTIVESYNC,
        paths=frozenset({"/microsoft-server-activesync", "/microsoft-server-activesync/default.eas"}),
        methods=frozenset({"OPTIONS", "POST"}),
        query=QueryShape.ACTIVESYNC,
    ),
)


class ChannelBindingMode(StrEnum):
    """What a channel binding inside NTLM (or Kerberos) is worth."""

    OFF = "off"
    ALLOW = "allow"
    REQUIRE = "require"


class AuthMethod(StrEnum):
    """How a client may sign in."""

    BASIC = "basic"
    NTLM = "ntlm"


@dataclass(frozen=True, slots=True)
class CredentialPolicy:
    """Which credentials are taken. `human_secrets` lets a local account sign in with its PIN (off by default).

    `ntlm_targets` are names and addresses beside the published hosts that clients may call us by in NTLM.
    """

    methods: frozenset[AuthMethod] = frozenset({AuthMethod.BASIC})
    human_secrets: bool = False
    channel_binding: ChannelBindingMode = ChannelBindingMode.ALLOW
    require_mic: bool = False
    ntlm_targets: frozenset[str] = frozenset()
    default_domain: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """One published application. `listeners` empty means all; `networks` empty means from anywhere."""

    name: str
    hosts: tuple[str, ...]
    rules: tuple[PathRule, ...]
    listeners: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    credentials: CredentialPolicy = CredentialPolicy()
    devices: DevicePolicy = DevicePolicy()  # noqa: RUF009 - frozen
    lockout: LockoutPolicy = LockoutPolicy()  # noqa: RUF009 - frozen
    needs_stored_secret: bool = False
    grant_lifetime: timedelta = timedelta(minutes=5)
    allow_from_node: frozenset[str] = field(default=frozenset())
