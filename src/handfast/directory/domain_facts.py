"""What a domain controller says of itself and its domain, read before anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from handfast.directory.entries import Entry
from handfast.directory.values import (
    PROTOCOL,
    parse_dn,
    parse_duration,
    parse_generalized_time,
    parse_guid,
    parse_number,
    parse_sid,
    parse_text,
    parse_window,
)
from handfast.identity.directory.entries import DomainLockout
from handfast.protocols.errors import MalformedMessage

ROOT_ATTRIBUTES = (
    "defaultNamingContext",
    "configurationNamingContext",
    "dsServiceName",
    "highestCommittedUSN",
    "dnsHostName",
    "currentTime",
)
POLICY_ATTRIBUTES = (
    "objectSid",
    "lockoutThreshold",
    "lockoutDuration",
    "lockOutObservationWindow",
    "maxPwdAge",
)
_DNS_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,253})")


@dataclass(frozen=True, slots=True)
class RootFacts:
    """The rootDSE (MS-ADTS 3.1.1.3.2). `service` is the controller's own object, which holds the invocation id."""

    naming_context: str
    configuration_context: str
    service: str
    highest_usn: int
    host: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Policy:
    """The domain's password policy; a duration that is None never ends."""

    lockout_threshold: int
    lockout_window: timedelta
    lockout_duration: timedelta | None
    max_password_age: timedelta | None

    @property
    def lockout(self) -> DomainLockout:
        """The part that guards against guessing."""
        return DomainLockout(self.lockout_threshold, self.lockout_window, self.lockout_duration)


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """Of one domain, as one controller has it."""

    root: RootFacts
    invocation_id: str
    sid: str
    netbios_name: str
    dns_name: str
    policy: Policy

    @property
    def realm(self) -> str:
        """The Kerberos realm (MS-KILE 3.1.5.1)."""
        return self.dns_name.upper()


def parse_root(entry: Entry) -> RootFacts:
    """Raises: MalformedMessage."""
    return RootFacts(
        naming_context=parse_dn(entry.require("defaultNamingContext"), "defaultNamingContext"),
        configuration_context=parse_dn(
            entry.require("configurationNamingContext"), "configurationNamingContext"
        ),
        service=parse_dn(entry.require("dsServiceName"), "dsServiceName"),
        highest_usn=parse_number(entry.require("highestCommittedUSN"), "highestCommittedUSN"),
        host=parse_text(entry.first("dnsHostName") or b"", "dnsHostName"),
        now=parse_generalized_time(entry.require("currentTime"), "currentTime"),
    )


def parse_invocation_id(entry: Entry) -> str:
    """Of the controller's own object. Raises: MalformedMessage."""
    return parse_guid(entry.require("invocationId"), "invocationId")


def parse_names(entry: Entry) -> tuple[str, str]:
    """(NetBIOS name, DNS name) of the domain's object among the partitions. Raises: MalformedMessage."""
    dns_name = parse_text(entry.require("dnsRoot"), "dnsRoot")
    if _DNS_NAME.fullmatch(dns_name) is None:
        raise MalformedMessage(PROTOCOL, "dnsRoot", "not a DNS name")
    return parse_text(entry.require("nETBIOSName"), "nETBIOSName"), dns_name


def parse_policy(entry: Entry) -> Policy:
    """Of the domain's own object. What it does not say, it does not demand. Raises: MalformedMessage."""
    return Policy(
        lockout_threshold=parse_number(entry.first("lockoutThreshold") or b"0", "lockoutThreshold"),
        lockout_window=parse_window(
            entry.first("lockOutObservationWindow") or b"0", "lockOutObservationWindow"
        ),
        lockout_duration=parse_duration(entry.first("lockoutDuration") or b"0", "lockoutDuration"),
        max_password_age=parse_duration(entry.first("maxPwdAge") or b"0", "maxPwdAge"),
    )


def parse_domain_sid(entry: Entry) -> str:
    """Of the domain's own object. Raises: MalformedMessage."""
    return parse_sid(entry.require("objectSid"))
