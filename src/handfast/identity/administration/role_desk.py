"""Who may make which administrative call, where the settings give roles: the account that has a Unix user's name says.

Root and the service's own user are not asked: who has the machine has the key file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.audit import AuditEvent
from handfast.identity.directory.standing import DirectoryPolicy, read_standing
from handfast.identity.ports import Clock, Records, Repositories
from handfast.identity.roles import Role, RoleRule, find_role, least_role
from handfast.identity.unix_names import find_unix_account, split_unix_name


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """Who has which role. Unix users whose names have no domain are looked for among the accounts of `default_domain`."""

    rules: tuple[RoleRule, ...] = ()
    default_domain: str = ""
    directory: DirectoryPolicy = field(default_factory=DirectoryPolicy)


class RoleDesk:
    """Judges calls by the roles; where the settings give none, whoever may use the socket may everything."""

    def __init__(self, records: Records, clock: Clock, policy: RolePolicy) -> None:
        self._records = records
        self._clock = clock
        self._policy = policy

    def replace(self, policy: RolePolicy) -> None:
        """A reload: the next call is judged by these."""
        self._policy = policy

    async def check(self, *, user: str, actor: str, call: str) -> None:
        """Returns where the Unix user may make the call; a refusal is audited. Raises: AdministrationError, Unavailable."""
        if not self._policy.rules:
            return
        role, why_not = await self._records.read(lambda repositories: self._role_of(repositories, user))
        needed = least_role(call)
        if role is not None and role.covers(needed):
            return
        has = f"no role: {why_not}" if role is None else f"the role {role}"
        await self._records.write(
            lambda repositories: repositories.audit.append(
                AuditEvent.ADMINISTRATION_REFUSED,
                now=self._clock.now(),
                actor=actor,
                subject=call[:100],
                details={"role": "" if role is None else role.value, "needed": needed.value},
            )
        )
        whose = "\\".join(filter(None, split_unix_name(user, self._policy.default_domain)))
        raise AdministrationError(
            "refused",
            f"{whose} has {has}; {call} needs {needed}",
            "ask an administrator, or for a [[role]] in the settings; root may everything",
        )

    def _role_of(self, repositories: Repositories, user: str) -> tuple[Role | None, str]:
        """The role of the account of that name, while it may sign in at all; else why it has none."""
        account = find_unix_account(repositories, user, self._policy.default_domain)
        if account is None:
            is_bare = not self._policy.default_domain and split_unix_name(user, "")[0] == ""
            hint = ", and identity.default_domain, where it would be looked for, is empty" if is_bare else ""
            return None, f"no account is called so{hint}"
        standing = read_standing(repositories, account, self._policy.directory, self._clock.now())
        if standing.refusal is not None:
            return None, standing.refusal.value
        groups = repositories.accounts.groups_of(account.id)
        return find_role(self._policy.rules, account, groups), "no [[role]] names it or a group it is in"
