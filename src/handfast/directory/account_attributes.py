"""A user object of the directory as a `DirectoryAccount`. Pure: the bytes, the domain's facts and the moment are arguments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from handfast.directory.domain_facts import DomainFacts
from handfast.directory.entries import Entry, parse_extended_dn
from handfast.directory.group_graph import Key, key_of
from handfast.directory.values import (
    BEGINNING,
    FOREVER,
    PROTOCOL,
    is_never,
    parse_filetime,
    parse_number,
    parse_sid,
    parse_text,
)
from handfast.identity.directory.domain_account import DISABLED, NOT_DELEGATED, PROTECTED_USERS_RID
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.names import made_up_upn
from handfast.identity.records import DirectoryFacts, DirectoryGroup
from handfast.protocols.errors import MalformedMessage

ATTRIBUTES = (
    "objectSid",
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
    "msDS-UserPasswordExpiryTimeComputed",
    "msDS-ResultantPSO",
)

# userAccountControl, beside those of `domain_account`. Source: MS-ADTS 2.2.16.
PASSWORD_NEVER_EXPIRES = 0x0001_0000
SMARTCARD_REQUIRED = 0x0004_0000

Duration = timedelta | None


def parse_direct_groups(entry: Entry, domain_sid: str) -> frozenset[Key]:
    """The groups it is itself a member of, and its primary group. Raises: MalformedMessage."""
    sids = [parse_extended_dn(value, "memberOf") for value in entry.values.get("memberof", ())]
    keys = {key_of(sid, domain_sid) for sid in sids if sid is not None}
    primary = entry.first("primaryGroupID")
    return frozenset(keys | {parse_number(primary, "primaryGroupID")} if primary else keys)


def build_account(
    entry: Entry,
    domain: DomainFacts,
    groups: frozenset[DirectoryGroup],
    *,
    read_at: datetime,
    lockout_duration: Callable[[str], Duration],
) -> DirectoryAccount:
    """`groups` are all it is in. `lockout_duration` gives that of a fine-grained policy's DN. Raises: MalformedMessage."""
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
        locked_until=_locked_until(entry, domain, lockout_duration),
        expires_at=_expires_at(entry),
        password_expires_at=_password_expires_at(entry, domain, control),
        mail=parse_text(entry.first("mail") or b"", "mail"),
        password_set_at=_password_set_at(entry),
    )
    own_upn = parse_text(entry.first("userPrincipalName") or b"", "userPrincipalName")
    return DirectoryAccount(
        sid=parse_sid(entry.require("objectSid")),
        user=user,
        domain=domain.netbios_name,
        upn=own_upn or made_up_upn(user, domain.realm),
        display_name=parse_text(entry.first("displayName") or b"", "displayName"),
        facts=facts,
        groups=groups,
        is_upn_made_up=not own_upn,
    )


def parse_pso(entry: Entry) -> str:
    """DN of the fine-grained password policy that holds for it; "" where the domain's own does, or none is shown.

    Raises: MalformedMessage.
    """
    return parse_text(entry.first("msDS-ResultantPSO") or b"", "msDS-ResultantPSO")


def _locked_until(
    entry: Entry, domain: DomainFacts, lockout_duration: Callable[[str], Duration]
) -> datetime | None:
    """The controller keeps when it locked the account; the end follows from the policy. Source: MS-SAMR 3.1.5.14.6."""
    value = entry.first("lockoutTime")
    if value is None or is_never(value):
        return None
    pso = parse_pso(entry)
    duration = lockout_duration(pso) if pso else domain.policy.lockout_duration
    return _later(parse_filetime(value, "lockoutTime"), duration)


def _expires_at(entry: Entry) -> datetime | None:
    value = entry.first("accountExpires")
    return None if value is None or is_never(value) else parse_filetime(value, "accountExpires")


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
    last_set = parse_filetime(entry.first("pwdLastSet") or b"0", "pwdLastSet")
    if last_set == BEGINNING:
        return BEGINNING
    age = domain.policy.max_password_age
    return None if age is None else _later(last_set, age)


def _password_set_at(entry: Entry) -> datetime | None:
    """The beginning for one that must be changed at once. Source: MS-ADA3 (pwdLastSet)."""
    value = entry.first("pwdLastSet")
    return None if value is None else parse_filetime(value, "pwdLastSet")


def _later(start: datetime, duration: Duration) -> datetime:
    """FOREVER where the duration has no end, or the end no date."""
    return FOREVER if duration is None or FOREVER - start < duration else start + duration
