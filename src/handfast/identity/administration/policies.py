"""What applies to an account, and why."""

from __future__ import annotations

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import JsonRow, Office


class PolicyAdministration(Office):
    """Calls on policy."""

    async def policy_check(
        self,
        *,
        actor: str,
        account: str,
        publication: str | None = None,
        listener: str | None = None,
        source: str | None = None,
    ) -> JsonRow:
        """The account's standing, groups and role, and the rule that decides for one publication, or for all."""
        del actor
        if self._policies is None:
            raise AdministrationError("unavailable", "nobody here knows the policy")
        return await self._policies.check(
            account=account, publication=publication, listener=listener, source=source
        )
