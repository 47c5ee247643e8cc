"""An administrator at work over a whole identity process in memory: every call must take and give JSON."""

from __future__ import annotations

import json

import pytest

from handfast.decision.outcome import Outcome
from handfast.identity.administration.calls import Administration
from handfast.identity.administration.errors import AdministrationError
from handfast.identity.records import RevocationScope
from tests.fakes.identity_process import IdentityProcess

ACTOR = "uid:1000"


class Desk:
    """`await desk("device_block", account="alice", ...)` as the admin API would call it."""

    def __init__(self) -> None:
        self.identity = IdentityProcess()
        services = self.identity.services
        self.administration = Administration(
            services.records,
            services.keyring,
            services.hasher,
            services.clock,
            services.randomness,
            publications=frozenset({"mail"}),
            default_domain="CONTOSO",
            recent=services.recent,
            delays=services.delays,
            networks=services.networks,
        )

    async def __call__(self, method: str, **arguments):
        json.dumps(arguments)
        result = await getattr(self.administration, method)(actor=ACTOR, **arguments)
        json.dumps(result)
        return result

    async def refused(self, method: str, **arguments) -> AdministrationError:
        before = self.identity.records.tables
        with pytest.raises(AdministrationError) as caught:
            await self(method, **arguments)
        assert self.identity.records.tables == before, "a refused call changes nothing"
        return caught.value

    @property
    def scopes(self) -> list[RevocationScope]:
        return [r.scope for r in self.identity.records.tables.revocations]

    async def pair(self, account: str = "alice", device: str = "PHONE1") -> str:
        issued = await self("app_password_issue", account=account)
        decision = await self.identity.basic(issued["password"], login=f"CONTOSO\\{account}", device=device)
        assert decision.outcome is Outcome.ALLOW
        return issued["password"]
