"""The directory's groups, and who is in them: a few statements, of however many accounts and groups."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import BigInteger, String, bindparam, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from handfast.identity.records import AccountId, DirectoryGroup
from handfast.storage.repositories.listed import listed, with_lists
from handfast.storage.schema import account_groups, directory_groups
from handfast.storage.statements import Statement, Transaction

_g, _m = directory_groups.c, account_groups.c
_GROUP = select(_g.sid, _g.domain, _g.name)
_OF_ACCOUNT = _GROUP.join(account_groups, _m.group_id == _g.id).where(
    _m.account_id == bindparam("account_id")
)
_WITH_ID = select(_g.id, _g.sid, _g.domain, _g.name)
_BY_SIDS = with_lists(lambda is_listed: _WITH_ID.where(is_listed(_g.sid, "sids")))
_BY_IDS = with_lists(lambda is_listed: _WITH_ID.where(is_listed(_g.id, "ids")))
_MEMBERSHIPS = with_lists(
    lambda is_listed: select(_m.account_id, _m.group_id).where(is_listed(_m.account_id, "account_ids"))
)
_SAVE = (
    insert(directory_groups)
    .values({name: bindparam(name) for name in ("sid", "domain", "name")})
    .on_conflict_do_update(
        index_elements=["sid"], set_={"domain": bindparam("domain"), "name": bindparam("name")}
    )
    .returning(_g.id)
)
_LEAVE_ALL = with_lists(
    lambda is_listed: delete(account_groups).where(is_listed(_m.account_id, "account_ids"))
)
_PAIRS = func.json_each(bindparam("pairs", type_=String))
_JOIN: dict[str, Statement] = {
    "sqlite": account_groups.insert().from_select(
        ["account_id", "group_id"],
        select(
            func.json_extract(literal_column("value"), "$[0]"),
            func.json_extract(literal_column("value"), "$[1]"),
        ).select_from(_PAIRS),
    ),
    "postgresql": account_groups.insert().from_select(
        ["account_id", "group_id"],
        select(
            *(func.unnest(bindparam(name, type_=ARRAY(BigInteger))) for name in ("account_ids", "group_ids"))
        ),
    ),
}


class SqlAccountGroups:
    """The part of `identity.ports.AccountRepository` that speaks of groups."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def groups_of(self, account_id: AccountId) -> frozenset[DirectoryGroup]:
        """None for an account that is not there."""
        return frozenset(DirectoryGroup(*row) for row in self._t.all(_OF_ACCOUNT, account_id=account_id))

    def groups_of_all(
        self, account_ids: Iterable[AccountId]
    ) -> Mapping[AccountId, frozenset[DirectoryGroup]]:
        """Each group is read once, and is one object, however many of the accounts are in it."""
        ids = listed(self._t, account_ids)
        pairs = self._t.all(_MEMBERSHIPS[self._t.dialect_name], account_ids=ids)
        group_ids = listed(self._t, {group_id for _, group_id in pairs})
        rows = self._t.all(_BY_IDS[self._t.dialect_name], ids=group_ids) if pairs else ()
        groups = {group_id: DirectoryGroup(*rest) for group_id, *rest in rows}
        found: dict[AccountId, list[DirectoryGroup]] = {}
        for account_id, group_id in pairs:
            found.setdefault(account_id, []).append(groups[group_id])
        return {account_id: frozenset(some) for account_id, some in found.items()}

    def find_groups(self, sids: Iterable[str]) -> Sequence[DirectoryGroup]:
        rows = self._t.all(_BY_SIDS[self._t.dialect_name], sids=listed(self._t, sids))
        return [DirectoryGroup(*rest) for _, *rest in rows]

    def set_groups(self, account_id: AccountId, groups: frozenset[DirectoryGroup]) -> None:
        """Raises: LookupError (no account)."""
        self.set_groups_of_all({account_id: groups})

    def set_groups_of_all(self, memberships: Mapping[AccountId, frozenset[DirectoryGroup]]) -> None:
        """Raises: LookupError (no account)."""
        if not memberships:
            return
        ids = self._save_groups({group for groups in memberships.values() for group in groups})
        dialect_name = self._t.dialect_name
        self._t.run(_LEAVE_ALL[dialect_name], account_ids=listed(self._t, memberships))
        pairs = [
            (account_id, group_id)
            for account_id, groups in memberships.items()
            for group_id in sorted(ids[group.sid] for group in groups)
        ]
        if dialect_name == "sqlite":
            self._t.run(_JOIN[dialect_name], pairs=json.dumps(pairs))
        else:
            account_ids, group_ids = [one for one, _ in pairs], [other for _, other in pairs]
            self._t.run(_JOIN[dialect_name], account_ids=account_ids, group_ids=group_ids)

    def _save_groups(self, groups: set[DirectoryGroup]) -> dict[str, int]:
        """Their ids by SID. A group without a name is stored so only where nothing else is known of it."""
        sids = listed(self._t, {group.sid for group in groups})
        ids, known = {}, {}
        for group_id, *rest in self._t.all(_BY_SIDS[self._t.dialect_name], sids=sids):
            known[rest[0]], ids[rest[0]] = DirectoryGroup(*rest), group_id
        for group in sorted(groups, key=lambda one: (one.sid, one.name)):
            before = known.get(group.sid)
            if before is None or (group.name and group != before):
                row = self._t.first(_SAVE, sid=group.sid, domain=group.domain, name=group.name)
                assert row is not None
                known[group.sid], ids[group.sid] = group, row[0]
        return ids
