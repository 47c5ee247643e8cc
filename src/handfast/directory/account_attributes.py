"""A user object of the directory as a `DirectoryAccount`. Pure: the bytes, the domain's facts and the moment are arguments.

An attribute that is not there, or makes no sense, may have been hidden from us or written by whoever has rights on this one
object. What follows from that must cost nobody else anything, and must never be taken for good news:

| attribute | where it is not there, or makes no sense |
|---|---|
| objectSid | we can't tell which account it is: it is passed over, as one that is hidden as a whole |
| sAMAccountName, userAccountControl, accountExpires, pwdLastSet, primaryGroupID | every account has them: it can't be judged (MalformedMessage) |
| msDS-User-Account-Control-Computed | likewise: the controller works it out for each account |
| uSNChanged | likewise (`accounts`): a filter on what is hidden never matches, so no further change of it would be found |
| lockoutTime | an account that was never locked has none: the controller's computed word counts, and a lock ends when it says so |
| msDS-UserPasswordExpiryTimeComputed | an older controller has none: worked out from pwdLastSet and the domain's policy |
| msDS-ResultantPSO | most accounts are under none: the domain's own duration. Under one that we may not read: as without lockoutTime |
| memberOf | groups are found by their members as well; each value that makes no sense costs that membership alone |
| userPrincipalName, displayName, mail | it has none: they only lead to it or show it |

Source: MS-SAMR 3.1.1.8.1 (what every account has), MS-ADTS 3.1.1.4.5.17 (the computed word), 3.1.1.4.3
(what is hidden counts in a filter as if it were not there).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from handfast.directory.domain_facts import DomainFacts
from handfast.directory.entries import Entry, parse_extended_dn
from handfast.directory.group_graph import Key, key_of
from handfast.directory.values import (
    BEGINNING,
    FOREVER,
    PROTOCOL,
    is_never,
    parse_dn,
    parse_filetime,
    parse_number,
    parse_sid,
    parse_text,
)
from handfast.identity.directory.domain_account import DISABLED, NOT_DELEGATED, PROTECTED_USERS_RID
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.names import find_name_problem, made_up_upn
from handfast.identity.records import DirectoryFacts, DirectoryGroup
from handfast.protocols.errors import MalformedMessage

ATTRIBUTES = (
    "objectSid",
    "uSNChanged",
    "sAMAccountName",
    "userPrincipalName",
    "displayName",
    "mail",
    "userAccountControl",
    "lockoutTime",
    "accountExpires",
    "pwdLastSet",
    "primaryGroupID",
    "memberOf",
    "msDS-User-Account-Control-Computed",
    "msDS-UserPasswordExpiryTimeComputed",
    "msDS-ResultantPSO",
)

# userAccountControl, beside those of `domain_account`. Source: MS-ADTS 2.2.16.
PASSWORD_NEVER_EXPIRES = 0x0001_0000
SMARTCARD_REQUIRED = 0x0004_0000
LOCKED_NOW = 0x0000_0010
"""In msDS-User-Account-Control-Computed alone. Source: MS-ADTS 3.1.1.4.5.17."""

Duration = timedelta | None


def parse_direct_groups(entry: Entry, domain_sid: str) -> frozenset[Key]:
    """The groups that it says it is itself a member of, and its primary group. Raises: MalformedMessage."""
    primary = parse_number(entry.require("primaryGroupID"), "primaryGroupID")
    return frozenset({primary, *parse_references(entry, "memberOf", domain_sid)})


def parse_references(entry: Entry, attribute: str, domain_sid: str) -> set[Key]:
    """The objects that an attribute in the extended form names. A value that makes no sense names nobody, and costs the others
    nothing.
    """
    keys = set()
    for value in entry.values.get(attribute.lower(), ()):
        try:
            sid = parse_extended_dn(value, attribute)
        except MalformedMessage:
            continue
        if sid is not None:
            keys.add(key_of(sid, domain_sid))
    return keys


def build_account(
    entry: Entry,
    domain: DomainFacts,
    groups: frozenset[DirectoryGroup],
    *,
    read_at: datetime,
    lockout_durations: Mapping[str, Duration],
) -> DirectoryAccount:
    """`groups` are all it is in; `lockout_durations`, by DN, are of those fine-grained policies that we may read.

    Raises: MalformedMessage where it can't be judged.
    """
    user = parse_text(entry.require("sAMAccountName"), "sAMAccountName")
    if not user:
        raise MalformedMessage(PROTOCOL, "sAMAccountName", "empty")
    control = parse_number(entry.require("userAccountControl"), "userAccountControl")
    protected = f"{domain.sid}-{PROTECTED_USERS_RID}"
    facts = DirectoryFacts(
        realm=domain.realm,
        read_at=read_at,
        is_enabled=not control & DISABLED,
        is_delegable=not control & NOT_DELEGATED and all(group.sid != protected for group in groups),
        locked_until=_locked_until(entry, domain, lockout_durations),
        expires_at=_expires_at(entry),
        password_expires_at=_password_expires_at(entry, domain, control),
        mail=_parse_optional(entry, "mail"),
        password_set_at=_password_set_at(entry),
    )
    own_upn = _parse_optional(entry, "userPrincipalName")
    if find_name_problem(user, domain.netbios_name, own_upn):
        own_upn = ""
    return DirectoryAccount(
        sid=parse_sid(entry.require("objectSid")),
        user=user,
        domain=domain.netbios_name,
        upn=own_upn or made_up_upn(user, domain.realm),
        display_name=_parse_optional(entry, "displayName"),
        facts=facts,
        groups=groups,
        is_upn_made_up=not own_upn,
    )


def parse_pso(entry: Entry) -> str:
    """DN of the fine-grained password policy that holds for it; "" where the domain's own does, or none is shown.

    Raises: MalformedMessage.
    """
    return parse_dn(entry.first("msDS-ResultantPSO") or b"", "msDS-ResultantPSO")


def _parse_optional(entry: Entry, attribute: str) -> str:
    try:
        return parse_text(entry.first(attribute) or b"", attribute)
    except MalformedMessage:
        return ""


def _locked_until(
    entry: Entry, domain: DomainFacts, lockout_durations: Mapping[str, Duration]
) -> datetime | None:
    """The controller keeps when it locked the account; the end follows from the policy. Source: MS-SAMR 3.1.5.14.6.

    Where either is hidden from us we know whether it is locked now, and not until when: it is locked until it is read again.
    """
    computed = parse_number(
        entry.require("msDS-User-Account-Control-Computed"), "msDS-User-Account-Control-Computed"
    )
    locked_now = FOREVER if computed & LOCKED_NOW else None
    value = entry.first("lockoutTime")
    if value is None:
        return locked_now
    if is_never(value):
        return None
    pso = parse_pso(entry)
    if pso and pso not in lockout_durations:
        return locked_now
    duration = lockout_durations[pso] if pso else domain.policy.lockout_duration
    return _later(parse_filetime(value, "lockoutTime"), duration)


def _expires_at(entry: Entry) -> datetime | None:
    value = entry.require("accountExpires")
    return None if is_never(value) else parse_filetime(value, "accountExpires")


def _password_expires_at(entry: Entry, domain: DomainFacts, control: int) -> datetime | None:
    """As the controller computed it (only it knows every fine-grained policy), else by the same rules from the domain's.

    A password that must be changed at once expired at the beginning. Source: MS-ADTS 3.1.1.4.5.31.
    """
    if control & (PASSWORD_NEVER_EXPIRES | SMARTCARD_REQUIRED):
        return None
    computed = entry.first("msDS-UserPasswordExpiryTimeComputed")
    if computed is not None:
        when = parse_filetime(computed, "msDS-UserPasswordExpiryTimeComputed")
        return None if when == FOREVER else when
    last_set = _password_set_at(entry)
    if last_set == BEGINNING:
        return BEGINNING
    age = domain.policy.max_password_age
    return None if age is None else _later(last_set, age)


def _password_set_at(entry: Entry) -> datetime:
    """The beginning for one that must be changed at once. Source: MS-ADA3 (pwdLastSet)."""
    return parse_filetime(entry.require("pwdLastSet"), "pwdLastSet")


def _later(start: datetime, duration: Duration) -> datetime:
    """FOREVER where the duration has no end, or the end no date."""
    return FOREVER if duration is None or FOREVER - start < duration else start + duration
