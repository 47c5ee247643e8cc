"""Which account has which names, where two are said to have one.

The directory gives a sAMAccountName to one account at a time, so an account that comes with one takes it from whoever
had it; that one counts as gone until the directory names it again, which is in this very reading or the next. A UPN is
taken from nobody who is there: see `claims`. Local accounts are nobody's to take over: a mirrored account of the same
name is stored without names, and nobody signs in to it, until the name is free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from handfast.identity.audit import AuditEvent
from handfast.identity.directory.claims import claim_of, prevails
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.directory.unit_of_work import UnitOfWork
from handfast.identity.names import fold
from handfast.identity.records import Account
from handfast.protocols.ntlm.upcase import is_surely_one


@dataclass(frozen=True, slots=True)
class Names:
    """What an entry's account is called here."""

    entry: DirectoryAccount
    is_named: bool
    """Its login, and with it all its names, leads to it."""
    has_upn: bool
    """Its UPN leads to it. True where it is not named: what it would have is not looked at."""

    def fields(self) -> dict[str, Any]:
        """The fields of an account that say so."""
        entry = self.entry
        return {
            "user": entry.user,
            "domain": entry.domain,
            "upn": entry.upn if self.has_upn else "",
            "display_name": entry.display_name,
            "is_named": self.is_named,
            "contested_upn": "" if self.has_upn or entry.is_upn_made_up else entry.upn,
            "is_upn_made_up": self.has_upn and entry.is_upn_made_up,
        }


class Naming:
    """Gives and takes names within one unit of work."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._accounts = unit.accounts

    def release_old(self, entry: DirectoryAccount) -> None:
        """A name that its account has no longer is free for the others of the same reading: so two can swap theirs."""
        account = self._accounts.with_sid(entry.sid)
        if account is not None and account.is_named and _key_of(account) != _key_of(entry):
            self._release(account)

    def take(self, entry: DirectoryAccount) -> Names:
        """The names that the entry's account may have; who had them before has given way."""
        is_named = self._take_login(entry)
        return Names(entry, is_named, self._take_upn(entry) if is_named else True)

    def is_free(self, entry: DirectoryAccount) -> bool:
        """True where nobody keeps its names, or else its UPN, from an account that is stored already; reported where not."""
        account, report = self._accounts.with_sid(entry.sid), self._unit.report
        if account is not None and account.is_named:
            kept, is_free = report.contested, prevails(claim_of(entry), self._rivals(entry))
        else:
            holder = self._accounts.with_login(entry.domain, entry.user)
            is_there = holder is not None and not holder.is_gone
            kept, is_free = report.conflicts, not is_there and not self._is_local_name(entry)
        if not is_free:
            kept.append(login_of(entry))
        return is_free

    def _take_login(self, entry: DirectoryAccount) -> bool:
        """True where the entry's account may have its names.

        Who has its login gives way to one name alone. One that a domain may keep apart from it says nothing of who had it.
        """
        holder = self._accounts.with_login(entry.domain, entry.user)
        if self._is_local_name(entry) or (holder is not None and _is_twin(holder, entry)):
            self._unit.report.conflicts.append(login_of(entry))
            return False
        if holder is not None and holder.sid != entry.sid:
            self._unit.mark_gone(holder, name_now_of=entry.sid)
            self._release(holder)
        return True

    def _take_upn(self, entry: DirectoryAccount) -> bool:
        """True where the UPN leads to the entry's account from now on. Where it must not lead to a rival, it does no longer."""
        holder = self._accounts.with_upn(entry.upn)
        if holder is not None and holder.sid != entry.sid and (holder.is_gone or not entry.is_upn_made_up):
            self._lose_upn(holder, entry)
        return prevails(claim_of(entry), self._rivals(entry))

    def _is_local_name(self, entry: DirectoryAccount) -> bool:
        """True where a local account has one of the entry's names."""
        holders = (self._accounts.with_login(entry.domain, entry.user), self._accounts.with_upn(entry.upn))
        return any(holder is not None and holder.sid is None for holder in holders)

    def _rivals(self, entry: DirectoryAccount) -> Iterator[Account]:
        """Others that claim the entry's UPN, and are there."""
        return (one for one in self._accounts.claiming(entry.upn) if one.sid != entry.sid)

    def _lose_upn(self, account: Account, taker: DirectoryAccount) -> None:
        claim = claim_of(account)
        contested = "" if claim.is_made_up else claim.upn
        self._accounts.rename(replace(account, upn="", contested_upn=contested, is_upn_made_up=False))
        if not account.is_gone:
            self._unit.revoke(account)
            details = {"sid": account.sid or "", "upn": claim.upn, "also_of": taker.sid}
            self._unit.record(AuditEvent.ACCOUNT_NAME_CONFLICT, account, details)

    def _release(self, account: Account) -> None:
        claim = claim_of(account)
        self._accounts.rename(
            replace(
                account,
                upn=claim.upn,
                is_named=False,
                contested_upn="",
                is_upn_made_up=claim.is_made_up,
            )
        )


def login_of(named: Account | DirectoryAccount) -> str:
    """An account's names, as people are told them."""
    return f"{named.domain}\\{named.user}" + (f" ({named.upn})" if named.upn else "")


def _key_of(named: Account | DirectoryAccount) -> tuple[str, str, str]:
    """What is unique of its names."""
    return fold(named.domain), fold(named.user), fold(claim_of(named).upn)


def _is_twin(holder: Account, entry: DirectoryAccount) -> bool:
    """True where another account is there whose user name the domain may keep apart from the entry's, though we don't."""
    return holder.sid != entry.sid and not holder.is_gone and not is_surely_one(holder.user, entry.user)
