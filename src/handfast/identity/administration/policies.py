"""What applies to an account, and why."""

from __future__ import annotations

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import JsonRow, Office, PolicyExplainer


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
        return await self._explainer.check(
            account=account, publication=publication, listener=listener, source=source
        )

    async def policy_names(self, *, actor: str) -> list[JsonRow]:
        """The groups and accounts that rules and roles name, and whether they are any."""
        del actor
        return await self._explainer.names()

    @property
    def _explainer(self) -> PolicyExplainer:
        if self._policies is None:
            raise AdministrationError("unavailable", "nobody here knows the policy")
        return self._policies
