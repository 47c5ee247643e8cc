"""What the directory says, stored: each account found by its SID alone, whatever it is called now or was before.

A renamed or moved account keeps its row, and with it its devices and app passwords. One that was made anew under an old
name has another SID: it gets a row of its own, and nothing of the row that had the name. The directory gives a
sAMAccountName to one account at a time, so an account that comes with one takes it from whoever had it; that one counts
as gone until the directory names it again, which is in this very reading or the next. A UPN is taken from nobody who is
there: see `claims`. Local accounts are nobody's to take over: a mirrored account of the same name is stored without
names, and nobody signs in to it, until the name is free.

All of it may be run again, in any order of the accounts: what is stored already changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from handfast.identity.audit import AuditEvent, AuditNote
from handfast.identity.directory.changes import (
    MirrorPolicy,
    describe_changes,
    describe_regrouping,
    is_learned,
    takes_something_away,
    touches_watched,
)
from handfast.identity.directory.claims import claim_of, prevails
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.directory.news import fitting, with_known_names
from handfast.identity.directory.working_set import WorkingSet
from handfast.identity.names import find_name_problem, fold, principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, DirectoryGroup, NewAccount, RevocationScope
from handfast.protocols.ntlm.upcase import is_surely_one

ACTOR = "directory"


@dataclass(slots=True)
class MirrorReport:
    """What came of mirroring: how often each thing happened, and what a person has to look at."""

    events: list[AuditEvent] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    """Mirrored accounts whose name a local account has, or another one in letters that the domain may keep apart."""
    contested: list[str] = field(default_factory=list)
    """Accounts whose UPN leads to nobody or to somebody else, because several have it."""
    unfit: list[str] = field(default_factory=list)
    """Accounts whose names can't be an account's here; they are not mirrored."""

    def add(self, other: MirrorReport) -> None:
        """Adds up."""
        self.events += other.events
        self.conflicts += other.conflicts
        self.contested += other.contested
        self.unfit += other.unfit


def mirror_accounts(
    repositories: Repositories, entries: Sequence[DirectoryAccount], policy: MirrorPolicy, now: datetime
) -> MirrorReport:
    """Stores what the directory says of these accounts."""
    latest = list({entry.sid: entry for entry in entries}.values())
    mirroring = _Mirroring(repositories, WorkingSet(repositories, latest, now), policy, now)
    for entry in latest:
        mirroring.release_old_names(entry)
    for entry in latest:
        mirroring.store(entry)
    return mirroring.finish()


def mirror_gone(repositories: Repositories, sids: Iterable[str], now: datetime) -> MirrorReport:
    """These are no longer among the accounts that are mirrored. What hangs on them stays, should they come back."""
    accounts = repositories.accounts.find_by_sids(sids)
    mirroring = _Mirroring(repositories, WorkingSet(repositories, (), now, accounts), MirrorPolicy(), now)
    for account in accounts:
        mirroring.mark_gone(account)
    return mirroring.finish()


def find_free_names(repositories: Repositories, now: datetime) -> tuple[list[str], MirrorReport]:
    """The SIDs of accounts whose names others kept from them, and have no longer; and whose names are kept. Stores nothing."""
    waiting = (*repositories.accounts.list_unnamed(), *repositories.accounts.list_without_upn())
    entries = [as_entry(account, frozenset()) for account in waiting if not account.is_gone]
    mirroring = _Mirroring(repositories, WorkingSet(repositories, entries, now), MirrorPolicy(), now)
    return [entry.sid for entry in entries if mirroring.is_free(entry)], mirroring.report


def claim_free_names(
    repositories: Repositories, sids: Iterable[str], policy: MirrorPolicy, now: datetime
) -> MirrorReport:
    """Gives these accounts the names that they wait for, where those are still free."""
    waiting = [one for one in repositories.accounts.find_by_sids(sids) if not one.is_gone]
    groups = repositories.accounts.groups_of_all(one.id for one in waiting)
    entries = [as_entry(account, groups.get(account.id, frozenset())) for account in waiting]
    mirroring = _Mirroring(repositories, WorkingSet(repositories, entries, now), policy, now)
    for entry in entries:
        if mirroring.is_free(entry):
            mirroring.store(entry)
    return mirroring.finish()


def as_entry(account: Account, groups: frozenset[DirectoryGroup]) -> DirectoryAccount:
    """A mirrored account as the directory last said it."""
    assert account.sid is not None
    assert account.directory is not None
    claim = claim_of(account)
    names = (account.user, account.domain, claim.upn, account.display_name)
    return DirectoryAccount(account.sid, *names, account.directory, groups, claim.is_made_up)


def end_accounts(
    repositories: Repositories, policy: MirrorPolicy, *, after: datetime, until: datetime
) -> MirrorReport:
    """Cuts what accounts have open whose time, or whose domain password's, has ended between the two instants."""
    report = MirrorReport()
    for account in repositories.accounts.list_ended(after=after, until=until):
        assert account.directory is not None
        expires_at = account.directory.expires_at
        is_over = expires_at is not None and after < expires_at <= until
        if not is_over and not policy.refuses_expired_passwords:
            continue
        repositories.revocations.publish(RevocationScope.ACCOUNT, now=until, account_id=account.id)
        repositories.audit.append(
            AuditEvent.ACCOUNT_ENDED,
            now=until,
            actor=ACTOR,
            subject=principal_of(account),
            details={"what": "account" if is_over else "domain password"},
        )
        report.events.append(AuditEvent.ACCOUNT_ENDED)
    return report


class _Mirroring:
    """One transaction's worth."""

    def __init__(
        self, repositories: Repositories, accounts: WorkingSet, policy: MirrorPolicy, now: datetime
    ) -> None:
        self._repositories = repositories
        self._accounts = accounts
        self._policy = policy
        self._now = now
        self._notes: list[AuditNote] = []
        self.report = MirrorReport()

    def finish(self) -> MirrorReport:
        """Stores what was gathered."""
        self._accounts.flush()
        self._repositories.audit.append_all(self._notes, now=self._now, actor=ACTOR)
        self.report.events += [note.event for note in self._notes]
        return self.report

    def release_old_names(self, entry: DirectoryAccount) -> None:
        """A name that its account has no longer is free for the others of the same reading: so two can swap theirs."""
        account = self._accounts.with_sid(entry.sid)
        if account is not None and account.is_named and _key_of(account) != _key_of(entry):
            self._release(account)

    def store(self, entry: DirectoryAccount) -> None:
        """One account as the directory has it."""
        problem = find_name_problem(entry.user, entry.domain, entry.upn)
        account = self._accounts.with_sid(entry.sid)
        if problem or not entry.sid:
            self.report.unfit.append(f"{entry.sid}: {problem or 'an account without a SID'}")
            if account is not None:
                self.mark_gone(account)
            return
        is_named = self._take_names(entry)
        has_upn = self._take_upn(entry) if is_named else True
        if account is None:
            self._add(entry, is_named=is_named, has_upn=has_upn)
        else:
            self._update(account, entry, is_named=is_named, has_upn=has_upn)

    def mark_gone(self, account: Account, *, name_now_of: str = "") -> None:
        """It keeps its names, so that what it is refused for can be told, until another account comes with them."""
        assert account.sid is not None
        assert account.directory is not None
        if account.is_gone:
            return
        self._accounts.set_directory(account, replace(account.directory, is_present=False, read_at=self._now))
        self._revoke(account)
        details = {"sid": account.sid, **({"name_now_of": name_now_of} if name_now_of else {})}
        self._record(AuditEvent.ACCOUNT_GONE, account, details)

    def is_free(self, entry: DirectoryAccount) -> bool:
        """True where nobody keeps its names, or else its UPN, from an account that is stored already."""
        account = self._accounts.with_sid(entry.sid)
        if account is not None and account.is_named:
            kept, is_free = self.report.contested, prevails(claim_of(entry), self._rivals(entry))
        else:
            holder = self._accounts.with_login(entry.domain, entry.user)
            is_there = holder is not None and not holder.is_gone
            kept, is_free = self.report.conflicts, not is_there and not self._is_local_name(entry)
        if not is_free:
            kept.append(_login(entry))
        return is_free

    def _take_names(self, entry: DirectoryAccount) -> bool:
        """True where the entry's account may have its names: who had its login before has given way.

        It gives way to one name alone. One that a domain may keep apart from it says nothing of who had it.
        """
        holder = self._accounts.with_login(entry.domain, entry.user)
        if self._is_local_name(entry) or (holder is not None and _is_twin(holder, entry)):
            self.report.conflicts.append(_login(entry))
            return False
        if holder is not None and holder.sid != entry.sid:
            self.mark_gone(holder, name_now_of=entry.sid)
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
            self._revoke(account)
            details = {"sid": account.sid or "", "upn": claim.upn, "also_of": taker.sid}
            self._record(AuditEvent.ACCOUNT_NAME_CONFLICT, account, details)

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

    def _add(self, entry: DirectoryAccount, *, is_named: bool, has_upn: bool) -> None:
        new = NewAccount(
            entry.sid,
            directory=fitting(entry.facts),
            **_names_here(entry, is_named=is_named, has_upn=has_upn),
        )
        self._note_renamed_groups(entry.groups)
        self._accounts.add(new, entry.groups)
        event = AuditEvent.ACCOUNT_MIRRORED if is_named else AuditEvent.ACCOUNT_NAME_CONFLICT
        self._record(event, new, {"sid": entry.sid})
        if not has_upn:
            self._record(AuditEvent.ACCOUNT_NAME_CONFLICT, new, {"sid": entry.sid, "upn": entry.upn})

    def _update(self, account: Account, entry: DirectoryAccount, *, is_named: bool, has_upn: bool) -> None:
        assert account.directory is not None
        is_cut = self._rename(account, entry, is_named=is_named, has_upn=has_upn)
        before, after = account.directory, fitting(entry.facts)
        changes = describe_changes(before, after)
        if changes:
            self._accounts.set_directory(account, after)
            if not is_learned(before, changes):
                event = AuditEvent.ACCOUNT_CHANGED if before.is_present else AuditEvent.ACCOUNT_RETURNED
                self._record(event, account, {"sid": entry.sid, **changes})
            is_cut = is_cut or takes_something_away(before, after, self._policy, self._now)
        is_cut = self._regroup(account, entry) or is_cut
        if is_cut:
            self._revoke(account)

    def _rename(self, account: Account, entry: DirectoryAccount, *, is_named: bool, has_upn: bool) -> bool:
        """True where a name that led to it does so no longer."""
        renamed = replace(account, **_names_here(entry, is_named=is_named, has_upn=has_upn))
        if renamed == account:
            return False
        self._accounts.rename(renamed)
        details = {"sid": entry.sid, "before": _login(account), "after": _login(renamed)}
        self._record(AuditEvent.ACCOUNT_RENAMED, account, details)
        if not is_named:
            self._record(AuditEvent.ACCOUNT_NAME_CONFLICT, account, {"sid": entry.sid, "name": _login(entry)})
        if not has_upn:
            self._record(AuditEvent.ACCOUNT_NAME_CONFLICT, account, {"sid": entry.sid, "upn": entry.upn})
        has_other_login = (account.user, account.domain) != (entry.user, entry.domain)
        return has_other_login or account.upn not in {"", renamed.upn} or not is_named

    def _regroup(self, account: Account, entry: DirectoryAccount) -> bool:
        """True where a group that rules speak of was won or lost: a refusal may hang on either."""
        before = self._accounts.groups_of(account)
        named = with_known_names(entry.groups, before)
        if named == before:
            return False
        self._note_renamed_groups(named)
        self._accounts.set_groups(account, named)
        details = describe_regrouping(before, named)
        if details:
            self._record(AuditEvent.ACCOUNT_REGROUPED, account, {"sid": entry.sid, **details})
        return touches_watched(self._policy, before, named)

    def _note_renamed_groups(self, groups: Iterable[DirectoryGroup]) -> None:
        """A group that rules name means other people under another name: everybody is asked anew."""
        known = self._accounts.groups
        for group in groups:
            before = known.get(group.sid)
            known[group.sid] = group
            if before is None or not group.name or before == group:
                continue
            if touches_watched(self._policy, frozenset({before}), frozenset({group})):
                self._repositories.revocations.publish(RevocationScope.EVERYTHING, now=self._now)

    def _revoke(self, account: Account) -> None:
        self._repositories.revocations.publish(RevocationScope.ACCOUNT, now=self._now, account_id=account.id)

    def _record(self, event: AuditEvent, account: Account | NewAccount, details: dict[str, str]) -> None:
        self._notes.append(AuditNote(event, principal_of(account), details))


def _names_here(entry: DirectoryAccount, *, is_named: bool, has_upn: bool) -> dict[str, Any]:
    """The fields of an account that say what it is called."""
    return {
        "user": entry.user,
        "domain": entry.domain,
        "upn": entry.upn if has_upn else "",
        "display_name": entry.display_name,
        "is_named": is_named,
        "contested_upn": "" if has_upn or entry.is_upn_made_up else entry.upn,
        "is_upn_made_up": has_upn and entry.is_upn_made_up,
    }


def _key_of(named: Account | DirectoryAccount) -> tuple[str, str, str]:
    """What is unique of its names."""
    return fold(named.domain), fold(named.user), fold(claim_of(named).upn)


def _is_twin(holder: Account, entry: DirectoryAccount) -> bool:
    """True where another account is there whose user name the domain may keep apart from the entry's, though we don't."""
    return holder.sid != entry.sid and not holder.is_gone and not is_surely_one(holder.user, entry.user)


def _login(named: Account | DirectoryAccount) -> str:
    return f"{named.domain}\\{named.user}" + (f" ({named.upn})" if named.upn else "")
