"""Human-chosen secrets of local accounts. Off by default; people choose badly, so the counters stand before them."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from handfast.identity.audit import AuditEvent
from handfast.identity.names import fold, principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, RevocationScope

MIN_CHARACTERS = 6
MAX_CHARACTERS = 128


def find_weakness(pin: str, user: str) -> str:
    """Why a PIN is not taken, in one clause; "" where it is."""
    if not MIN_CHARACTERS <= len(pin) <= MAX_CHARACTERS:
        return f"a PIN has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters"
    if len(set(pin)) < 3:
        return "a PIN has at least three different characters"
    if _is_run(pin):
        return "a PIN is no run such as 123456"
    if fold(user) in fold(pin):
        return "a PIN does not hold the user's name"
    return ""


def _is_run(pin: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in pairwise(pin)}
    return steps in ({1}, {-1})


def set_pin(
    repositories: Repositories, account: Account, verifier: str | None, *, now: datetime, actor: str
) -> None:
    """Stores or clears the verifier; what the account has open was allowed by the old one and ends."""
    repositories.accounts.set_pin_verifier(account.id, verifier)
    repositories.counters.clear_account(account.id)
    repositories.revocations.publish(RevocationScope.ACCOUNT, now=now, account_id=account.id)
    event = AuditEvent.ACCOUNT_PIN_CLEARED if verifier is None else AuditEvent.ACCOUNT_PIN_SET
    repositories.audit.append(event, now=now, actor=actor, subject=principal_of(account))
