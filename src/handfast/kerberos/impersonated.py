"""Whom we sign in: the principal of an account, if it may be said to a KDC at all, and the SID that the ticket must have."""

from __future__ import annotations

from handfast.identity.directory.ports import DelegationFailure, DelegationRefused
from handfast.identity.records import Account
from handfast.protocols.kerberos.principal import Principal

MAX_USER_CHARACTERS = 256
"""Of a sAMAccountName. Source: MS-ADA3 2.222."""
_TURNED_INTO_ANOTHER = frozenset("/@\\")


def impersonated(account: Account) -> tuple[str, str]:
    r"""`sAMAccountName@REALM` of a mirrored account, escaped, and the account's SID.

    The name is what a KDC can be asked for, and the SID who is meant: names are given anew, and of several KDCs one may know of it
    before the others, or before us.

    A KDC looks a name up in several ways: with `@` in it as a user principal name, with `/` as a service's. An account
    called `boss@contoso.lab` would thus sign in as the boss. Active Directory allows neither (nor `\`) in a new user's
    name, so such accounts are refused. Source: MS-KILE 3.3.5.6.1; MS-SAMR 3.1.1.8.4.

    Raises: DelegationRefused, also for local accounts and those that must not be delegated.
    """
    facts = account.directory
    if facts is None:
        raise _refused(f"{account.user} is a local account: no domain knows it")
    if not facts.is_delegable:
        raise _refused(f"{account.user} is marked as sensitive: it cannot be delegated")
    if not facts.is_present:
        raise _refused(f"{account.user} is gone from the directory")
    if not _is_plain(account.user) or not facts.realm:
        raise _refused("the account's name can't be told to a KDC without changing its meaning")
    if not account.sid:
        raise _refused(
            f"no SID is known of {account.user}, by which a ticket could be told from another account's"
        )
    return str(Principal((account.user,), facts.realm)), account.sid


def _is_plain(user: str) -> bool:
    return (
        0 < len(user) <= MAX_USER_CHARACTERS
        and user.isprintable()
        and _TURNED_INTO_ANOTHER.isdisjoint(user)
        and not any(0xD800 <= ord(character) < 0xE000 for character in user)
    )


def _refused(detail: str) -> DelegationRefused:
    return DelegationRefused(DelegationFailure.REFUSED, detail)
