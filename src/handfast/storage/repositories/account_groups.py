"""The directory's groups, and who is in them: one statement an account, however many groups it is in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import JSON, String, bindparam, cast, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.selectable import Select

from handfast.identity.records import AccountId, DirectoryGroup
from handfast.storage.schema import account_groups, directory_groups
from handfast.storage.statements import Statement, Transaction
from handfast.storage.types import escape_text

_g, _m = directory_groups.c, account_groups.c
_GROUP = select(_g.sid, _g.domain, _g.name)
_BY_SID = _GROUP.where(_g.sid == bindparam("sid"))
_OF_ACCOUNT = _GROUP.join(account_groups, _m.group_id == _g.id).where(
    _m.account_id == bindparam("account_id")
)
_SAVE = (
    insert(directory_groups)
    .values({name: bindparam(name) for name in ("sid", "domain", "name")})
    .on_conflict_do_update(
        index_elements=["sid"], set_={"domain": bindparam("domain"), "name": bindparam("name")}
    )
)
_LEAVE_ALL = delete(account_groups).where(_m.account_id == bindparam("account_id"))


def _listed(dialect_name: str) -> Select[Any]:
    """The SIDs of the parameter `sids`, a JSON array."""
    if dialect_name == "sqlite":
        return select(literal_column("value")).select_from(func.json_each(bindparam("sids", type_=String)))
    array = cast(bindparam("sids", type_=String), JSON)
    return select(func.json_array_elements_text(array))


def _per_dialect(build: Any) -> dict[str, Statement]:
    return {name: build(_listed(name)) for name in ("sqlite", "postgresql")}


_KNOWN = _per_dialect(lambda listed: _GROUP.where(_g.sid.in_(listed)))
_JOIN = _per_dialect(
    lambda listed: account_groups.insert().from_select(
        ["account_id", "group_id"],
        select(bindparam("account_id", type_=_m.account_id.type), _g.id).where(_g.sid.in_(listed)),
    )
)


class SqlAccountGroups:
    """The part of `identity.ports.AccountRepository` that speaks of groups."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def groups_of(self, account_id: AccountId) -> frozenset[DirectoryGroup]:
        """None for an account that is not there."""
        return frozenset(DirectoryGroup(*row) for row in self._t.all(_OF_ACCOUNT, account_id=account_id))

    def find_group(self, sid: str) -> DirectoryGroup | None:
        row = self._t.first(_BY_SID, sid=sid)
        return None if row is None else DirectoryGroup(*row)

    def set_groups(self, account_id: AccountId, groups: frozenset[DirectoryGroup]) -> None:
        """Raises: LookupError (no account)."""
        sids = _json_array(group.sid for group in groups)
        known = {row[0]: DirectoryGroup(*row) for row in self._t.all(_KNOWN[self._t.dialect_name], sids=sids)}
        for group in sorted(groups, key=lambda one: one.sid):
            before = known.get(group.sid)
            if before is None or (group.name and group != before):
                self._t.run(_SAVE, sid=group.sid, domain=group.domain, name=group.name)
        self._t.run(_LEAVE_ALL, account_id=account_id)
        self._t.run(_JOIN[self._t.dialect_name], account_id=account_id, sids=sids)


def _json_array(texts: Iterable[str]) -> str:
    return json.dumps([escape_text(text) for text in texts])
