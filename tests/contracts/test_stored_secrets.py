"""The contract of `StoredSecretRepository`."""

from __future__ import annotations

from dataclasses import replace

from handfast.identity.records import SecretState, StoredSecret
from tests.fakes.clock import START


async def stored(records) -> StoredSecret:
    def work(r):
        account = r.accounts.add(user="a", domain="D", upn="", display_name="", now=START)
        secret = StoredSecret(account.id, "mail", "anna", "k1", b"\x00sealed\xff")
        r.stored_secrets.save(secret)
        return secret

    return await records.write(work)


async def test_a_secret_comes_back_and_is_replaced(records) -> None:
    secret = await stored(records)
    assert await records.read(lambda r: r.stored_secrets.find(secret.account_id, "mail")) == secret
    assert await records.read(lambda r: r.stored_secrets.find(secret.account_id, "other")) is None
    newer = replace(secret, sealed=b"new", key_id="k2")
    await records.write(lambda r: r.stored_secrets.save(newer))
    assert await records.read(lambda r: r.stored_secrets.find(secret.account_id, "mail")) == newer


async def test_one_caller_suspends(records) -> None:
    secret = await stored(records)
    assert await records.write(lambda r: r.stored_secrets.suspend(secret.account_id, "mail", START)) is True
    assert await records.write(lambda r: r.stored_secrets.suspend(secret.account_id, "mail", START)) is False
    assert await records.write(lambda r: r.stored_secrets.suspend(secret.account_id, "none", START)) is False
    expected = replace(secret, state=SecretState.SUSPENDED, suspended_at=START)
    assert await records.read(lambda r: r.stored_secrets.find(secret.account_id, "mail")) == expected


async def test_a_new_secret_is_active_again(records) -> None:
    secret = await stored(records)
    await records.write(lambda r: r.stored_secrets.suspend(secret.account_id, "mail", START))
    await records.write(lambda r: r.stored_secrets.save(secret))
    assert await records.read(lambda r: r.stored_secrets.find(secret.account_id, "mail")) == secret


async def test_removal(records) -> None:
    secret = await stored(records)
    assert await records.write(lambda r: r.stored_secrets.remove(secret.account_id, "mail")) is True
    assert await records.write(lambda r: r.stored_secrets.remove(secret.account_id, "mail")) is False
