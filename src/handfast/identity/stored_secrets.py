"""The back end's own passwords, sealed. One that the back end refused is suspended: one failed attempt, not one a retry."""

from __future__ import annotations

from datetime import datetime

from handfast.identity.audit import AuditEvent
from handfast.identity.names import principal_of
from handfast.identity.ports import KeyRing, Repositories
from handfast.identity.records import Account, AccountId, RevocationScope, StoredSecret


def associated_data(account_id: AccountId, publication: str) -> str:
    """What ties a sealed secret to its row."""
    return f"stored_secrets:{publication}:{account_id}"


def seal_secret(
    keyring: KeyRing, account_id: AccountId, publication: str, user_name: str, password: str
) -> StoredSecret:
    """An active record of the password."""
    associated = associated_data(account_id, publication)
    key_id, sealed = keyring.seal(password.encode("utf-8"), associated=associated)
    return StoredSecret(account_id, publication, user_name, key_id, sealed)


def unseal_secret(keyring: KeyRing, secret: StoredSecret) -> str:
    """The password. Raises: ValueError where the key is unknown or the record was changed or moved."""
    associated = associated_data(secret.account_id, secret.publication)
    return keyring.unseal(secret.key_id, secret.sealed, associated=associated).decode("utf-8")


def store_secret(
    repositories: Repositories, account: Account, secret: StoredSecret, *, now: datetime, actor: str
) -> None:
    """Stores or replaces it, active; connections signed in with the old one end."""
    repositories.stored_secrets.save(secret)
    _revoke(repositories, account, secret.publication, now)
    _record(repositories, account, secret.publication, AuditEvent.SECRET_STORED, now, actor)


def suspend_secret(
    repositories: Repositories, account: Account, publication: str, *, now: datetime, actor: str
) -> bool:
    """After the back end refused it; False where it was suspended (or removed) already."""
    if not repositories.stored_secrets.suspend(account.id, publication, now):
        return False
    _revoke(repositories, account, publication, now)
    _record(repositories, account, publication, AuditEvent.SECRET_SUSPENDED, now, actor)
    return True


def remove_secret(
    repositories: Repositories, account: Account, publication: str, *, now: datetime, actor: str
) -> bool:
    """Forgets it; False where there was none."""
    if not repositories.stored_secrets.remove(account.id, publication):
        return False
    _revoke(repositories, account, publication, now)
    _record(repositories, account, publication, AuditEvent.SECRET_REMOVED, now, actor)
    return True


def _revoke(repositories: Repositories, account: Account, publication: str, now: datetime) -> None:
    repositories.revocations.publish(
        RevocationScope.STORED_SECRET, now=now, account_id=account.id, publication=publication
    )


def _record(
    repositories: Repositories,
    account: Account,
    publication: str,
    event: AuditEvent,
    now: datetime,
    actor: str,
) -> None:
    repositories.audit.append(
        event,
        now=now,
        actor=actor,
        subject=principal_of(account),
        details={"publication": publication},
    )
