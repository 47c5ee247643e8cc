"""Checkpoints of the audit trail: signed statements "this chain had this MAC at this number", kept outside the database.

What a checkpoint on another machine has seen can't be cut or rewritten any more, not even by who holds the key.
One checkpoint is one line of JSON: chain, sequence, mac (hex), at (ISO 8601), signature (hex).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handfast.identity.ports import KeyRing
from handfast.protocols.errors import MalformedMessage

MAX_LINE_BYTES = 4096
_FIELDS = {"chain": str, "sequence": int, "mac": str, "at": str, "signature": str}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the chain's newest entry was at `at`."""

    chain: str
    sequence: int
    mac: bytes
    at: datetime
    signature: bytes


def checkpoint_bytes(chain: str, sequence: int, mac: bytes, at: datetime) -> bytes:
    """What the signature covers: every field, in one unambiguous form."""
    fields = ["checkpoint", chain, sequence, mac.hex(), at.astimezone(UTC).isoformat()]
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def issue_checkpoint(keyring: KeyRing, chain: str, sequence: int, mac: bytes, now: datetime) -> Checkpoint:
    """Signs what the chain's head is now."""
    at = now.astimezone(UTC)
    return Checkpoint(
        chain, sequence, mac, at, keyring.sign_checkpoint(checkpoint_bytes(chain, sequence, mac, at))
    )


def is_authentic(keyring: KeyRing, checkpoint: Checkpoint) -> bool:
    """Whether the checkpoint was signed under our key and not changed since."""
    message = checkpoint_bytes(checkpoint.chain, checkpoint.sequence, checkpoint.mac, checkpoint.at)
    return keyring.verify_checkpoint(message, checkpoint.signature)


def encode_checkpoint(checkpoint: Checkpoint) -> str:
    """One line without its end; ASCII."""
    fields = {
        "chain": checkpoint.chain,
        "sequence": checkpoint.sequence,
        "mac": checkpoint.mac.hex(),
        "at": checkpoint.at.isoformat(),
        "signature": checkpoint.signature.hex(),
    }
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":"))


def parse_checkpoint(line: bytes) -> Checkpoint:
    """Raises: MalformedMessage."""
    fields = _fields(line)
    try:
        at = datetime.fromisoformat(fields["at"])
        mac, signature = bytes.fromhex(fields["mac"]), bytes.fromhex(fields["signature"])
    except ValueError:
        raise MalformedMessage("checkpoint", "value", "no time or no hexadecimal digits") from None
    if at.utcoffset() is None or at.astimezone(UTC).isoformat() != fields["at"]:
        raise MalformedMessage("checkpoint", "at", "not a time in UTC")
    if fields["sequence"] < 1:
        raise MalformedMessage("checkpoint", "sequence", "not positive")
    return Checkpoint(fields["chain"], fields["sequence"], mac, at, signature)


def _fields(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise MalformedMessage("checkpoint", "line", f"longer than {MAX_LINE_BYTES} bytes")
    try:
        fields = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        raise MalformedMessage("checkpoint", "line", "not JSON in ASCII") from None
    if not isinstance(fields, dict) or set(fields) != set(_FIELDS):
        raise MalformedMessage("checkpoint", "line", f"not exactly the fields {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if type(fields[name]) is not kind:
            raise MalformedMessage("checkpoint", name, f"not of type {kind.__name__}")
    return fields
