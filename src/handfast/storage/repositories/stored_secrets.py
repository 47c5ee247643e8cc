"""Back-end secrets, sealed by the key ring before they come here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.records import AccountId, SecretState, StoredSecret
from handfast.storage.schema import stored_secrets
from handfast.storage.statements import Transaction

_c = stored_secrets.c
_COLUMNS = ("account_id", "publication", "user_name", "key_id", "sealed", "state", "suspended_at")
_KEY = ("account_id", "publication")
_FIND = select(*(_c[name] for name in _COLUMNS)).where(
    _c.account_id == bindparam("account_id"), _c.publication == bindparam("publication")
)
_SAVE = (
    insert(stored_secrets)
    .values({name: bindparam(name) for name in _COLUMNS})
    .on_conflict_do_update(
        index_elements=list(_KEY), set_={name: bindparam(name) for name in _COLUMNS if name not in _KEY}
    )
)
_SUSPEND = (
    update(stored_secrets)
    .where(
        _c.account_id == bindparam("key_account"),
        _c.publication == bindparam("key_publication"),
        _c.state == SecretState.ACTIVE.value,
    )
    .values(state=SecretState.SUSPENDED.value, suspended_at=bindparam("now"))
)
_REMOVE = delete(stored_secrets).where(
    _c.account_id == bindparam("account_id"), _c.publication == bindparam("publication")
)


class SqlStoredSecrets:
    """Fits `identity.ports.StoredSecretRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def find(self, account_id: AccountId, publication: str) -> StoredSecret | None:
        row = self._t.first(_FIND, account_id=account_id, publication=publication)
        if row is None:
            return None
        key, of, user_name, key_id, sealed, state, suspended_at = row
        return StoredSecret(key, of, user_name, key_id, sealed, SecretState(state), suspended_at)

    def save(self, secret: StoredSecret) -> None:
        """Replaces the account's secret of that publication."""
        self._t.run(_SAVE, **{name: getattr(secret, name) for name in _COLUMNS})

    def suspend(self, account_id: AccountId, publication: str, now: datetime) -> bool:
        """True for the one caller that suspends an active secret."""
        return self._t.run(_SUSPEND, key_account=account_id, key_publication=publication, now=now) == 1

    def remove(self, account_id: AccountId, publication: str) -> bool:
        return self._t.run(_REMOVE, account_id=account_id, publication=publication) == 1
