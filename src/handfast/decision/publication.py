"""A published application as the pipeline sees it: hosts, rules of what may pass, policy. No sockets, no back ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from handfast.identity.channels import Channel


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


class PartnershipMode(StrEnum):
    """How a device that identity has not seen yet can pair."""

    FIRST_USE = "first-use"
    WINDOW = "window"
    APPROVAL = "approval"
    LISTED = "listed"
    INSIDE = "inside"


@dataclass(frozen=True, slots=True)
class DevicePolicy:
    """Which devices may pair and be used. Patterns are shell-style (`*`, `?`), compared without case.

    An empty allow list allows all; a deny list wins. `inside_listeners` names the listeners where mode INSIDE enrols.
    """

    mode: PartnershipMode = PartnershipMode.FIRST_USE
    device_limit: int = 10
    pending_limit: int = 3
    allow_types: tuple[str, ...] = ()
    deny_types: tuple[str, ...] = ()
    allow_user_agents: tuple[str, ...] = ()
    deny_user_agents: tuple[str, ...] = ()
    allow_protocol_versions: tuple[str, ...] = ()
    deny_protocol_versions: tuple[str, ...] = ()
    inside_listeners: frozenset[str] = frozenset()
    companion_window: timedelta = timedelta(hours=24)
    two_networks_window: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """Failures in `window` before a human-chosen secret is no longer evaluated, by scope."""

    window: timedelta = timedelta(minutes=15)
    per_account_and_source: int = 10
    per_account: int = 50
    per_source: int = 100
    familiar_for: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CredentialPolicy:
    """Which credentials are taken. `human_secrets` lets a local account sign in with its PIN (off by default)."""

    methods: frozenset[AuthMethod] = frozenset({AuthMethod.BASIC})
    human_secrets: bool = False
    channel_binding: ChannelBindingMode = ChannelBindingMode.ALLOW
    require_mic: bool = False
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
    devices: DevicePolicy = DevicePolicy()
    lockout: LockoutPolicy = LockoutPolicy()
    needs_stored_secret: bool = False
    grant_lifetime: timedelta = timedelta(minutes=5)
    allow_from_node: frozenset[str] = field(default=frozenset())
