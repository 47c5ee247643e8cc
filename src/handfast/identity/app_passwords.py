"""App passwords: generated secrets, kept only as a keyed verifier, opening one profile on one device.

114 bits can't be guessed, so a password is found by one probe of a unique index and needs no slow hash, and no
counter ever stands between it and its phone. Where NTLM is allowed the NT hash is kept as well, sealed; a client
hashes what was typed, so the forms with and without hyphens are two candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from handfast.identity.audit import AuditEvent
from handfast.identity.channels import PROFILE_CHANNELS, Channel, Profile
from handfast.identity.names import principal_of
from handfast.identity.ports import KeyRing, Randomness, Repositories
from handfast.identity.records import (
    Account,
    AccountId,
    AppPassword,
    AppPasswordId,
    RevocationScope,
)
from handfast.protocols.ntlm.hashes import nt_hash

ALPHABET = "abcdefghijkmnpqrstuvwxyz"
"""24 letters: without "l" and "o", which people read as digits."""
GROUPS = 5
GROUP_LETTERS = 5
MAX_SECRET_CHARACTERS = 256
"""A longer secret is no app password and is cut here, so that its length costs us nothing."""
MAX_NTLM_CANDIDATES = 16
"""NT hashes an account may have: every NTLM sign-in evaluates all of them."""
NTLM_FORMS = 2
"""Slot 0 is the form without hyphens, slot 1 the form with them."""


class PasswordRefusal(StrEnum):
    """Why a known app password opens nothing; values are those of `decision.reasons.Reason`."""

    EXPIRED = "app-password-expired"
    REVOKED = "app-password-revoked"


class TooManyNtlmPasswords(Exception):
    """The account has as many NTLM candidates as are evaluated."""


@dataclass(frozen=True, slots=True)
class PasswordOrder:
    """What an app password is issued for. `expires_at` None: it lives until it is revoked."""

    channels: frozenset[Channel]
    label: str = ""
    reserved_device_id: str | None = None
    expires_at: datetime | None = None
    ntlm_allowed: bool = False


def generate_password(randomness: Randomness) -> str:
    """A new password as it is shown: 25 letters in five groups with hyphens."""
    letters = [randomness.choice(ALPHABET) for _ in range(GROUPS * GROUP_LETTERS)]
    return with_hyphens("".join(letters))


def with_hyphens(canonical: str) -> str:
    """The canonical form in groups of five."""
    starts = range(0, len(canonical), GROUP_LETTERS)
    return "-".join(canonical[start : start + GROUP_LETTERS] for start in starts)


def canonical_form(text: str) -> str:
    """What people type, made one: without hyphens and spaces, A-Z in lower case, at most 256 characters.

    Phones capitalise a first letter and people copy the groups with or without their hyphens. Nothing else is
    forgiven; `canonical_form(canonical_form(x)) == canonical_form(x)`.
    """
    kept = text[:MAX_SECRET_CHARACTERS].replace("-", "").replace(" ", "")
    return "".join(c.lower() if "A" <= c <= "Z" else c for c in kept)


def channels_of(profile: str, channels: Sequence[str] | None) -> frozenset[Channel]:
    """The doors of a named profile, or of a named set of channels. Raises: ValueError (unknown name)."""
    if channels:
        return frozenset(Channel(name) for name in channels)
    return PROFILE_CHANNELS[Profile(profile)]


def find_refusal(password: AppPassword, now: datetime) -> PasswordRefusal | None:
    """Why the password is dead at `now`, or None.

    Used means bound, or for a deviceless password let in once: a bare OPTIONS of a phone binds nothing and so does not
    prolong an unused password.
    """
    if password.revoked_at is not None:
        return PasswordRefusal.REVOKED
    if password.expires_at is not None and password.expires_at <= now:
        return PasswordRefusal.EXPIRED
    if password.first_used_at is None and password.use_by <= now:
        return PasswordRefusal.EXPIRED
    return None


def find_password(
    repositories: Repositories, keyring: KeyRing, account_id: AccountId, secret: str
) -> AppPassword | None:
    """The account's app password with that secret, dead or alive. One probe a key, for any account and secret."""
    found: AppPassword | None = None
    for _, verifier in keyring.verifiers(account_id, canonical_form(secret)):
        match = repositories.app_passwords.find_by_verifier(verifier)
        if match is not None and match.account_id == account_id and found is None:
            found = match
    return found


def issue_password(
    repositories: Repositories,
    keyring: KeyRing,
    account: Account,
    order: PasswordOrder,
    secret: str,
    *,
    now: datetime,
    unused_life: timedelta,
    actor: str,
) -> AppPassword:
    """Stores a generated `secret` for the account and audits it. Raises: TooManyNtlmPasswords, Conflict."""
    if order.ntlm_allowed:
        _check_ntlm_room(repositories, account.id, now)
    canonical = canonical_form(secret)
    key_id, verifier = next(iter(keyring.verifiers(account.id, canonical)))
    password = repositories.app_passwords.add(
        account_id=account.id,
        label=order.label,
        channels=frozenset(channel.value for channel in order.channels),
        verifier=verifier,
        verifier_key_id=key_id,
        use_by=now + unused_life,
        expires_at=order.expires_at,
        reserved_device_id=order.reserved_device_id,
        ntlm_allowed=order.ntlm_allowed,
        now=now,
    )
    if order.ntlm_allowed:
        _store_nt_hashes(repositories, keyring, password, canonical)
    details = {
        "id": str(password.id),
        "channels": " ".join(sorted(order.channels)),
        "ntlm": "yes" if order.ntlm_allowed else "no",
        "device": order.reserved_device_id or "",
    }
    repositories.audit.append(
        AuditEvent.APP_PASSWORD_ISSUED, now=now, actor=actor, subject=principal_of(account), details=details
    )
    return password


def _check_ntlm_room(repositories: Repositories, account_id: AccountId, now: datetime) -> None:
    taken = len(repositories.app_passwords.nt_hashes_of_account(account_id, now))
    if taken + NTLM_FORMS > MAX_NTLM_CANDIDATES:
        raise TooManyNtlmPasswords


def _store_nt_hashes(
    repositories: Repositories, keyring: KeyRing, password: AppPassword, canonical: str
) -> None:
    for slot, form in enumerate((canonical, with_hyphens(canonical))):
        associated = associated_data(password.id, slot, password.account_id)
        key_id, sealed = keyring.seal(nt_hash(form), associated=associated)
        repositories.app_passwords.add_nt_hash(password.id, slot=slot, key_id=key_id, sealed=sealed)


def associated_data(password_id: AppPasswordId, slot: int, account_id: AccountId) -> str:
    """What ties a sealed NT hash to its place: moved to another row or account it can't be opened."""
    return f"nt_hashes:{password_id}:{slot}:{account_id}"


def revoke_password(
    repositories: Repositories, account: Account, password_id: AppPasswordId, *, now: datetime, actor: str
) -> bool:
    """Ends a password at once, audits it and publishes the revocation; False where it was ended already."""
    if not repositories.app_passwords.revoke(password_id, now):
        return False
    repositories.revocations.publish(
        RevocationScope.APP_PASSWORD, now=now, account_id=account.id, app_password_id=password_id
    )
    repositories.audit.append(
        AuditEvent.APP_PASSWORD_REVOKED,
        now=now,
        actor=actor,
        subject=principal_of(account),
        details={"id": str(password_id)},
    )
    return True


def bind_password(
    repositories: Repositories, account: Account, password: AppPassword, device_id: str, *, now: datetime
) -> bool:
    """Binds a fresh password to its first device, by compare-and-set. The loser of a race is audited as possible theft."""
    subject = f"{principal_of(account)} {device_id}"
    details = {"id": str(password.id)}
    if repositories.app_passwords.bind(password.id, device_id, now):
        repositories.audit.append(
            AuditEvent.APP_PASSWORD_BOUND, now=now, actor="gateway", subject=subject, details=details
        )
        return True
    record_misuse(repositories, account, password, device_id, now=now)
    return False


def record_misuse(
    repositories: Repositories, account: Account, password: AppPassword, device_id: str, *, now: datetime
) -> None:
    """Audits that a second device knows the password: it was copied, or stolen."""
    bound = repositories.app_passwords.find(password.id)
    repositories.audit.append(
        AuditEvent.APP_PASSWORD_MISUSED,
        now=now,
        actor="gateway",
        subject=f"{principal_of(account)} {device_id}",
        details={
            "id": str(password.id),
            "bound_device": (bound.bound_device_id if bound else None) or password.reserved_device_id or "",
        },
    )
