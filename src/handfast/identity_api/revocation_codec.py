"""The lines of the revocation stream: each a `RevocationBatch`, as heartbeat with nothing in it."""

from __future__ import annotations

from handfast.decision.ports import RevocationBatch
from handfast.identity.records import AccountId, AppPasswordId, Revocation, RevocationScope
from handfast.identity_api.fields import Fields

_BATCH = frozenset({"epoch", "revocations", "resync"})
_REVOCATION = frozenset(
    {"epoch", "scope", "at", "account_id", "device_id", "app_password_id", "publication", "node"}
)


def encode_batch(batch: RevocationBatch) -> dict[str, object]:
    """One line of the stream."""
    return {
        "epoch": batch.epoch,
        "revocations": [encode_revocation(revocation) for revocation in batch.revocations],
        "resync": batch.resync,
    }


def decode_batch(value: object) -> RevocationBatch:
    """Raises: MalformedMessage."""
    fields = Fields("batch", value, _BATCH)
    return RevocationBatch(
        epoch=fields.integer("epoch"),
        revocations=tuple(decode_revocation(item) for item in fields.items("revocations")),
        resync=fields.flag("resync"),
    )


def encode_revocation(revocation: Revocation) -> dict[str, object]:
    """Every field of a revocation."""
    return {
        "epoch": revocation.epoch,
        "scope": revocation.scope,
        "at": revocation.at.isoformat(),
        "account_id": revocation.account_id,
        "device_id": revocation.device_id,
        "app_password_id": revocation.app_password_id,
        "publication": revocation.publication,
        "node": revocation.node,
    }


def decode_revocation(value: object) -> Revocation:
    """Raises: MalformedMessage."""
    fields = Fields("revocation", value, _REVOCATION)
    account_id = fields.optional_integer("account_id")
    app_password_id = fields.optional_integer("app_password_id")
    return Revocation(
        epoch=fields.integer("epoch"),
        scope=fields.member("scope", RevocationScope),
        at=fields.moment("at"),
        account_id=None if account_id is None else AccountId(account_id),
        device_id=fields.optional_text("device_id"),
        app_password_id=None if app_password_id is None else AppPasswordId(app_password_id),
        publication=fields.optional_text("publication"),
        node=fields.optional_text("node"),
    )
