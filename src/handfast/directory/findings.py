"""What is wrong with the way to the domain controllers, and how to mend it. Pure: judges what `examination` saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from handfast.directory.domain_facts import DomainFacts
from handfast.directory.password_settings import PasswordSettings
from handfast.directory.scope import Scope

CERTIFICATE_WARNING = timedelta(days=14)
SKEW_WARNING = timedelta(seconds=60)
SKEW_ERROR = timedelta(minutes=5)
"""Kerberos refuses everything beyond this (MS-KILE 3.1.5.1; RFC 4120 1.3)."""


class DirectoryProblem(StrEnum):
    """What can be wrong. Values are those of `doctor.findings.FindingId`."""

    CONTROLLER = "directory-controller"
    BIND = "directory-bind"
    SCOPE = "directory-scope"
    MIRROR = "directory-mirror"
    UNREADABLE = "directory-unreadable"


class Step(StrEnum):
    """How far we got with one controller."""

    CONNECT = "connect"
    CERTIFICATE = "certificate"
    BIND = "bind"
    READ = "read"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Seen:
    """One controller. `failed_at` is DONE where nothing failed, else `problem` says why; later fields are then unknown.

    `policies` are the fine-grained password policies; None where our account may not see whether there are any.
    """

    name: str
    failed_at: Step
    problem: str = ""
    seconds: float | None = None
    certificate_ends: datetime | None = None
    domain: DomainFacts | None = None
    skew: timedelta | None = None
    has_base: bool = True
    has_accounts: bool = True
    policies: tuple[PasswordSettings, ...] | None = None
    sees_deleted: bool = False


@dataclass(frozen=True, slots=True)
class DirectoryFinding:
    """`severity` is "error" where people can't sign in because of it, or soon won't; else "warning".

    `id` is that of the doctor's finding of the same.
    """

    severity: str
    controller: str
    what: str
    remedy: str
    id: str = ""


def judge(seen: Sequence[Seen], scope: Scope, now: datetime) -> list[DirectoryFinding]:
    """All findings, controller by controller, then those of the domain. `scope` is what the settings want mirrored."""
    found = [finding for one in seen for finding in _of_controller(one, scope, now)]
    domains = [one.domain for one in seen if one.domain is not None]
    return [*found, *_of_domain(domains)]


def _of_controller(seen: Seen, scope: Scope, now: datetime) -> Iterator[DirectoryFinding]:
    if seen.failed_at is not Step.DONE:
        problem = DirectoryProblem.BIND if seen.failed_at is Step.BIND else DirectoryProblem.CONTROLLER
        yield DirectoryFinding("error", seen.name, seen.problem, _remedy(seen), problem)
    if seen.certificate_ends is not None and seen.certificate_ends - now < CERTIFICATE_WARNING:
        remedy = "renew it: after that day this controller is no longer asked"
        what = f"its certificate ends {seen.certificate_ends:%Y-%m-%d}"
        yield DirectoryFinding("warning", seen.name, what, remedy, DirectoryProblem.CONTROLLER)
    if seen.skew is not None and abs(seen.skew) >= SKEW_WARNING:
        severity = "error" if abs(seen.skew) >= SKEW_ERROR else "warning"
        what = f"its clock differs from ours by {abs(seen.skew).total_seconds():.0f} s"
        remedy = "let both follow the same time servers (chrony, w32tm)"
        yield DirectoryFinding(severity, seen.name, what, remedy, DirectoryProblem.CONTROLLER)
    if not seen.has_base:
        remedy = "correct `base` under [directory], or let the bind account read it"
        what = f"there is no {scope.base}, or we may not see it"
        yield DirectoryFinding("error", seen.name, what, remedy, DirectoryProblem.SCOPE)
    elif not seen.has_accounts:
        remedy = (
            "correct `base` and `account_filter` under [directory], or let the bind account read user objects"
        )
        what = f"no account fits {scope.account_filter or 'there'}"
        yield DirectoryFinding("error", seen.name, what, remedy, DirectoryProblem.SCOPE)


def _remedy(seen: Seen) -> str:
    if seen.failed_at is Step.CONNECT and "has no address" in seen.problem:
        return (
            "correct its name, let this machine ask the domain's DNS, or say where it is reached as `address`"
        )
    if seen.failed_at is Step.CONNECT:
        return "is it up, is its name or `address` right, does the firewall let TCP 636 through?"
    if seen.failed_at is Step.BIND:
        return "correct `bind_user` and its password file, unlock the account; `handfast directory init` asks for both"
    if seen.failed_at is Step.READ:
        return "is it a domain controller of Active Directory, and may the bind account read it?"
    problem = seen.problem.casefold()
    if "mismatch" in problem or "doesn't match" in problem:
        return "write the name that is in its certificate as `name`, and where it is reached as `address`"
    if "expired" in problem:
        return "renew the controller's certificate"
    return "give the CA that signed it as `ca_file` under [directory] (PEM)"


def _of_domain(domains: Sequence[DomainFacts]) -> Iterator[DirectoryFinding]:
    if len({domain.sid for domain in domains}) > 1:
        names = ", ".join(sorted({domain.dns_name for domain in domains}))
        remedy = "name controllers of one domain only under [[directory.server]]"
        what = f"the controllers are of different domains: {names}"
        yield DirectoryFinding("error", "", what, remedy, DirectoryProblem.CONTROLLER)
