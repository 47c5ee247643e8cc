"""An account as delegation sees it: what it may do, which services it is, and how its tickets are encrypted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

DISABLED = 0x2
UNCONSTRAINED = 0x80000
NOT_DELEGATED = 0x100000
PROTOCOL_TRANSITION = 0x1000000
"""Bits of userAccountControl (MS-ADTS 2.2.16)."""
AES_TYPES = 0x18
"""AES128 and AES256 in msDS-SupportedEncryptionTypes (MS-KILE 2.2.7)."""
PROTECTED_USERS_RID = 525
"""Of the group whose members nobody signs in for (MS-SFU 3.2.5.1.2)."""


@dataclass(frozen=True, slots=True)
class DomainAccount:
    """One account as a domain controller has it. `encryption_types` None: the attribute is not set.

    `key_version` is msDS-KeyVersionNumber; `group_rids` the relative ids of its domain's groups it is in.
    """

    distinguished_name: str
    name: str
    control: int
    encryption_types: int | None = None
    key_version: int | None = None
    spns: tuple[str, ...] = ()
    delegates_to: tuple[str, ...] = ()
    expires_at: datetime | None = None
    locked_until: datetime | None = None
    group_rids: frozenset[int] = frozenset()
    sid: str = ""

    @property
    def is_machine(self) -> bool:
        """True for a computer account."""
        return self.name.endswith("$")

    @property
    def has_aes(self) -> bool:
        """True where tickets for it are encrypted with AES."""
        return bool((self.encryption_types or 0) & AES_TYPES)
