from __future__ import annotations

from dataclasses import replace

from handfast.decision.outcome import Deny, Pass
from handfast.decision.reasons import Reason
from handfast.decision.stages.limits import decide_limits
from handfast.identity.stored_secrets import seal_secret
from tests.fakes.identity_process import MAIL, IdentityProcess
from tests.fakes.one_phone import NOW

STORED = replace(MAIL, needs_stored_secret=True)


async def test_a_stored_secret_must_be_there_and_not_suspended():
    identity = IdentityProcess()
    account = await identity.add_account()

    async def decide(publication=STORED):
        return await identity.records.read(lambda r: decide_limits(r, publication, account))

    assert await decide(MAIL) == Pass(), "no secret is wanted there"
    assert await decide() == Deny(Reason.BACKEND_SECRET_MISSING, "stored_secret")
    secret = seal_secret(identity.keyring, account.id, "mail", "alice", "behind")
    await identity.records.write(lambda r: r.stored_secrets.save(secret))
    assert await decide() == Pass(rule="stored_secret")
    other = replace(STORED, name="ews")
    assert await decide(other) == Deny(Reason.BACKEND_SECRET_MISSING, "stored_secret")
    await identity.records.write(lambda r: r.stored_secrets.suspend(account.id, "mail", NOW))
    assert await decide() == Deny(Reason.BACKEND_SECRET_SUSPENDED, "stored_secret")
