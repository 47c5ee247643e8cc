from __future__ import annotations

from handfast.identity.records import RevocationScope, SecretState
from handfast.identity.stored_secrets import suspend_secret, unseal_secret


async def test_stored_secrets_are_sealed_and_suspended_once(desk):
    arguments = {"account": "alice", "publication": "mail", "user_name": "", "password": "behind"}
    stored = await desk("secret_set", **arguments)
    assert (stored["user_name"], stored["state"]) == ("alice", "active")
    records = desk.identity.records
    (secret,) = records.tables.secrets.values()
    assert b"behind" not in secret.sealed
    assert unseal_secret(desk.identity.keyring, secret) == "behind"
    account = records.tables.accounts[secret.account_id]
    now = desk.identity.clock.now()
    suspended = [
        await records.write(lambda r: suspend_secret(r, account, "mail", now=now, actor="gateway"))
        for _ in range(2)
    ]
    assert suspended == [True, False]
    assert (await desk("secret_list"))[0]["state"] == SecretState.SUSPENDED.value
    assert (await desk("secret_set", **arguments))["state"] == "active"
    await desk("secret_remove", account="alice", publication="mail")
    gone = await desk.refused("secret_remove", account="alice", publication="mail")
    assert gone.kind == "not-found"
    assert (await desk.refused("secret_set", **{**arguments, "publication": "mial"})).kind == "not-found"
    assert (await desk.refused("secret_set", **{**arguments, "password": ""})).kind == "usage"
    assert set(desk.scopes) == {RevocationScope.STORED_SECRET}
