"""Accounts as delegation sees them, for the check of Kerberos: any class of account, wherever in the domain."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from handfast.directory import filters
from handfast.directory.account_attributes import build_account, parse_direct_groups
from handfast.directory.controllers import Controllers, Link
from handfast.directory.domain_facts import DomainFacts
from handfast.directory.entries import Entry
from handfast.directory.reading import read_domain
from handfast.directory.session import EXTENDED_DN
from handfast.directory.values import parse_number, parse_sid, parse_text
from handfast.identity.directory.domain_account import DomainAccount
from handfast.identity.ports import Unavailable
from handfast.protocols.errors import MalformedMessage

ATTRIBUTES = (
    "objectSid",
    "sAMAccountName",
    "userAccountControl",
    "accountExpires",
    "lockoutTime",
    "logonHours",
    "pwdLastSet",
    "msDS-User-Account-Control-Computed",
    "msDS-UserPasswordExpiryTimeComputed",
    "memberOf",
    "primaryGroupID",
    "servicePrincipalName",
    "msDS-AllowedToDelegateTo",
    "msDS-SupportedEncryptionTypes",
    "msDS-KeyVersionNumber",
)
_EXTENSIONS = re.compile(r"^(?:<[A-Z]+=[^>]*>;)+")
MAX_HOLDERS = 20
"""Of one SPN; two are a fault already."""


class ServiceAccounts:
    """Fits `doctor.kerberos.gathering.DomainView`. Every call raises: Unavailable."""

    def __init__(self, controllers: Controllers, clock: Callable[[], datetime]) -> None:
        self._controllers = controllers
        self._clock = clock

    async def find(self, name: str) -> DomainAccount | None:
        """By user name or UPN; None also where two fit."""
        found = await self._search(
            filters.either(
                (filters.equals("sAMAccountName", name), filters.equals("userPrincipalName", name))
            )
        )
        return found[0] if len(found) == 1 else None

    async def holders(self, spn: str) -> tuple[DomainAccount, ...]:
        """Accounts that hold an SPN; the directory compares without case."""
        return await self._search(filters.equals("servicePrincipalName", spn))

    async def clock_offset_seconds(self) -> float:
        """The controller's clock minus ours, to about a second: it tells whole ones."""

        async def look(link: Link) -> float:
            domain = await read_domain(link)
            return (domain.root.now - self._clock()).total_seconds()

        return await self._controllers.ask(look)

    async def _search(self, query: str) -> tuple[DomainAccount, ...]:
        async def look(link: Link) -> tuple[DomainAccount, ...]:
            domain = await read_domain(link)
            page = await link.page(
                domain.root.naming_context,
                query,
                ATTRIBUTES,
                controls=[EXTENDED_DN],
                page_size=MAX_HOLDERS,
            )
            try:
                return tuple([await self._read(link, domain, entry) for entry in page.entries])
            except MalformedMessage as malformed:
                # Of one account: that is no fault of the controller's, and opens no breaker.
                raise Unavailable(f"{link.name}: {malformed}") from None

        return await self._controllers.ask(look)

    async def _read(self, link: Link, domain: DomainFacts, entry: Entry) -> DomainAccount:
        plain = plain_name(entry.dn)
        nested = await link.read(plain, ("tokenGroups",))
        sids = [parse_sid(value) for value in nested.values.get("tokengroups", ())] if nested else []
        rids = {int(sid.rpartition("-")[2]) for sid in sids if sid.startswith(f"{domain.sid}-")}
        direct = {key for key in parse_direct_groups(entry, domain.sid) if isinstance(key, int)}
        return parse_domain_account(entry, plain, domain, frozenset(rids | direct), self._clock())


def parse_domain_account(
    entry: Entry, distinguished_name: str, domain: DomainFacts, group_rids: frozenset[int], now: datetime
) -> DomainAccount:
    """`group_rids` are of the domain's own groups. Raises: MalformedMessage."""
    account = build_account(entry, domain, frozenset(), read_at=now, lockout_durations={})
    return DomainAccount(
        distinguished_name=distinguished_name,
        name=parse_text(entry.require("sAMAccountName"), "sAMAccountName"),
        control=parse_number(entry.require("userAccountControl"), "userAccountControl"),
        encryption_types=_optional_number(entry, "msDS-SupportedEncryptionTypes"),
        key_version=_optional_number(entry, "msDS-KeyVersionNumber"),
        spns=_texts(entry.values, "servicePrincipalName"),
        delegates_to=_texts(entry.values, "msDS-AllowedToDelegateTo"),
        expires_at=account.facts.expires_at,
        locked_until=account.facts.locked_until,
        password_expires_at=account.facts.password_expires_at,
        has_hours=bool((entry.first("logonHours") or b"").strip(b"\xff")),
        group_rids=group_rids,
        sid=account.sid,
    )


def _optional_number(entry: Entry, attribute: str) -> int | None:
    value = entry.first(attribute)
    return None if value is None else parse_number(value, attribute)


def _texts(values: Mapping[str, object], attribute: str) -> tuple[str, ...]:
    found = values.get(attribute.lower(), ())
    assert isinstance(found, list | tuple)
    return tuple(parse_text(value, attribute) for value in found)


def plain_name(extended: str) -> str:
    """The name without the GUID and SID that the extended form begins with."""
    return _EXTENSIONS.sub("", extended)
