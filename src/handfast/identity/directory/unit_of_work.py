"""One transaction's worth of mirroring: the accounts it works on, what is cut and recorded with it, what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from handfast.identity.audit import AuditEvent, AuditNote
from handfast.identity.directory.working_set import WorkingSet
from handfast.identity.names import principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, NewAccount, RevocationScope

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
    """Accounts that no record can hold as they are, mostly for their names: they are not mirrored, or refused where they were."""

    def add(self, other: MirrorReport) -> None:
        """Adds up."""
        self.events += other.events
        self.conflicts += other.conflicts
        self.contested += other.contested
        self.unfit += other.unfit


class UnitOfWork:
    """Changes to `accounts` are stored as they are made or with `finish`; notes for the audit trail with `finish`."""

    def __init__(self, repositories: Repositories, accounts: WorkingSet, now: datetime) -> None:
        self.repositories = repositories
        self.accounts = accounts
        self.now = now
        self.report = MirrorReport()
        self._notes: list[AuditNote] = []

    def mark_gone(self, account: Account, *, name_now_of: str = "") -> None:
        """It keeps its names, so that what it is refused for can be told, until another account comes with them."""
        assert account.sid is not None
        assert account.directory is not None
        if account.is_gone:
            return
        self.accounts.set_directory(account, replace(account.directory, is_present=False, read_at=self.now))
        self.revoke(account)
        details = {"sid": account.sid, **({"name_now_of": name_now_of} if name_now_of else {})}
        self.record(AuditEvent.ACCOUNT_GONE, account, details)

    def mark_unreadable(self, account: Account) -> None:
        """It is there, and can't be judged: it stays what it was, keeps its names, and is refused as a disabled one is."""
        assert account.sid is not None
        assert account.directory is not None
        if account.is_gone or not account.directory.is_enabled:
            return
        self.accounts.set_directory(account, replace(account.directory, is_enabled=False, read_at=self.now))
        self.revoke(account)
        details = {
            "sid": account.sid,
            "is_enabled": "yes -> no",
            "why": "what can be read of it makes no sense",
        }
        self.record(AuditEvent.ACCOUNT_CHANGED, account, details)

    def revoke(self, account: Account) -> None:
        """Cuts what the account has open; it is decided anew."""
        self.repositories.revocations.publish(RevocationScope.ACCOUNT, now=self.now, account_id=account.id)

    def record(self, event: AuditEvent, account: Account | NewAccount, details: dict[str, str]) -> None:
        """For the audit trail, in this order."""
        self._notes.append(AuditNote(event, principal_of(account), details))

    def finish(self) -> MirrorReport:
        """Stores what was gathered."""
        self.accounts.flush()
        self.repositories.audit.append_all(self._notes, now=self.now, actor=ACTOR)
        self.report.events += [note.event for note in self._notes]
        return self.report
