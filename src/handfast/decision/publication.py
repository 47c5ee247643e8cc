"""A published application as the pipeline sees it: hosts, rules of what may pass, policy. No sockets, no back ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from handfast.decision.access_rules import AccessRule
from handfast.decision.rules.activesync import ACTIVESYNC_RULES
from handfast.decision.rules.denials import Denial
from handfast.decision.rules.path_rule import OwnAnswer, PathRule, QueryShape
from handfast.identity.directory.standing import DirectoryPolicy
from handfast.identity.policies import DevicePolicy, LockoutPolicy, PartnershipMode

__all__ = [
    "ACTIVESYNC_RULES",
    "AccessRule",
    "AuthMethod",
    "ChannelBindingMode",
    "CredentialPolicy",
    "Denial",
    "DevicePolicy",
    "DirectoryPolicy",
    "LockoutPolicy",
    "OwnAnswer",
    "PartnershipMode",
    "PathRule",
    "Publication",
    "QueryShape",
]


class ChannelBindingMode(StrEnum):
    """What a channel binding inside NTLM (or Kerberos) is worth."""

    OFF = "off"
    ALLOW = "allow"
    REQUIRE = "require"


class AuthMethod(StrEnum):
    """How a client may sign in."""

    BASIC = "basic"
    NTLM = "ntlm"
    KERBEROS = "kerberos"


@dataclass(frozen=True, slots=True)
class CredentialPolicy:
    """Which credentials are taken. `human_secrets` lets a local account sign in with its PIN (off by default).

    `ntlm_targets` are names and addresses beside the published hosts that clients may call us by in NTLM. On
    `domain_password_listeners` Basic also takes the domain password of mirrored accounts, up to `lockout_margin` failures
    below the domain's own lockout.
    `ticket_listeners` are the listeners (inside ones) where Kerberos tickets are taken.
    """

    methods: frozenset[AuthMethod] = frozenset({AuthMethod.BASIC})
    human_secrets: bool = False
    channel_binding: ChannelBindingMode = ChannelBindingMode.ALLOW
    require_mic: bool = False
    ntlm_targets: frozenset[str] = frozenset()
    ticket_listeners: frozenset[str] = frozenset()
    default_domain: str = ""
    domain_password_listeners: frozenset[str] = frozenset()
    lockout_margin: int = 2

    def takes_tickets(self, listener: str) -> bool:
        """True where Kerberos is offered, and taken, on that listener."""
        return AuthMethod.KERBEROS in self.methods and listener in self.ticket_listeners


@dataclass(frozen=True, slots=True)
class Publication:
    """One published application. `listeners` empty means all; `networks` empty means from anywhere.

    `access` are the rules that name it, in order; without any it is open to every account.
    `denials` are tried before `rules`. On `redirect_listeners` nothing but `redirect_rules` is served; all publications
    know all of them, because what has no TLS must not ask for a password for any.
    """

    name: str
    hosts: tuple[str, ...]
    rules: tuple[PathRule, ...]
    listeners: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    credentials: CredentialPolicy = CredentialPolicy()
    access: tuple[AccessRule, ...] = ()
    devices: DevicePolicy = DevicePolicy()  # noqa: RUF009 - frozen
    lockout: LockoutPolicy = LockoutPolicy()  # noqa: RUF009 - frozen
    directory: DirectoryPolicy = DirectoryPolicy()  # noqa: RUF009 - frozen
    needs_stored_secret: bool = False
    grant_lifetime: timedelta = timedelta(minutes=5)
    allow_from_node: frozenset[str] = field(default=frozenset())
    denials: tuple[Denial, ...] = ()
    redirect_listeners: frozenset[str] = field(default=frozenset())
    redirect_rules: tuple[PathRule, ...] = ()

    def is_on(self, listener: str) -> bool:
        """True where anything of it is served on that listener."""
        if self.only_redirects(listener):
            return bool(self.redirect_rules)
        return not self.listeners or listener in self.listeners

    def only_redirects(self, listener: str) -> bool:
        """True where clients are told where TLS is, and nothing else."""
        return listener in self.redirect_listeners
