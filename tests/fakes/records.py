"""Records kept in memory: a working implementation of identity's ports, transactional, with the schema's constraints.

A write works on a deep copy of the tables and replaces them when the work returns, so that an exception leaves no
trace; listeners hear of revocations after that. The contract suite of the ports runs over it as over the databases.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from handfast.identity.audit import AuditEntry, AuditEvent, AuditNote, canonical_bytes
from handfast.identity.channels import Channel
from handfast.identity.directory.entries import Readership, SyncPosition
from handfast.identity.names import fold
from handfast.identity.ports import EVERY_ACCOUNT, Conflict, KeyRing, Unavailable
from handfast.identity.records import (
    DOMAIN_KINDS,
    Account,
    AccountId,
    AccountState,
    AppPassword,
    AppPasswordId,
    Counter,
    CounterKind,
    DirectoryFacts,
    DirectoryGroup,
    EnrolmentWindow,
    Evaluation,
    NewAccount,
    NodeRecord,
    Partnership,
    Revocation,
    RevocationScope,
    SecretState,
    StoredSecret,
)
from tests.fakes.keyring import FakeKeyRing

T = TypeVar("T")


@dataclass
class Tables:
    """Everything stored. Records are frozen, so copying the containers is a snapshot."""

    accounts: dict[AccountId, Account] = field(default_factory=dict)
    groups: dict[str, DirectoryGroup] = field(default_factory=dict)
    members: dict[AccountId, frozenset[str]] = field(default_factory=dict)
    positions: dict[str, tuple[str, int, datetime]] = field(default_factory=dict)
    readership: Readership | None = None
    app_passwords: dict[AppPasswordId, AppPassword] = field(default_factory=dict)
    verifiers: dict[bytes, AppPasswordId] = field(default_factory=dict)
    nt_hashes: dict[tuple[AppPasswordId, int], tuple[str, bytes]] = field(default_factory=dict)
    partnerships: dict[tuple[AccountId, str], Partnership] = field(default_factory=dict)
    windows: dict[AccountId, EnrolmentWindow] = field(default_factory=dict)
    counters: dict[tuple[CounterKind, str], tuple[Counter, datetime]] = field(default_factory=dict)
    familiar: dict[tuple[AccountId, str, str], datetime] = field(default_factory=dict)
    secrets: dict[tuple[AccountId, str], StoredSecret] = field(default_factory=dict)
    revocations: list[Revocation] = field(default_factory=list)
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    nodes: dict[tuple[str, str], NodeRecord] = field(default_factory=dict)
    ids: int = 0

    def snapshot(self) -> Tables:
        return Tables(**{name: copy.copy(value) for name, value in vars(self).items()})

    def next_id(self) -> int:
        self.ids += 1
        return self.ids


class _Accounts:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def add(
        self,
        *,
        user: str,
        domain: str,
        upn: str,
        display_name: str,
        now: datetime,
        sid: str | None = None,
        directory: DirectoryFacts | None = None,
        is_named: bool = True,
    ) -> Account:
        account = Account(
            id=AccountId(self._t.next_id()),
            user=user,
            domain=domain,
            upn=upn,
            state=AccountState.ENABLED,
            created_at=now,
            display_name=display_name,
            sid=sid,
            directory=directory,
            is_named=is_named,
        )
        self._put(account)
        return account

    def add_all(self, new: Sequence[NewAccount], *, now: datetime) -> None:
        for one in new:
            names = {name: getattr(one, name) for name in one.__slots__}
            self._put(
                Account(id=AccountId(self._t.next_id()), state=AccountState.ENABLED, created_at=now, **names)
            )

    def _put(self, account: Account) -> None:
        """Raises: as the schema would."""
        if (account.sid is None) != (account.directory is None) or not (account.is_named or account.sid):
            raise ValueError("the schema refuses it: a local account has names and no facts")
        assert not (account.upn and account.contested_upn)
        assert account.sid or not account.contested_upn
        for other in self._t.accounts.values():
            if other.id == account.id:
                continue
            if account.sid is not None and other.sid == account.sid:
                raise Conflict("SID is taken")
            if not (account.is_named and other.is_named):
                continue
            if (fold(other.domain), fold(other.user)) == (fold(account.domain), fold(account.user)):
                raise Conflict("account name is taken")
            if account.upn and fold(other.upn) == fold(account.upn):
                raise Conflict("UPN is taken")
        self._t.accounts[account.id] = account

    def find(self, account_id: AccountId) -> Account | None:
        return self._t.accounts.get(account_id)

    def find_by_sid(self, sid: str) -> Account | None:
        return next((a for a in self._t.accounts.values() if a.sid == sid), None)

    def find_by_sids(self, sids: Iterable[str]) -> Sequence[Account]:
        wanted = set(sids)
        return [a for a in self._t.accounts.values() if a.sid in wanted]

    def find_by_names(self, users: Iterable[str], upns: Iterable[str]) -> Sequence[Account]:
        by_user, by_upn = {fold(user) for user in users}, {fold(upn) for upn in upns}
        return [a for a in self._named() if fold(a.user) in by_user or (a.upn and fold(a.upn) in by_upn)]

    def _named(self) -> Sequence[Account]:
        named = (a for a in self._t.accounts.values() if a.is_named)
        return sorted(named, key=lambda a: (a.is_gone, a.id))

    def find_by_upn(self, upn: str) -> Account | None:
        return next((a for a in self._named() if a.upn and fold(a.upn) == fold(upn)), None)

    def find_by_domain_user(self, domain: str, user: str) -> Account | None:
        wanted = (fold(domain), fold(user))
        return next((a for a in self._named() if (fold(a.domain), fold(a.user)) == wanted), None)

    def find_by_user(self, user: str) -> Sequence[Account]:
        return [a for a in self._named() if fold(a.user) == fold(user)][:2]

    def find_by_mail(self, mail: str) -> Sequence[Account]:
        mirrored = [a for a in self._named() if a.directory is not None and a.directory.mail]
        return [a for a in mirrored if fold(a.directory.mail) == fold(mail)][:2]

    def rename(
        self,
        account_id: AccountId,
        *,
        user: str,
        domain: str,
        upn: str,
        display_name: str,
        is_named: bool = True,
        contested_upn: str = "",
        is_upn_made_up: bool = False,
    ) -> None:
        known = self._t.accounts[account_id]
        renamed = replace(known, user=user, domain=domain, upn=upn, display_name=display_name)
        self._put(
            replace(renamed, is_named=is_named, contested_upn=contested_upn, is_upn_made_up=is_upn_made_up)
        )

    def set_directory(self, account_id: AccountId, sid: str, facts: DirectoryFacts) -> None:
        self._put(replace(self._t.accounts[account_id], sid=sid, directory=facts))

    def groups_of(self, account_id: AccountId) -> frozenset[DirectoryGroup]:
        return frozenset(self._t.groups[sid] for sid in self._t.members.get(account_id, ()))

    def groups_of_all(
        self, account_ids: Iterable[AccountId]
    ) -> Mapping[AccountId, frozenset[DirectoryGroup]]:
        return {one: self.groups_of(one) for one in account_ids if self._t.members.get(one)}

    def find_groups(self, sids: Iterable[str]) -> Sequence[DirectoryGroup]:
        return [self._t.groups[sid] for sid in set(sids) if sid in self._t.groups]

    def list_groups(self) -> Sequence[DirectoryGroup]:
        present = [one.id for one in self._t.accounts.values() if one.directory and one.directory.is_present]
        sids = {sid for account_id in present for sid in self._t.members.get(account_id, ())}
        return [self._t.groups[sid] for sid in sorted(sids)]

    def set_groups(self, account_id: AccountId, groups: frozenset[DirectoryGroup]) -> None:
        if groups and account_id not in self._t.accounts:
            raise LookupError(account_id)
        for group in groups:
            if group.name or group.sid not in self._t.groups:
                self._t.groups[group.sid] = group
        self._t.members[account_id] = frozenset(group.sid for group in groups)

    def set_groups_of_all(self, memberships: Mapping[AccountId, frozenset[DirectoryGroup]]) -> None:
        for account_id, groups in memberships.items():
            self.set_groups(account_id, groups)

    def list_mirrored(self) -> Sequence[tuple[str, AccountId]]:
        return [(a.sid, a.id) for a in self._t.accounts.values() if a.sid and not a.is_gone]

    def list_unnamed(self) -> Sequence[Account]:
        return [a for a in self._t.accounts.values() if not a.is_named and not a.is_gone]

    def list_without_upn(self) -> Sequence[Account]:
        return [a for a in self._t.accounts.values() if a.sid and a.is_named and not a.upn]

    def list_ended(self, *, after: datetime, until: datetime) -> Sequence[Account]:
        def has_ended(end: datetime | None) -> bool:
            return end is not None and after < end <= until

        return [
            a
            for a in self._t.accounts.values()
            if a.directory is not None and a.directory.is_present
            if has_ended(a.directory.expires_at) or has_ended(a.directory.password_expires_at)
        ]

    def list(self, *, limit: int = EVERY_ACCOUNT, after: AccountId | None = None) -> Sequence[Account]:
        keys = sorted(key for key in self._t.accounts if after is None or key > after)
        return [self._t.accounts[key] for key in keys[:limit]]

    def count(self) -> int:
        return len(self._t.accounts)

    def set_state(self, account_id: AccountId, state: AccountState) -> None:
        self._t.accounts[account_id] = replace(self._t.accounts[account_id], state=state)

    def set_pin_verifier(self, account_id: AccountId, verifier: str | None) -> None:
        self._t.accounts[account_id] = replace(self._t.accounts[account_id], pin_verifier=verifier)

    def remove(self, account_id: AccountId) -> None:
        t = self._t
        t.accounts.pop(account_id, None)
        t.members.pop(account_id, None)
        gone = {p.id for p in t.app_passwords.values() if p.account_id == account_id}
        t.app_passwords = {k: v for k, v in t.app_passwords.items() if k not in gone}
        t.verifiers = {k: v for k, v in t.verifiers.items() if v not in gone}
        t.nt_hashes = {k: v for k, v in t.nt_hashes.items() if k[0] not in gone}
        t.partnerships = {k: v for k, v in t.partnerships.items() if k[0] != account_id}
        t.windows.pop(account_id, None)
        t.familiar = {k: v for k, v in t.familiar.items() if k[0] != account_id}
        t.secrets = {k: v for k, v in t.secrets.items() if k[0] != account_id}


class _Positions:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def list(self, scope: str) -> dict[str, int]:
        return {key: usn for key, (known, usn, _) in self._t.positions.items() if known == scope}

    def save(self, position: SyncPosition, *, scope: str, read_at: datetime) -> None:
        if position.highest_usn < 0:
            raise ValueError("the schema refuses it: no USN is below zero")
        kept = {
            key: (scope, usn, min(before, read_at))
            for key, (known, usn, before) in self._t.positions.items()
            if known == scope
        }
        self._t.positions = {**kept, position.invocation_id: (scope, position.highest_usn, read_at)}

    def newest_read_at(self) -> datetime | None:
        return max((read_at for _, _, read_at in self._t.positions.values()), default=None)

    def readership(self) -> Readership | None:
        return self._t.readership

    def save_readership(self, readership: Readership) -> None:
        self._t.readership = readership


class _AppPasswords:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def add(
        self,
        *,
        account_id: AccountId,
        label: str,
        channels: frozenset[str],
        verifier: bytes,
        verifier_key_id: str,
        use_by: datetime,
        expires_at: datetime | None,
        reserved_device_id: str | None,
        ntlm_allowed: bool,
        now: datetime,
    ) -> AppPassword:
        assert verifier_key_id
        if verifier in self._t.verifiers:
            raise Conflict("verifier is taken")
        password = AppPassword(
            id=AppPasswordId(self._t.next_id()),
            account_id=account_id,
            label=label,
            channels=frozenset(Channel(name) for name in channels),
            created_at=now,
            use_by=use_by,
            expires_at=expires_at,
            reserved_device_id=reserved_device_id,
            ntlm_allowed=ntlm_allowed,
        )
        self._t.app_passwords[password.id] = password
        self._t.verifiers[verifier] = password.id
        return password

    def add_nt_hash(self, app_password_id: AppPasswordId, *, slot: int, key_id: str, sealed: bytes) -> None:
        self._t.nt_hashes[app_password_id, slot] = (key_id, sealed)

    def find(self, app_password_id: AppPasswordId) -> AppPassword | None:
        return self._t.app_passwords.get(app_password_id)

    def find_by_verifier(self, verifier: bytes) -> AppPassword | None:
        found = self._t.verifiers.get(verifier)
        return None if found is None else self._t.app_passwords[found]

    def list_of_account(self, account_id: AccountId) -> Sequence[AppPassword]:
        return [p for p in self._t.app_passwords.values() if p.account_id == account_id]

    def nt_hashes_of_account(
        self, account_id: AccountId, now: datetime
    ) -> Sequence[tuple[AppPasswordId, int, str, bytes]]:
        found = []
        for (password_id, slot), (key_id, sealed) in sorted(self._t.nt_hashes.items()):
            password = self._t.app_passwords[password_id]
            ended = password.expires_at is not None and password.expires_at <= now
            unused = password.first_used_at is None and password.use_by <= now
            if password.account_id != account_id or password.revoked_at is not None or ended or unused:
                continue
            if password.ntlm_allowed:
                found.append((password_id, slot, key_id, sealed))
        return found[:16]

    def bind(self, app_password_id: AppPasswordId, device_id: str, now: datetime) -> bool:
        password = self._t.app_passwords.get(app_password_id)
        if password is None or password.bound_device_id is not None:
            return False
        self._t.app_passwords[app_password_id] = replace(
            password, bound_device_id=device_id, first_used_at=password.first_used_at or now, last_used_at=now
        )
        return True

    def touch(self, app_password_id: AppPasswordId, now: datetime) -> None:
        password = self._t.app_passwords[app_password_id]
        self._t.app_passwords[app_password_id] = replace(
            password, first_used_at=password.first_used_at or now, last_used_at=now
        )

    def revoke(self, app_password_id: AppPasswordId, now: datetime) -> bool:
        password = self._t.app_passwords.get(app_password_id)
        if password is None or password.revoked_at is not None:
            return False
        self._t.app_passwords[app_password_id] = replace(password, revoked_at=now)
        return True


class _Partnerships:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def find(self, account_id: AccountId, device_id: str) -> Partnership | None:
        return self._t.partnerships.get((account_id, device_id))

    def list_of_account(self, account_id: AccountId) -> Sequence[Partnership]:
        return [p for p in self._t.partnerships.values() if p.account_id == account_id]

    def list_of_device(self, device_id: str) -> Sequence[Partnership]:
        return [p for p in self._t.partnerships.values() if p.device_id == device_id]

    def list(self, *, limit: int, after: tuple[AccountId, str] | None = None) -> Sequence[Partnership]:
        keys = sorted(key for key in self._t.partnerships if after is None or key > after)
        return [self._t.partnerships[key] for key in keys[:limit]]

    def count(self, account_id: AccountId, states: frozenset[str]) -> int:
        return sum(1 for p in self.list_of_account(account_id) if p.state in states)

    def add(self, partnership: Partnership) -> None:
        key = (partnership.account_id, partnership.device_id)
        if key in self._t.partnerships:
            raise Conflict("partnership exists")
        self._t.partnerships[key] = partnership

    def save(self, partnership: Partnership) -> None:
        self._t.partnerships[partnership.account_id, partnership.device_id] = partnership

    def remove(self, account_id: AccountId, device_id: str) -> bool:
        return self._t.partnerships.pop((account_id, device_id), None) is not None


class _Windows:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def find(self, account_id: AccountId) -> EnrolmentWindow | None:
        return self._t.windows.get(account_id)

    def save(self, window: EnrolmentWindow) -> None:
        self._t.windows[window.account_id] = window

    def use(self, account_id: AccountId, device_id: str, now: datetime) -> bool:
        window = self._t.windows.get(account_id)
        if (
            window is None
            or window.used_by_device_id is not None
            or not window.opened_at <= now < window.closes_at
        ):
            return False
        self._t.windows[account_id] = replace(window, used_by_device_id=device_id)
        return True


class _Counters:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def find(self, kind: CounterKind, scope: str) -> Counter | None:
        found = self._t.counters.get((kind, scope))
        return None if found is None else found[0]

    def increment(self, kind: CounterKind, scope: str, *, now: datetime, window_seconds: int) -> int:
        found = self._t.counters.get((kind, scope))
        if found is None or found[1] <= now:
            counter, ends = Counter(kind, scope, now, 1), now + timedelta(seconds=window_seconds)
        else:
            counter, ends = replace(found[0], failures=found[0].failures + 1), found[1]
        self._t.counters[kind, scope] = (counter, ends)
        return counter.failures

    def save(self, counter: Counter, *, window_seconds: int) -> None:
        ends = counter.window_start + timedelta(seconds=window_seconds)
        self._t.counters[counter.kind, counter.scope] = (counter, ends)

    def clear(self, kind: CounterKind, scope: str) -> None:
        self._t.counters.pop((kind, scope), None)

    def clear_account(self, account_id: AccountId) -> int:
        """The scope of every account's counter is its id, alone or before a colon (see `counters.py`)."""
        kinds = {CounterKind.ACCOUNT, CounterKind.ACCOUNT_SOURCE, CounterKind.FAMILIAR}
        gone = [k for k in self._t.counters if k[0] in kinds and k[1].split(":")[0] == str(account_id)]
        for key in gone:
            del self._t.counters[key]
        return len(gone)

    def clear_all(self) -> int:
        gone = [key for key in self._t.counters if key[0] not in DOMAIN_KINDS]
        for key in gone:
            del self._t.counters[key]
        return len(gone)

    def list(self, *, limit: int) -> Sequence[Counter]:
        return [counter for counter, _ in itertools.islice(self._t.counters.values(), limit)]

    def sweep(self, *, before: datetime) -> int:
        gone = [key for key, (_, ends) in self._t.counters.items() if ends < before]
        for key in gone:
            del self._t.counters[key]
        return len(gone)

    def is_familiar(self, account_id: AccountId, device_id: str, network: str, *, since: datetime) -> bool:
        at = self._t.familiar.get((account_id, device_id, network))
        return at is not None and at >= since

    def remember_success(self, account_id: AccountId, device_id: str, network: str, now: datetime) -> None:
        self._t.familiar[account_id, device_id, network] = now


class _StoredSecrets:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def find(self, account_id: AccountId, publication: str) -> StoredSecret | None:
        return self._t.secrets.get((account_id, publication))

    def save(self, secret: StoredSecret) -> None:
        self._t.secrets[secret.account_id, secret.publication] = secret

    def suspend(self, account_id: AccountId, publication: str, now: datetime) -> bool:
        secret = self.find(account_id, publication)
        if secret is None or secret.state is SecretState.SUSPENDED:
            return False
        self.save(replace(secret, state=SecretState.SUSPENDED, suspended_at=now))
        return True

    def remove(self, account_id: AccountId, publication: str) -> bool:
        return self._t.secrets.pop((account_id, publication), None) is not None


class _Revocations:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def current_epoch(self) -> int:
        return self._t.revocations[-1].epoch if self._t.revocations else 0

    def publish(
        self,
        scope: RevocationScope,
        *,
        now: datetime,
        account_id: AccountId | None = None,
        device_id: str | None = None,
        app_password_id: AppPasswordId | None = None,
        publication: str | None = None,
        node: str | None = None,
    ) -> Revocation:
        revocation = Revocation(
            epoch=self.current_epoch() + 1,
            scope=scope,
            at=now,
            account_id=account_id,
            device_id=device_id,
            app_password_id=app_password_id,
            publication=publication,
            node=node,
        )
        self._t.revocations.append(revocation)
        return revocation

    def since(self, epoch: int, *, limit: int) -> Sequence[Revocation]:
        return [r for r in self._t.revocations if r.epoch > epoch][:limit]


class _Evaluations:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def add(self, evaluation: Evaluation) -> None:
        self._t.evaluations[evaluation.request_id] = evaluation

    def find(self, request_id: str) -> Evaluation | None:
        return self._t.evaluations.get(request_id)

    def list_recent(self, *, limit: int) -> Sequence[Evaluation]:
        return list(reversed(self._t.evaluations.values()))[:limit]

    def sweep(self, *, before: datetime) -> int:
        gone = [key for key, e in self._t.evaluations.items() if e.at < before]
        for key in gone:
            del self._t.evaluations[key]
        return len(gone)


class _Audit:
    def __init__(self, tables: Tables, keyring: KeyRing, chain: str) -> None:
        self._t = tables
        self._keyring = keyring
        self._chain = chain

    def append(
        self,
        event: AuditEvent,
        *,
        now: datetime,
        actor: str,
        subject: str,
        details: Mapping[str, str] | None = None,
    ) -> AuditEntry:
        mine = [e for e in self._t.audit if e.chain == self._chain]
        previous = mine[-1].mac if mine else b""
        sequence = mine[-1].sequence + 1 if mine else 1
        kept = dict(details or {})
        mac = self._keyring.audit_mac(
            canonical_bytes(self._chain, sequence, now, event, actor, subject, kept, previous)
        )
        entry = AuditEntry(self._chain, sequence, now, event, actor, subject, kept, previous, mac)
        self._t.audit.append(entry)
        return entry

    def append_all(self, notes: Sequence[AuditNote], *, now: datetime, actor: str) -> None:
        for note in notes:
            self.append(note.event, now=now, actor=actor, subject=note.subject, details=note.details)

    def entries(self, *, chain: str | None = None, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        wanted = [e for e in self._t.audit if chain in (None, e.chain) and e.sequence > after]
        return wanted[:limit]

    def chains(self) -> Sequence[str]:
        return sorted({e.chain for e in self._t.audit})

    def head(self, chain: str) -> tuple[int, bytes, bytes] | None:
        mine = [e for e in self._t.audit if e.chain == chain]
        if not mine:
            return None
        newest = mine[-1]
        return (
            newest.sequence,
            newest.mac,
            self._keyring.audit_mac(f"head|{chain}|{newest.sequence}|{newest.mac.hex()}".encode()),
        )


class _Nodes:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def seen(self, name: str, serial: str, now: datetime) -> NodeRecord:
        known = self._t.nodes.get((name, serial))
        record = replace(known, last_seen_at=now) if known else NodeRecord(name, serial, now, now)
        self._t.nodes[name, serial] = record
        return record

    def revoke(self, name: str, now: datetime) -> int:
        hit = [k for k, n in self._t.nodes.items() if k[0] == name and n.revoked_at is None]
        for key in hit:
            self._t.nodes[key] = replace(self._t.nodes[key], revoked_at=now)
        # The name stays revoked, whichever certificate it shows next, even where none was seen.
        self._t.nodes.setdefault((name, ""), NodeRecord(name, "", now, now, now))
        return len(hit)

    def is_revoked(self, name: str, serial: str) -> bool:
        del serial
        return any(key[0] == name and node.revoked_at is not None for key, node in self._t.nodes.items())

    def list(self) -> Sequence[NodeRecord]:
        return [node for node in self._t.nodes.values() if node.serial]


class InMemoryRepositories:
    """Fits `identity.ports.Repositories` over one state of the tables."""

    def __init__(self, tables: Tables, keyring: KeyRing, chain: str) -> None:
        self.accounts = _Accounts(tables)
        self.positions = _Positions(tables)
        self.app_passwords = _AppPasswords(tables)
        self.partnerships = _Partnerships(tables)
        self.windows = _Windows(tables)
        self.counters = _Counters(tables)
        self.stored_secrets = _StoredSecrets(tables)
        self.revocations = _Revocations(tables)
        self.evaluations = _Evaluations(tables)
        self.audit = _Audit(tables, keyring, chain)
        self.nodes = _Nodes(tables)


class InMemoryRecords:
    """Fits `identity.ports.Records` and `RevocationPublisher`.

    `reads` and `writes` count transactions; set `unavailable` to make every call raise `Unavailable`.
    """

    def __init__(self, keyring: KeyRing | None = None, *, chain: str = "test") -> None:
        self.keyring = keyring or FakeKeyRing()
        self.chain = chain
        self.tables = Tables()
        self.reads = 0
        self.writes = 0
        self.unavailable = False
        self._listeners: list[Callable[[Sequence[Revocation]], None]] = []

    async def read(self, work: Callable[[InMemoryRepositories], T]) -> T:
        self._check()
        self.reads += 1
        return work(InMemoryRepositories(self.tables.snapshot(), self.keyring, self.chain))

    async def look_up(self, work: Callable[[InMemoryRepositories], T]) -> T:
        return await self.read(work)

    async def write(self, work: Callable[[InMemoryRepositories], T]) -> T:
        self._check()
        self.writes += 1
        changed = self.tables.snapshot()
        result = work(InMemoryRepositories(changed, self.keyring, self.chain))
        new = changed.revocations[len(self.tables.revocations) :]
        self.tables = changed
        if new:
            for listener in list(self._listeners):
                listener(new)
        return result

    def subscribe(self, listener: Callable[[Sequence[Revocation]], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _check(self) -> None:
        if self.unavailable:
            raise Unavailable("the fake was told to be unavailable")
