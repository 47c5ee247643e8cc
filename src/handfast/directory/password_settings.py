"""Which lockout holds for one account: the domain's own, or that of the fine-grained password policy (PSO) it is under.

The controller works out which one that is (msDS-ResultantPSO), for whoever may read the account. What a PSO says only
administrators may read by default. It is asked anew when a password is to be checked: who is under a PSO changes with the PSO
and with groups, not with the account, so that no reading of changes would tell.
Source: MS-ADTS 3.1.1.4.5.36, MS-SAMR 3.1.1.5; where PSOs are: MS-ADTS 6.1.1.4.11.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handfast.directory.account_attributes import parse_pso
from handfast.directory.controllers import Link
from handfast.directory.domain_facts import POLICY_ATTRIBUTES, parse_policy
from handfast.directory.entries import Entry
from handfast.directory.library import ldap3
from handfast.directory.session import ControllerFailed, NoSuchObject
from handfast.directory.values import (
    parse_duration,
    parse_filetime,
    parse_generalized_time,
    parse_number,
    parse_window,
)
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.directory.ports import LockoutUnreadable
from handfast.identity.domain_lockout import SLACK
from handfast.protocols.errors import MalformedMessage

WITNESS = "uSNChanged"
"""Every object has it, and it is in no property set: who is not shown it may read some attributes of the account alone, so
that nothing follows where no PSO is shown. Source: MS-ADA3 (uSNChanged).
"""
CONTAINER = "CN=Password Settings Container,CN=System"
"""Within the domain; it can't be moved or renamed."""
ACCOUNT_ATTRIBUTES = (WITNESS, "msDS-ResultantPSO", "badPwdCount", "badPasswordTime")
LOCKOUT_ATTRIBUTES = ("msDS-LockoutThreshold", "msDS-LockoutObservationWindow", "msDS-LockoutDuration")


@dataclass(frozen=True, slots=True)
class PasswordSettings:
    """One PSO. `lockout` None: we see that it is there, and may not read it."""

    dn: str
    lockout: DomainLockout | None


def parse_lockout(entry: Entry) -> DomainLockout | None:
    """Of a PSO; None where it is not all shown to us. Raises: MalformedMessage."""
    threshold, window, duration = map(entry.first, LOCKOUT_ATTRIBUTES)
    if threshold is None or window is None or duration is None:
        return None
    return DomainLockout(
        parse_number(threshold, LOCKOUT_ATTRIBUTES[0]),
        parse_window(window, LOCKOUT_ATTRIBUTES[1]),
        parse_duration(duration, LOCKOUT_ATTRIBUTES[2]),
    )


def parse_failures(entry: Entry, window: timedelta, now: datetime) -> int:
    """Wrong passwords that a controller counts of an account: none once the last is a `window` ago. Where that is not shown, 0.
    `now` is by that controller's clock, as the time of the last is.

    Raises: MalformedMessage. Source: MS-SAMR 3.1.1.7.1.
    """
    count = parse_number(entry.first("badPwdCount") or b"0", "badPwdCount")
    last = parse_filetime(entry.first("badPasswordTime") or b"0", "badPasswordTime")
    return count if now - last < window + SLACK else 0


async def read_lockout(link: Link, naming_context: str, sid: str) -> DomainLockout:
    """What holds for the account with that SID; three reads of single objects. Raises: LockoutUnreadable, ControllerFailed."""
    try:
        now = await _read_clock(link)
        account = await link.read(f"<SID={sid}>", ACCOUNT_ATTRIBUTES)
        if account is None:
            raise LockoutUnreadable("the directory does not show us the account")
        lockout = await _read_policy(link, naming_context, account)
        return replace(lockout, failures=parse_failures(account, lockout.window, now), at=now)
    except MalformedMessage as malformed:
        # Of one account or its own policy: that is no fault of the controller's, and opens no breaker.
        raise LockoutUnreadable(
            f"what the directory says of the account makes no sense: {malformed}"
        ) from None


async def _read_clock(link: Link) -> datetime:
    root = await link.read("", ("currentTime",))
    if root is None:
        raise ControllerFailed(f"{link.name}: its rootDSE can't be read")
    try:
        return parse_generalized_time(root.require("currentTime"), "currentTime")
    except MalformedMessage as malformed:
        raise ControllerFailed(f"{link.name}: {malformed}") from None


async def _read_policy(link: Link, naming_context: str, account: Entry) -> DomainLockout:
    pso = parse_pso(account)
    if pso:
        return await _read_pso(link, pso)
    if account.first(WITNESS) is None:
        raise LockoutUnreadable("the directory does not show us which policy the account is under")
    head = await link.read(naming_context, POLICY_ATTRIBUTES)
    if head is None or head.first("lockoutThreshold") is None:
        raise LockoutUnreadable("the directory does not show us the domain's own lockout policy")
    try:
        return parse_policy(head).lockout
    except MalformedMessage as malformed:
        raise ControllerFailed(f"{link.name}: {malformed}") from None


async def _read_pso(link: Link, pso: str) -> DomainLockout:
    entry = await link.read(pso, LOCKOUT_ATTRIBUTES)
    lockout = None if entry is None else parse_lockout(entry)
    if lockout is None:
        raise LockoutUnreadable(f"the account is under the policy {pso}, which we may not read")
    return lockout


async def read_all(link: Link, naming_context: str) -> tuple[PasswordSettings, ...] | None:
    """Every PSO of the domain; None where we may not see whether there are any. Raises: ControllerFailed."""
    container = f"{CONTAINER},{naming_context}"
    entry = await link.read(container, ("objectClass",))
    if entry is None or not entry.values:  # some controllers hide the object, others what it has
        return None
    try:
        page = await link.page(container, "(objectClass=*)", LOCKOUT_ATTRIBUTES, scope=ldap3.LEVEL)
        return tuple(PasswordSettings(one.dn, parse_lockout(one)) for one in page.entries)
    except NoSuchObject:
        return None
    except MalformedMessage as malformed:
        raise ControllerFailed(f"{link.name}: {malformed}") from None
