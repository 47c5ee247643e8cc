"""The NT hashes an NTLM proof is tried against: always sixteen, whoever asks and whether the account exists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from handfast.identity.app_passwords import MAX_NTLM_CANDIDATES, associated_data
from handfast.identity.ports import KeyRing
from handfast.identity.records import AccountId, AppPasswordId

_DUMMY_PLACE = "nt_hashes:dummy"


@dataclass(frozen=True, slots=True)
class NtCandidates:
    """Hashes in order, and the password each belongs to (None for a dummy)."""

    hashes: tuple[bytes, ...] = field(repr=False)
    passwords: tuple[AppPasswordId | None, ...]


class NtCandidateOpener:
    """Unseals an account's hashes and fills up with dummies, which are unsealed as well: the work is always the same."""

    def __init__(self, keyring: KeyRing, unguessable: Sequence[bytes]) -> None:
        """`unguessable` are sixteen random hashes of 16 bytes that belong to nobody."""
        if len(unguessable) != MAX_NTLM_CANDIDATES:
            raise ValueError(f"{MAX_NTLM_CANDIDATES} dummies are needed")
        self._keyring = keyring
        self._dummies = [keyring.seal(dummy, associated=_DUMMY_PLACE) for dummy in unguessable]

    def open(
        self, account_id: AccountId | None, rows: Sequence[tuple[AppPasswordId, int, str, bytes]]
    ) -> NtCandidates:
        """Rows that can't be unsealed (moved, changed, key gone) count as dummies: they fit nothing."""
        hashes: list[bytes] = []
        passwords: list[AppPasswordId | None] = []
        for password_id, slot, key_id, sealed in rows[:MAX_NTLM_CANDIDATES]:
            assert account_id is not None
            try:
                hashes.append(
                    self._keyring.unseal(
                        key_id, sealed, associated=associated_data(password_id, slot, account_id)
                    )
                )
                passwords.append(password_id)
            except ValueError:
                continue
        for key_id, sealed in self._dummies[len(hashes) :]:
            hashes.append(self._keyring.unseal(key_id, sealed, associated=_DUMMY_PLACE))
            passwords.append(None)
        return NtCandidates(tuple(hashes), tuple(passwords))
