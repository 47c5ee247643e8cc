from __future__ import annotations

from handfast.identity.administration.calls import Administration
from tests.fakes.desk import Desk


class Explainer:
    async def check(self, **asked):
        return asked

    async def names(self):
        return [{"name": "CONTOSO\\Staff"}]


async def test_the_policy_is_asked_of_whoever_knows_it():
    desk = Desk()
    refused = await desk.refused("policy_check", account="anna")
    assert refused.kind == "unavailable"
    assert isinstance(desk.administration, Administration)
    desk.administration._policies = Explainer()
    asked = {"account": "anna", "publication": "mail", "listener": None, "source": None}
    assert await desk("policy_check", account="anna", publication="mail") == asked
    assert await desk("policy_names") == [{"name": "CONTOSO\\Staff"}]
