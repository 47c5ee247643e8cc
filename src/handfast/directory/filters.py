"""LDAP filters, with every value escaped (RFC 4515 3)."""

from __future__ import annotations

from collections.abc import Iterable

USERS = "(sAMAccountType=805306368)"
"""Ordinary user accounts; machines, trusts and managed service accounts have other types. Source: MS-SAMR 2.2.1.9."""
GROUPS = "(objectCategory=group)"
BUILTIN = "BUILTIN"
"""The domain of the groups that every machine has."""


def escape(value: str | bytes) -> str:
    """A value within a filter. Everything but letters, digits and a few harmless signs as `\\xx`, so nothing is forgotten."""
    data = value.encode("utf-8") if isinstance(value, str) else value
    return "".join(chr(one) if chr(one).isascii() and chr(one) in _PLAIN else f"\\{one:02x}" for one in data)


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@")


def equals(attribute: str, value: str | bytes) -> str:
    """`(attribute=value)`."""
    return f"({attribute}={escape(value)})"


def both(*filters: str) -> str:
    """All of them; "" are left out."""
    wanted = [one for one in filters if one]
    return wanted[0] if len(wanted) == 1 else f"(&{''.join(wanted)})"


def either(filters: Iterable[str]) -> str:
    """Any of them; at least one."""
    wanted = list(filters)
    return wanted[0] if len(wanted) == 1 else f"(|{''.join(wanted)})"


def changed_since(usn: int) -> str:
    """Objects this controller changed after `usn`. Source: MS-ADTS 3.1.1.1.9."""
    return f"(uSNChanged>={usn + 1})"


def with_sids(sids: Iterable[str]) -> str:
    """Objects with any of these SIDs, which Active Directory takes in their text form (MS-ADTS 3.1.1.3.1.3.1.2)."""
    return either(equals("objectSid", sid) for sid in sids)


def by_group_name(name: str, netbios_domain: str) -> str:
    """Groups that a rule may mean, by SID or as `DOMAIN\\name`; "" where its domain is another one.

    Rules know the domain by its NetBIOS name alone.
    """
    if name.upper().startswith("S-1-"):
        return equals("objectSid", name.upper())
    domain, _, group = name.partition("\\")
    is_ours = domain.casefold() in (netbios_domain.casefold(), BUILTIN.casefold())
    return equals("sAMAccountName", group) if group and is_ours else ""


def by_name(name: str, dns_domain: str, netbios_domain: str) -> str:
    """Users a login name may mean; "" where its domain is another one. Mail addresses count where it looks like one.

    `user@dns.domain` means the account with that sAMAccountName also where no UPN says so (MS-ADTS 5.1.1.1.1).
    """
    domain, backslash, user = name.rpartition("\\")
    if backslash:
        known = {netbios_domain.casefold(), dns_domain.casefold()}
        return equals("sAMAccountName", user) if user and domain.casefold() in known else ""
    if name.upper().startswith("S-1-"):
        return equals("objectSid", name.upper())
    if "@" not in name:
        return equals("sAMAccountName", name)
    user, _, suffix = name.rpartition("@")
    claims = [
        equals("userPrincipalName", name),
        equals("mail", name),
        equals("proxyAddresses", f"smtp:{name}"),
    ]
    if suffix.casefold() == dns_domain.casefold():
        claims.append(both(equals("sAMAccountName", user), "(!(userPrincipalName=*))"))
    return either(claims)
