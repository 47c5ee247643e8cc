"""What the directory says, stored: each account found by its SID alone, whatever it is called now or was before.

A renamed or moved account keeps its row, and with it its devices and app passwords. One that was made anew under an old
name has another SID: it gets a row of its own, and nothing of the row that had the name (`naming`: who has which).

All of it may be run again, in any order of the accounts: what is stored already changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from handfast.identity.audit import AuditEvent
from handfast.identity.directory.changes import (
    MirrorPolicy,
    describe_changes,
    describe_regrouping,
    is_learned,
    takes_something_away,
    touches_watched,
)
from handfast.identity.directory.claims import claim_of
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.directory.naming import Names, Naming, login_of
from handfast.identity.directory.news import fitting, with_known_names
from handfast.identity.directory.unit_of_work import ACTOR, MirrorReport, UnitOfWork
from handfast.identity.directory.working_set import WorkingSet
from handfast.identity.names import find_name_problem, principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, DirectoryGroup, NewAccount, RevocationScope


def mirror_accounts(
    repositories: Repositories, entries: Sequence[DirectoryAccount], policy: MirrorPolicy, now: datetime
) -> MirrorReport:
    """Stores what the directory says of these accounts."""
    latest = list({entry.sid: entry for entry in entries}.values())
    unit = UnitOfWork(repositories, WorkingSet(repositories, latest, now), now)
    mirroring = _Mirroring(unit, policy)
    for entry in latest:
        mirroring.naming.release_old(entry)
    for entry in latest:
        mirroring.store(entry)
    return unit.finish()


def mirror_gone(repositories: Repositories, sids: Iterable[str], now: datetime) -> MirrorReport:
    """These are no longer among the accounts that are mirrored. What hangs on them stays, should they come back."""
    return _mark(repositories, sids, now, UnitOfWork.mark_gone)


def mirror_unreadable(repositories: Repositories, sids: Iterable[str], now: datetime) -> MirrorReport:
    """These are there, and can't be judged: each is refused, and costs nobody else anything. Who is not known stays unknown."""
    return _mark(repositories, sids, now, UnitOfWork.mark_unreadable)


def _mark(
    repositories: Repositories,
    sids: Iterable[str],
    now: datetime,
    mark: Callable[[UnitOfWork, Account], None],
) -> MirrorReport:
    accounts = repositories.accounts.find_by_sids(sids)
    unit = UnitOfWork(repositories, WorkingSet(repositories, (), now, accounts), now)
    for account in accounts:
        mark(unit, account)
    return unit.finish()


def find_free_names(repositories: Repositories, now: datetime) -> tuple[list[str], MirrorReport]:
    """The SIDs of accounts whose names others kept from them, and have no longer; and whose names are kept. Stores nothing."""
    waiting = (*repositories.accounts.list_unnamed(), *repositories.accounts.list_without_upn())
    entries = [as_entry(account, frozenset()) for account in waiting if not account.is_gone]
    unit = UnitOfWork(repositories, WorkingSet(repositories, entries, now), now)
    naming = Naming(unit)
    return [entry.sid for entry in entries if naming.is_free(entry)], unit.report


def claim_free_names(
    repositories: Repositories, sids: Iterable[str], policy: MirrorPolicy, now: datetime
) -> MirrorReport:
    """Gives these accounts the names that they wait for, where those are still free."""
    waiting = [one for one in repositories.accounts.find_by_sids(sids) if not one.is_gone]
    groups = repositories.accounts.groups_of_all(one.id for one in waiting)
    entries = [as_entry(account, groups.get(account.id, frozenset())) for account in waiting]
    unit = UnitOfWork(repositories, WorkingSet(repositories, entries, now), now)
    mirroring = _Mirroring(unit, policy)
    for entry in entries:
        if mirroring.naming.is_free(entry):
            mirroring.store(entry)
    return unit.finish()


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

    def __init__(self, unit: UnitOfWork, policy: MirrorPolicy) -> None:
        self._unit = unit
        self._accounts = unit.accounts
        self._policy = policy
        self.naming = Naming(unit)

    def store(self, entry: DirectoryAccount) -> None:
        """One account as the directory has it."""
        problem = find_name_problem(entry.user, entry.domain, entry.upn)
        account = self._accounts.with_sid(entry.sid)
        if problem or not entry.sid:
            self._unit.report.unfit.append(f"{entry.sid}: {problem or 'an account without a SID'}")
            if account is not None:
                self._unit.mark_unreadable(account)
            return
        names = self.naming.take(entry)
        if account is None:
            self._add(entry, names)
        else:
            self._update(account, entry, names)

    def _add(self, entry: DirectoryAccount, names: Names) -> None:
        new = NewAccount(entry.sid, directory=fitting(entry.facts), **names.fields())
        self._note_renamed_groups(entry.groups)
        self._accounts.add(new, entry.groups)
        event = AuditEvent.ACCOUNT_MIRRORED if names.is_named else AuditEvent.ACCOUNT_NAME_CONFLICT
        self._unit.record(event, new, {"sid": entry.sid})
        if not names.has_upn:
            details = {"sid": entry.sid, "upn": entry.upn}
            self._unit.record(AuditEvent.ACCOUNT_NAME_CONFLICT, new, details)

    def _update(self, account: Account, entry: DirectoryAccount, names: Names) -> None:
        assert account.directory is not None
        is_cut = self._rename(account, entry, names)
        before, after = account.directory, fitting(entry.facts)
        changes = describe_changes(before, after)
        if changes:
            self._accounts.set_directory(account, after)
            if not is_learned(before, changes):
                event = AuditEvent.ACCOUNT_CHANGED if before.is_present else AuditEvent.ACCOUNT_RETURNED
                self._unit.record(event, account, {"sid": entry.sid, **changes})
            is_cut = is_cut or takes_something_away(before, after, self._policy, self._unit.now)
        is_cut = self._regroup(account, entry) or is_cut
        if is_cut:
            self._unit.revoke(account)

    def _rename(self, account: Account, entry: DirectoryAccount, names: Names) -> bool:
        """True where a name that led to it does so no longer."""
        renamed = replace(account, **names.fields())
        if renamed == account:
            return False
        self._accounts.rename(renamed)
        details = {"sid": entry.sid, "before": login_of(account), "after": login_of(renamed)}
        self._unit.record(AuditEvent.ACCOUNT_RENAMED, account, details)
        if not names.is_named:
            details = {"sid": entry.sid, "name": login_of(entry)}
            self._unit.record(AuditEvent.ACCOUNT_NAME_CONFLICT, account, details)
        if not names.has_upn:
            details = {"sid": entry.sid, "upn": entry.upn}
            self._unit.record(AuditEvent.ACCOUNT_NAME_CONFLICT, account, details)
        has_other_login = (account.user, account.domain) != (entry.user, entry.domain)
        return has_other_login or account.upn not in {"", renamed.upn} or not names.is_named

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
            self._unit.record(AuditEvent.ACCOUNT_REGROUPED, account, {"sid": entry.sid, **details})
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
                self._unit.repositories.revocations.publish(RevocationScope.EVERYTHING, now=self._unit.now)
