"""What the directory says, stored: each account found by its SID alone, whatever it is called now or was before.

A renamed or moved account keeps its row, and with it its devices and app passwords. One that was made anew under an old
name has another SID: it gets a row of its own, and nothing of the row that had the name. The directory gives a name to
one account at a time, so an account that comes with a name takes it from whoever had it; that one counts as gone until
the directory names it again, which is in this very reading or the next. Local accounts are nobody's to take over:
a mirrored account of the same name is stored without names, and nobody signs in to it, until the name is free.

All of it may be run again, in any order of the accounts: what is stored already changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from handfast.identity.audit import AuditEvent
from handfast.identity.directory.changes import (
    MirrorPolicy,
    describe_changes,
    describe_regrouping,
    takes_something_away,
    touches_watched,
)
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.names import MAX_NAME_CHARACTERS, find_name_problem, fold, principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, DirectoryFacts, DirectoryGroup, RevocationScope

ACTOR = "directory"


@dataclass(slots=True)
class MirrorReport:
    """What came of mirroring: how often each thing happened, and what a person has to look at."""

    events: list[AuditEvent] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    """Mirrored accounts whose name a local account has."""
    unfit: list[str] = field(default_factory=list)
    """Accounts whose names can't be an account's here; they are not mirrored."""

    def add(self, other: MirrorReport) -> None:
        """Adds up."""
        self.events += other.events
        self.conflicts += other.conflicts
        self.unfit += other.unfit


def mirror_accounts(
    repositories: Repositories, entries: Sequence[DirectoryAccount], policy: MirrorPolicy, now: datetime
) -> MirrorReport:
    """Stores what the directory says of these accounts."""
    mirroring = _Mirroring(repositories, policy, now)
    latest = {entry.sid: entry for entry in entries}
    for entry in latest.values():
        mirroring.release_old_names(entry)
    for entry in latest.values():
        mirroring.store(entry)
    return mirroring.report


def mirror_gone(repositories: Repositories, sids: Iterable[str], now: datetime) -> MirrorReport:
    """These are no longer among the accounts that are mirrored. What hangs on them stays, should they come back."""
    mirroring = _Mirroring(repositories, MirrorPolicy(), now)
    for sid in sids:
        account = repositories.accounts.find_by_sid(sid)
        if account is not None:
            mirroring.mark_gone(account)
    return mirroring.report


def claim_free_names(repositories: Repositories, policy: MirrorPolicy, now: datetime) -> MirrorReport:
    """Names mirrored accounts that had none because of a local account which has them no longer."""
    mirroring = _Mirroring(repositories, policy, now)
    for account in repositories.accounts.list_unnamed():
        entry = as_entry(repositories, account)
        if all(holder.is_gone for holder in mirroring.holders(entry)):
            mirroring.store(entry)
        else:
            mirroring.report.conflicts.append(_login(entry))
    return mirroring.report


def as_entry(repositories: Repositories, account: Account) -> DirectoryAccount:
    """A mirrored account as the directory last said it."""
    assert account.sid is not None
    assert account.directory is not None
    groups = repositories.accounts.groups_of(account.id)
    names = (account.user, account.domain, account.upn, account.display_name)
    return DirectoryAccount(account.sid, *names, account.directory, groups)


def find_news(repositories: Repositories, entries: Iterable[DirectoryAccount]) -> list[DirectoryAccount]:
    """The accounts of which something is not stored yet; reads alone."""
    return [entry for entry in entries if _is_news(repositories, entry)]


def _is_news(repositories: Repositories, entry: DirectoryAccount) -> bool:
    account = repositories.accounts.find_by_sid(entry.sid)
    if account is None or account.directory is None or not account.is_named:
        return True
    if _names_of(account) != _names_of(entry) or describe_changes(account.directory, _fitting(entry.facts)):
        return True
    return _with_known_names(entry.groups, before := repositories.accounts.groups_of(account.id)) != before


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
        _record(
            repositories,
            report,
            AuditEvent.ACCOUNT_ENDED,
            account,
            {"what": "account" if is_over else "domain password"},
            until,
        )
    return report


class _Mirroring:
    """One transaction's worth."""

    def __init__(self, repositories: Repositories, policy: MirrorPolicy, now: datetime) -> None:
        self._repositories = repositories
        self._accounts = repositories.accounts
        self._policy = policy
        self._now = now
        self._groups: dict[str, DirectoryGroup | None] = {}
        self.report = MirrorReport()

    def release_old_names(self, entry: DirectoryAccount) -> None:
        """A name that its account has no longer is free for the others of the same reading: so two can swap theirs."""
        account = self._accounts.find_by_sid(entry.sid)
        if account is not None and account.is_named and _key_of(account) != _key_of(entry):
            self._release(account)

    def store(self, entry: DirectoryAccount) -> None:
        """One account as the directory has it."""
        problem = find_name_problem(entry.user, entry.domain, entry.upn)
        account = self._accounts.find_by_sid(entry.sid)
        if problem or not entry.sid:
            self.report.unfit.append(f"{entry.sid}: {problem or 'an account without a SID'}")
            if account is not None:
                self.mark_gone(account)
            return
        is_named = self._take_names(entry, account)
        if account is None:
            self._add(entry, is_named=is_named)
        else:
            self._update(account, entry, is_named=is_named)

    def mark_gone(self, account: Account, *, name_now_of: str = "") -> None:
        """It keeps its names, so that what it is refused for can be told, until another account comes with them."""
        assert account.sid is not None
        assert account.directory is not None
        if account.is_gone:
            return
        gone = replace(account.directory, is_present=False, read_at=self._now)
        self._accounts.set_directory(account.id, account.sid, gone)
        self._revoke(account)
        details = {"sid": account.sid, **({"name_now_of": name_now_of} if name_now_of else {})}
        self._record(AuditEvent.ACCOUNT_GONE, account, details)

    def _take_names(self, entry: DirectoryAccount, account: Account | None) -> bool:
        """True where the entry's account may have its names: those who had them before have given way."""
        holders = [holder for holder in self.holders(entry) if account is None or holder.id != account.id]
        locals_ = [holder for holder in holders if holder.sid is None]
        if locals_:
            self.report.conflicts.append(_login(entry))
            return False
        for holder in holders:
            self.mark_gone(holder, name_now_of=entry.sid)
            self._release(holder)
        return True

    def holders(self, entry: DirectoryAccount) -> list[Account]:
        """Who has one of the entry's names."""
        by_name = self._accounts.find_by_domain_user(entry.domain, entry.user)
        by_upn = self._accounts.find_by_upn(entry.upn) if entry.upn else None
        return list({one.id: one for one in (by_name, by_upn) if one is not None}.values())

    def _release(self, account: Account) -> None:
        self._accounts.rename(
            account.id,
            user=account.user,
            domain=account.domain,
            upn=account.upn,
            display_name=account.display_name,
            is_named=False,
        )

    def _add(self, entry: DirectoryAccount, *, is_named: bool) -> None:
        account = self._accounts.add(
            user=entry.user,
            domain=entry.domain,
            upn=entry.upn,
            display_name=entry.display_name,
            now=self._now,
            sid=entry.sid,
            directory=_fitting(entry.facts),
            is_named=is_named,
        )
        self._note_renamed_groups(entry.groups)
        self._accounts.set_groups(account.id, entry.groups)
        event = AuditEvent.ACCOUNT_MIRRORED if is_named else AuditEvent.ACCOUNT_NAME_CONFLICT
        self._record(event, account, {"sid": entry.sid})

    def _update(self, account: Account, entry: DirectoryAccount, *, is_named: bool) -> None:
        assert account.directory is not None
        is_cut = self._rename(account, entry, is_named=is_named)
        before, after = account.directory, _fitting(entry.facts)
        changes = describe_changes(before, after)
        if changes:
            self._accounts.set_directory(account.id, entry.sid, after)
            event = AuditEvent.ACCOUNT_CHANGED if before.is_present else AuditEvent.ACCOUNT_RETURNED
            self._record(event, account, {"sid": entry.sid, **changes})
            is_cut = is_cut or takes_something_away(before, after, self._policy, self._now)
        is_cut = self._regroup(account, entry) or is_cut
        if is_cut:
            self._revoke(account)

    def _rename(self, account: Account, entry: DirectoryAccount, *, is_named: bool) -> bool:
        """True where it is signed in by another name from now on, or by none."""
        names, before = _names_of(entry), _names_of(account)
        if names == before and is_named == account.is_named:
            return False
        self._accounts.rename(
            account.id,
            user=entry.user,
            domain=entry.domain,
            upn=entry.upn,
            display_name=entry.display_name,
            is_named=is_named,
        )
        details = {"sid": entry.sid, "before": _login(account), "after": _login(entry)}
        self._record(AuditEvent.ACCOUNT_RENAMED, account, details)
        if not is_named:
            self._record(AuditEvent.ACCOUNT_NAME_CONFLICT, account, {"sid": entry.sid, "name": _login(entry)})
        return names[:3] != before[:3] or not is_named

    def _regroup(self, account: Account, entry: DirectoryAccount) -> bool:
        """True where a group that rules speak of was won or lost: a refusal may hang on either."""
        before = self._accounts.groups_of(account.id)
        named = _with_known_names(entry.groups, before)
        if named == before:
            return False
        self._note_renamed_groups(named)
        self._accounts.set_groups(account.id, named)
        details = describe_regrouping(before, named)
        if details:
            self._record(AuditEvent.ACCOUNT_REGROUPED, account, {"sid": entry.sid, **details})
        return touches_watched(self._policy, before, named)

    def _note_renamed_groups(self, groups: Iterable[DirectoryGroup]) -> None:
        """A group that rules name means other people under another name: everybody is asked anew."""
        for group in groups:
            if group.sid not in self._groups:
                self._groups[group.sid] = self._accounts.find_group(group.sid)
            before = self._groups[group.sid]
            self._groups[group.sid] = group
            if before is None or not group.name or before == group:
                continue
            if touches_watched(self._policy, frozenset({before}), frozenset({group})):
                self._repositories.revocations.publish(RevocationScope.EVERYTHING, now=self._now)

    def _revoke(self, account: Account) -> None:
        self._repositories.revocations.publish(RevocationScope.ACCOUNT, now=self._now, account_id=account.id)

    def _record(self, event: AuditEvent, account: Account, details: dict[str, str]) -> None:
        _record(self._repositories, self.report, event, account, details, self._now)


def _record(
    repositories: Repositories,
    report: MirrorReport,
    event: AuditEvent,
    account: Account,
    details: dict[str, str],
    now: datetime,
) -> None:
    repositories.audit.append(event, now=now, actor=ACTOR, subject=principal_of(account), details=details)
    report.events.append(event)


def _names_of(named: Account | DirectoryAccount) -> tuple[str, str, str, str]:
    return named.user, named.domain, named.upn, named.display_name


def _fitting(facts: DirectoryFacts) -> DirectoryFacts:
    """A mail address that can't be one is none: nobody signs in by it."""
    fits = facts.mail.isprintable() and "\\" not in facts.mail and len(facts.mail) <= MAX_NAME_CHARACTERS
    return facts if fits else replace(facts, mail="")


def _with_known_names(
    groups: frozenset[DirectoryGroup], before: frozenset[DirectoryGroup]
) -> frozenset[DirectoryGroup]:
    """A group that comes without a name keeps the one that is known."""
    known = {group.sid: group for group in before}
    return frozenset(group if group.name else known.get(group.sid, group) for group in groups)


def _key_of(named: Account | DirectoryAccount) -> tuple[str, str, str]:
    """What is unique of its names."""
    return fold(named.domain), fold(named.user), fold(named.upn)


def _login(named: Account | DirectoryAccount) -> str:
    return f"{named.domain}\\{named.user}" + (f" ({named.upn})" if named.upn else "")
