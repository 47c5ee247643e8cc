from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.records import AccountId, RevocationScope, SecretState
from handfast.identity.stored_secrets import (
    remove_secret,
    seal_secret,
    store_secret,
    suspend_secret,
    unseal_secret,
)
from tests.fakes.identity_process import IdentityProcess
from tests.fakes.keyring import FakeKeyRing


def test_a_secret_opens_for_its_own_row_alone():
    keyring = FakeKeyRing()
    sealed = seal_secret(keyring, AccountId(1), "mail", "alice", "Grüße 1")
    assert unseal_secret(keyring, sealed) == "Grüße 1"
    assert sealed.state is SecretState.ACTIVE
    assert "Gr" not in repr(sealed)
    for moved in (replace(sealed, account_id=AccountId(2)), replace(sealed, publication="ews")):
        with pytest.raises(ValueError, match="moved"):
            unseal_secret(keyring, moved)
    keyring.rotate("k2", b"new")
    assert unseal_secret(keyring, sealed) == "Grüße 1"
    keyring.forget("k1")
    with pytest.raises(ValueError, match="unknown key"):
        unseal_secret(keyring, sealed)


async def test_one_refusal_suspends_and_only_a_new_secret_makes_it_active():
    identity = IdentityProcess()
    account = await identity.add_account()
    secret = seal_secret(identity.keyring, account.id, "mail", "alice", "old")
    arguments = {"now": identity.clock.now(), "actor": "gateway"}

    async def write(work, *more):
        return await identity.records.write(lambda r: work(r, account, *more, **arguments))

    await write(store_secret, secret)
    assert [await write(suspend_secret, "mail") for _ in range(3)] == [True, False, False]
    stored = identity.records.tables.secrets[account.id, "mail"]
    assert (stored.state, stored.suspended_at) == (SecretState.SUSPENDED, identity.clock.now())
    await write(store_secret, seal_secret(identity.keyring, account.id, "mail", "alice", "new"))
    assert identity.records.tables.secrets[account.id, "mail"].state is SecretState.ACTIVE
    assert [await write(remove_secret, "mail") for _ in range(2)] == [True, False]
    assert not await write(suspend_secret, "mail")
    assert identity.audit_events == [
        "identity:stored_secret:stored",
        "identity:stored_secret:suspended",
        "identity:stored_secret:stored",
        "identity:stored_secret:removed",
    ]
    revoked = identity.records.tables.revocations
    assert {(r.scope, r.account_id, r.publication) for r in revoked} == {
        (RevocationScope.STORED_SECRET, account.id, "mail")
    }
    assert len(revoked) == 4
