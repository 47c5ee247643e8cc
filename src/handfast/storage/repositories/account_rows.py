"""Accounts as rows: the columns that are read, and what is written of an account's names and of what the directory says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from handfast.identity.names import fold, made_up_upn
from handfast.identity.records import Account, AccountState, DirectoryFacts, NewAccount
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
    _c.folded_upn,
    *(_c[name] for name in FACT_COLUMNS),
)


def account_of(row: Row) -> Account:
    """The account of a row of `ACCOUNT`."""
    (
        key,
        user,
        domain,
        upn,
        state,
        created_at,
        display_name,
        sid,
        pin_verifier,
        folded_user,
        folded_upn,
        *rest,
    ) = row
    facts = None if sid is None else DirectoryFacts(*rest)
    is_named = folded_user is not None
    leads_here = folded_upn is not None or not is_named
    is_upn_made_up = facts is not None and not upn and leads_here
    if facts is not None and is_upn_made_up:
        upn = made_up_upn(user, facts.realm)
    return Account(
        key,
        user,
        domain,
        upn if leads_here else "",
        AccountState(state),
        created_at,
        display_name,
        sid,
        pin_verifier,
        facts,
        is_named=is_named,
        contested_upn="" if leads_here else upn,
        is_upn_made_up=is_upn_made_up,
    )


def name_values(
    *,
    user: str,
    domain: str,
    upn: str,
    display_name: str,
    is_named: bool,
    contested_upn: str = "",
    is_upn_made_up: bool = False,
) -> dict[str, str | None]:
    """Values of `NAME_COLUMNS`. The folded ones are what is unique; an account without names leaves them to others.

    `upn` is what the directory has, so that of a mirrored account it is empty where one is made up; `folded_upn` is what
    leads to the account, so that of one with names it is empty where others claim the UPN.
    """
    return {
        "user_name": user,
        "domain": domain,
        "upn": "" if is_upn_made_up else upn or contested_upn,
        "display_name": display_name,
        "folded_user": fold(user) if is_named else None,
        "folded_domain": fold(domain),
        "folded_upn": fold(upn) if upn and is_named else None,
    }


def new_values(new: NewAccount, now: datetime) -> dict[str, Any]:
    """Values of a mirrored account's whole row."""
    names = name_values(
        user=new.user,
        domain=new.domain,
        upn=new.upn,
        display_name=new.display_name,
        is_named=new.is_named,
        contested_upn=new.contested_upn,
        is_upn_made_up=new.is_upn_made_up,
    )
    mail = folded_mail(new.directory.mail, is_named=new.is_named)
    own = {"state": AccountState.ENABLED, "created_at": now, "sid": new.sid, "folded_mail": mail}
    return {**names, **own, **fact_values(new.directory)}


def fact_values(facts: DirectoryFacts | None) -> dict[str, Any]:
    """Values of `FACT_COLUMNS`; all None for a local account."""
    return {name: None if facts is None else getattr(facts, name) for name in FACT_COLUMNS}


def folded_mail(mail: str, *, is_named: bool) -> str | None:
    """The mail address as it is looked for."""
    return fold(mail) if mail and is_named else None
