"""Whether the domain's lockout leaves room for domain passwords, and how to mend it where not. Pure, as `findings`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from handfast.directory import filters
from handfast.directory.findings import DirectoryFinding, Seen
from handfast.directory.password_settings import CONTAINER, PasswordSettings
from handfast.protocols.printed import posix_word, powershell_word


class LockoutProblem(StrEnum):
    """What can be wrong. Values are those of `doctor.findings.FindingId`."""

    MARGIN = "domain-lockout-margin"
    NEVER = "domain-lockout-never"
    UNKNOWN = "domain-lockout-unknown"


def judge_lockout(seen: Sequence[Seen], margin: int, reader: str) -> list[DirectoryFinding]:
    """What the first controller that answered tells of the domain; nothing where none did. `reader` is our account's name."""
    for one in seen:
        if one.domain is not None:
            own = _of_threshold(one.domain.policy.lockout_threshold, margin)
            return [*own, *_of_policies(one.policies, margin, one.domain.root.naming_context, reader)]
    return []


def judge_silence(seen: Sequence[Seen]) -> list[DirectoryFinding]:
    """Where no controller answered: no domain password is tried then."""
    if any(one.domain is not None for one in seen):
        return []
    said = "; ".join(one.problem for one in seen)
    what = f"no domain controller says after how many failures it locks an account: {said}"
    return [_finding("error", LockoutProblem.UNKNOWN, what, "`handfast directory check` says what to do")]


def _of_threshold(threshold: int, margin: int) -> Iterator[DirectoryFinding]:
    if threshold == 0:
        what = "the domain locks nobody, however many passwords are tried; only Handfast's own counters stand"
        remedy = "set an account lockout threshold in the domain's policy"
        yield _finding("warning", LockoutProblem.NEVER, what, remedy)
    elif threshold <= margin:
        what = (
            f"the domain locks after {threshold} wrong passwords, and lockout_margin is {margin}:"
            " no domain password is tried at all"
        )
        remedy = "lower `lockout_margin` under [directory], or raise the domain's threshold"
        yield _finding("error", LockoutProblem.MARGIN, what, remedy)


def _of_policies(
    policies: tuple[PasswordSettings, ...] | None, margin: int, naming_context: str, reader: str
) -> Iterator[DirectoryFinding]:
    """Of fine-grained policies. Whoever is under one that can't be read signs in by no domain password."""
    hidden = [] if policies is None else [one.dn for one in policies if one.lockout is None]
    if policies is None or hidden:
        names = "" if policies is None else ": " + ", ".join(map(_name, hidden))
        what = (
            f"fine-grained password policies can't be read{names};"
            " for accounts under one no domain password is tried, and when a lock ends is known late"
        )
        yield _finding("warning", LockoutProblem.UNKNOWN, what, _how_to_let_read(naming_context, reader))
    for policy in policies or ():
        if policy.lockout is not None and 0 < policy.lockout.threshold <= margin:
            what = (
                f"the policy {_name(policy.dn)} locks after {policy.lockout.threshold} wrong passwords, and lockout_margin"
                f" is {margin}: for accounts under it no domain password is tried"
            )
            remedy = "lower `lockout_margin` under [directory], or raise that policy's threshold"
            yield _finding("warning", LockoutProblem.MARGIN, what, remedy)


def _name(dn: str) -> str:
    return dn.partition(",")[0].partition("=")[2]


def _how_to_let_read(naming_context: str, reader: str) -> str:
    """By default administrators alone may read them."""
    container = f"{CONTAINER},{naming_context}"
    user = reader.rpartition("\\")[2].partition("@")[0]
    query = posix_word(filters.equals("sAMAccountName", user))
    sid = f"$(ldbsearch -H /var/lib/samba/private/sam.ldb {query} objectSid | sed -n 's/^objectSid: //p')"
    return (
        f"let {reader} read them: `dsacls {powershell_word(container)} /I:T /G {powershell_word(f'{reader}:GR')}` (PowerShell);"
        f' in a Samba domain `samba-tool dsacl set --objectdn={posix_word(container)} --sddl="(A;CI;RPLCLORC;;;{sid})"`'
    )


def _finding(severity: str, problem: LockoutProblem, what: str, remedy: str) -> DirectoryFinding:
    return DirectoryFinding(severity, "", what, remedy, problem.value)
