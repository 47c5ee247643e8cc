"""Accounts of our records, as the mirror makes them of the directory's."""

from __future__ import annotations

from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.records import Account, AccountId, AccountState


def as_account(found: DirectoryAccount) -> Account:
    now = found.facts.read_at
    return Account(
        AccountId(1), found.user, found.domain, found.upn, AccountState.ENABLED, now, sid=found.sid
    )
