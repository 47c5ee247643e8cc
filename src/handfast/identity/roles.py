"""Who may administer what: roles that accounts have, and the least role each administrative call needs.

Roles grow from `auditor`, who reads alone, by `helpdesk`, who looks after devices and app passwords of people, to
`administrator`, who may everything. A call that stands in no table needs the greatest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from handfast.identity.records import Account, DirectoryGroup
from handfast.identity.subjects import Subjects


class Role(StrEnum):
    """What somebody may do, from least to most."""

    AUDITOR = "auditor"
    HELPDESK = "helpdesk"
    ADMINISTRATOR = "administrator"

    def covers(self, other: Role) -> bool:
        """True where whoever has this may do all that the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class RoleRule:
    """A role and who has it."""

    role: Role
    subjects: Subjects


def find_role(rules: Iterable[RoleRule], account: Account, groups: frozenset[DirectoryGroup]) -> Role | None:
    """The greatest role of the account; None where it has none. A rule that names nobody gives nothing."""
    held = [
        rule.role
        for rule in rules
        if not rule.subjects.is_everybody and rule.subjects.include(account, groups)
    ]
    return max(held, key=list(Role).index, default=None)


READING = frozenset(
    {
        "account_list",
        "account_show",
        "app_password_list",
        "audit_chains",
        "audit_export",
        "audit_show",
        "audit_verify",
        "counter_list",
        "device_export",
        "device_list",
        "device_show",
        "explain",
        "node_list",
        "policy_check",
        "policy_names",
        "secret_list",
        "status",
    }
)
"""What changes nothing (beside the trail's note of an export), and tells no secret."""
HELPING = frozenset(
    {
        "app_password_issue",
        "app_password_revoke",
        "counter_clear",
        "device_approve",
        "device_block",
        "device_remove",
        "device_unblock",
        "device_wipe",
        "device_wipe_cancel",
        "window_open",
    }
)
"""What a help desk does for people and their devices."""
ADMINISTERING = frozenset(
    {
        "account_add",
        "account_adopt",
        "account_disable",
        "account_enable",
        "account_import",
        "account_remove",
        "account_set_pin",
        "bind_password_accepted",
        "bind_password_find",
        "bind_password_refused",
        "device_import",
        "node_revoke",
        "secret_remove",
        "secret_set",
    }
)
"""What opens or shuts accounts, nodes and whole lists."""
LEAST_ROLES: Mapping[str, Role] = MappingProxyType(
    {
        **dict.fromkeys(READING, Role.AUDITOR),
        **dict.fromkeys(HELPING, Role.HELPDESK),
        **dict.fromkeys(ADMINISTERING, Role.ADMINISTRATOR),
    }
)
"""Every call, and the least role that may make it."""


def least_role(call: str) -> Role:
    """The least role that may make the call."""
    return LEAST_ROLES.get(call, Role.ADMINISTRATOR)
