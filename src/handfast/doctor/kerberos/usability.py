"""Whether an account is in a state in which anything can be done with it, and the commands that put it there. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from handfast.doctor.findings import Severity
from handfast.doctor.kerberos import remedies
from handfast.doctor.kerberos.findings import KerberosFinding, KerberosFindingId
from handfast.identity.directory.domain_account import DISABLED, DomainAccount

_ERROR = Severity.ERROR


def judge_usable(
    account: DomainAccount, finding: KerberosFindingId, now: datetime
) -> Iterator[KerberosFinding]:
    """Disabled, expired, locked: each with the command that ends it."""
    if account.control & DISABLED:
        yield KerberosFinding(
            finding, _ERROR, f"{account.name} is disabled", "enable it", remedies.enable_account(account)
        )
    if account.expires_at is not None and account.expires_at <= now:
        yield KerberosFinding(
            finding, _ERROR, f"{account.name} has expired", "end its expiry", remedies.end_expiry(account)
        )
    if account.locked_until is not None and account.locked_until > now:
        yield KerberosFinding(
            finding,
            _ERROR,
            f"{account.name} is locked",
            "unlock it, and look who guesses its password",
            remedies.unlock_account(account),
        )


def is_password_over(account: DomainAccount, now: datetime) -> bool:
    """True where the KDC wants another password first; it does so of whoever signs in, not of who is signed in to."""
    return account.password_expires_at is not None and account.password_expires_at <= now
