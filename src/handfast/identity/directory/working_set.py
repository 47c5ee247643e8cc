"""The accounts that one transaction works on: read in a few statements, however many they are, and kept as it changes them.

New accounts are gathered, and stored together at the end; or before, as soon as a name or a SID of theirs is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.names import claimed_upn, fold
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, AccountId, DirectoryFacts, DirectoryGroup, NewAccount

Key = tuple[str, ...]


class WorkingSet:
    """All accounts with a SID or a name of `entries`, all whose UPN does not lead to them, and `others`."""

    def __init__(
        self,
        repositories: Repositories,
        entries: Sequence[DirectoryAccount],
        now: datetime,
        others: Iterable[Account] = (),
    ) -> None:
        self._repository = repositories.accounts
        self._now = now
        self._accounts: dict[AccountId, Account] = {}
        self._ids: dict[Key, set[AccountId]] = {}
        self._pending: list[tuple[NewAccount, frozenset[DirectoryGroup]]] = []
        self._pending_keys: set[Key] = set()
        themselves = self._repository.find_by_sids(entry.sid for entry in entries)
        holders = self._repository.find_by_names(
            {entry.user for entry in entries}, {entry.upn for entry in entries}
        )
        for account in (*themselves, *holders, *self._repository.list_without_upn(), *others):
            self._note(account)
        self._memberships = dict(self._repository.groups_of_all(one.id for one in themselves))
        sids = {group.sid for entry in entries for group in entry.groups}
        self.groups = {group.sid: group for group in self._repository.find_groups(sids)}
        """What is known of the groups that the entries name, by SID."""

    def with_sid(self, sid: str) -> Account | None:
        """The account that the SID is."""
        return next(self._at(_sid_key(sid)), None)

    def with_login(self, domain: str, user: str) -> Account | None:
        """The account that `DOMAIN\\user` leads to."""
        return next(self._at(_login_key(domain, user)), None)

    def with_upn(self, upn: str) -> Account | None:
        """The account that the UPN leads to."""
        return next(self._at(_upn_key(upn)), None) if upn else None

    def claiming(self, upn: str) -> Iterator[Account]:
        """The accounts with names that claim the UPN and are there, whether it leads to them or not. Thousands may claim
        one: they are looked at as far as somebody asks, and until names change.
        """
        return self._at(_claim_key(upn)) if upn else iter(())

    def groups_of(self, account: Account) -> frozenset[DirectoryGroup]:
        """Of an account that is one of the entries'."""
        return self._memberships.get(account.id, frozenset())

    def add(self, new: NewAccount, groups: frozenset[DirectoryGroup]) -> None:
        """Stored with the next `flush`."""
        self._pending.append((new, groups))
        self._pending_keys |= {
            _sid_key(new.sid),
            _login_key(new.domain, new.user),
            _upn_key(new.upn),
            _claim_key(claimed_upn(new)),
        }

    def flush(self) -> None:
        """Stores what is new. Raises: Conflict, ValueError."""
        pending, self._pending = self._pending, []
        self._pending_keys = set()
        if not pending:
            return
        self._repository.add_all([new for new, _ in pending], now=self._now)
        groups = {new.sid: groups for new, groups in pending}
        added = self._repository.find_by_sids(groups)
        memberships = {one.id: groups[one.sid] for one in added if one.sid is not None}
        self._repository.set_groups_of_all(memberships)
        self._memberships |= memberships
        for account in added:
            self._note(account)

    def rename(self, renamed: Account) -> None:
        """Stores its names as they now are. Raises: Conflict."""
        self._repository.rename(
            renamed.id,
            user=renamed.user,
            domain=renamed.domain,
            upn=renamed.upn,
            display_name=renamed.display_name,
            is_named=renamed.is_named,
            contested_upn=renamed.contested_upn,
            is_upn_made_up=renamed.is_upn_made_up,
        )
        self._note(replace(renamed, directory=self._accounts[renamed.id].directory))

    def set_directory(self, account: Account, facts: DirectoryFacts) -> None:
        """Stores what the directory says of it."""
        assert account.sid is not None
        self._repository.set_directory(account.id, account.sid, facts)
        self._note(replace(self._accounts[account.id], directory=facts))

    def set_groups(self, account: Account, groups: frozenset[DirectoryGroup]) -> None:
        """Stores which groups it is in."""
        self._repository.set_groups(account.id, groups)
        self._memberships[account.id] = groups

    def _at(self, key: Key) -> Iterator[Account]:
        if key in self._pending_keys:
            self.flush()
        return (self._accounts[one] for one in self._ids.get(key, ()))

    def _note(self, account: Account) -> None:
        before = self._accounts.get(account.id)
        if before is not None:
            for key in _keys_of(before):
                self._ids[key].discard(account.id)
        self._accounts[account.id] = account
        for key in _keys_of(account):
            self._ids.setdefault(key, set()).add(account.id)


def _keys_of(account: Account) -> set[Key]:
    """What an account is found by. One without names is found by its SID alone."""
    keys = {_sid_key(account.sid)} if account.sid is not None else set()
    if account.is_named:
        keys |= {_login_key(account.domain, account.user), _upn_key(account.upn)}
        if not account.is_gone:
            keys.add(_claim_key(claimed_upn(account)))
    return keys


def _sid_key(sid: str) -> Key:
    return (sid,)


def _login_key(domain: str, user: str) -> Key:
    return "login", fold(domain), fold(user)


def _upn_key(upn: str) -> Key:
    return "upn", fold(upn)


def _claim_key(upn: str) -> Key:
    return "claim", fold(upn)
