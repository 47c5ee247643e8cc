"""The directory's groups that somebody is in: for those who look at what rules name, not for sign-ins."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from handfast.identity.records import DirectoryGroup
from handfast.storage.schema import account_groups, accounts, directory_groups
from handfast.storage.statements import Transaction

_g = directory_groups.c
_PRESENT_MEMBERS = account_groups.join(accounts, accounts.c.id == account_groups.c.account_id)
# One pass over all memberships, half a second for two millions; asked for each group it would be one pass a group.
_IN_USE = select(_g.sid, _g.domain, _g.name).where(
    _g.id.in_(
        select(account_groups.c.group_id).select_from(_PRESENT_MEMBERS).where(accounts.c.is_present.is_(True))
    )
)


class SqlGroupsInUse:
    """A part of `identity.ports.AccountRepository`."""

    _t: Transaction

    def list_groups(self) -> Sequence[DirectoryGroup]:
        return [DirectoryGroup(*row) for row in self._t.all(_IN_USE)]
