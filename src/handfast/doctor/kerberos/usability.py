"""Whether an account is in a state in which anything can be done with it, and the commands that put it there. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from handfast.doctor.findings import Severity
from handfast.doctor.kerberos import remedies
from handfast.doctor.kerberos.findings import KerberosFinding, KerberosFindingId
from handfast.identity.directory.domain_account import DISABLED, NOT_DELEGATED, DomainAccount

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


def judge_delegable(
    account: DomainAccount, finding: KerberosFindingId, remedy: str
) -> Iterator[KerberosFinding]:
    """Sensitive, or in Protected Users: no KDC gives a ticket that could be passed on in its name."""
    is_sensitive, is_protected = bool(account.control & NOT_DELEGATED), account.is_protected
    if is_sensitive or is_protected:
        yield KerberosFinding(
            finding,
            _ERROR,
            f"{account.name} is {'marked as sensitive' if is_sensitive else 'in Protected Users'}",
            remedy,
            remedies.let_be_delegated(account, is_sensitive=is_sensitive, is_protected=is_protected),
        )


def is_password_over(account: DomainAccount, now: datetime) -> bool:
    """True where the KDC wants another password first; it does so of whoever signs in, not of who is signed in to."""
    return account.password_expires_at is not None and account.password_expires_at <= now
