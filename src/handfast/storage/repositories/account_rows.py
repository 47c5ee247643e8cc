"""Accounts as rows: the columns that are read, and what is written of an account's names and of what the directory says."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from handfast.identity.names import fold
from handfast.identity.records import Account, AccountState, DirectoryFacts
from handfast.storage.schema import accounts
from handfast.storage.statements import Row

_c = accounts.c
FACT_COLUMNS = (
    "realm",
    "read_at",
    "is_present",
    "is_enabled",
    "is_delegable",
    "locked_until",
    "expires_at",
    "password_expires_at",
    "mail",
    "password_set_at",
)
NAME_COLUMNS = ("user_name", "domain", "upn", "display_name", "folded_user", "folded_domain", "folded_upn")
ACCOUNT = select(
    _c.id,
    _c.user_name,
    _c.domain,
    _c.upn,
    _c.state,
    _c.created_at,
    _c.display_name,
    _c.sid,
    _c.pin_verifier,
    _c.folded_user,
    *(_c[name] for name in FACT_COLUMNS),
)


def account_of(row: Row) -> Account:
    """The account of a row of `ACCOUNT`."""
    key, user, domain, upn, state, created_at, display_name, sid, pin_verifier, folded_user, *facts = row
    return Account(
        key,
        user,
        domain,
        upn,
        AccountState(state),
        created_at,
        display_name,
        sid,
        pin_verifier,
        None if sid is None else DirectoryFacts(*facts),
        is_named=folded_user is not None,
    )


def name_values(
    *, user: str, domain: str, upn: str, display_name: str, is_named: bool
) -> dict[str, str | None]:
    """Values of `NAME_COLUMNS`. The folded ones are what is unique; an account without names leaves them to others."""
    return {
        "user_name": user,
        "domain": domain,
        "upn": upn,
        "display_name": display_name,
        "folded_user": fold(user) if is_named else None,
        "folded_domain": fold(domain),
        "folded_upn": fold(upn) if upn and is_named else None,
    }


def fact_values(facts: DirectoryFacts | None) -> dict[str, Any]:
    """Values of `FACT_COLUMNS`; all None for a local account."""
    return {name: None if facts is None else getattr(facts, name) for name in FACT_COLUMNS}


def folded_mail(mail: str, *, is_named: bool) -> str | None:
    """The mail address as it is looked for."""
    return fold(mail) if mail and is_named else None
