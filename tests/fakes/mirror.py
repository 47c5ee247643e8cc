"""The records of one installation, and what the directory is let say to them."""

from __future__ import annotations

from datetime import datetime, timedelta

from handfast.identity.audit import AuditEvent
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.directory.mirroring import (
    claim_free_names,
    find_free_names,
    mirror_accounts,
    mirror_gone,
)
from handfast.identity.directory.unit_of_work import MirrorReport
from handfast.identity.records import Account
from tests.fakes.clock import START
from tests.fakes.directory import entry, group, sid_of
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.records import InMemoryRepositories, Tables

LATER = START + timedelta(minutes=1)
SALES = group("Sales")
WATCHING = MirrorPolicy(watched_groups=frozenset({"CONTOSO\\SALES"}))
ALICE = entry("alice", 1101, groups=frozenset({SALES}))
BOB = entry("bob", 1102)


class Mirror:
    """`scopes` and `audit` are what the last `tell` published and recorded."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.r = InMemoryRepositories(self.tables, FakeKeyRing(), "test")

    def tell(
        self, *entries: DirectoryAccount, policy: MirrorPolicy = WATCHING, now: datetime = LATER
    ) -> MirrorReport:
        """A reading, or a part of one."""
        published, audited = len(self.tables.revocations), len(self.tables.audit)
        report = mirror_accounts(self.r, entries, policy, now)
        self.scopes = [(one.scope, one.account_id) for one in self.tables.revocations[published:]]
        self.audit = self.tables.audit[audited:]
        assert [one.event for one in self.audit] == report.events
        return report

    def settle(self, policy: MirrorPolicy = WATCHING) -> MirrorReport:
        """What a reading ends with."""
        free, report = find_free_names(self.r, LATER)
        report.add(claim_free_names(self.r, free, policy, LATER))
        return report

    def gone(self, *sids: str) -> MirrorReport:
        """A reading without them."""
        return mirror_gone(self.r, sids, LATER)

    def by_name(self, user: str) -> Account | None:
        """The account that the login leads to."""
        return self.r.accounts.find_by_domain_user("CONTOSO", user)

    def by_rid(self, rid: int) -> Account | None:
        """The directory's account of that number, whatever it is called."""
        return self.r.accounts.find_by_sid(sid_of(rid))

    def add_local(self, user: str, upn: str = "") -> Account:
        """One that the directory knows nothing of."""
        return self.r.accounts.add(user=user, domain="CONTOSO", upn=upn, display_name="", now=START)

    @property
    def events(self) -> list[AuditEvent]:
        """Of `audit`."""
        return [one.event for one in self.audit]
