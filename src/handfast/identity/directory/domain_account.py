"""An account as delegation sees it: what it may do, which services it is, and how its tickets are encrypted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

DISABLED = 0x2
SMARTCARD_REQUIRED = 0x40000
UNCONSTRAINED = 0x80000
NOT_DELEGATED = 0x100000
DES_ONLY = 0x200000
PROTOCOL_TRANSITION = 0x1000000
WITHOUT_PAC = 0x2000000
"""Bits of userAccountControl (MS-ADTS 2.2.16)."""
AES128, AES256 = 0x8, 0x10
AES_TYPES = AES128 | AES256
"""In msDS-SupportedEncryptionTypes (MS-KILE 2.2.7)."""
PROTECTED_USERS_RID = 525
"""Of the group whose members nobody signs in for (MS-DTYP 2.4.2.4, MS-SFU 3.2.5.1.2)."""


@dataclass(frozen=True, slots=True)
class DomainAccount:
    """One account as a domain controller has it. `encryption_types` None: the attribute is not set.

    `key_version` is msDS-KeyVersionNumber; `group_rids` the relative ids of its domain's groups it is in. `has_hours`: at some
    hours of the week it may not sign in (logonHours).
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
    password_expires_at: datetime | None = None
    has_hours: bool = False
    group_rids: frozenset[int] = frozenset()
    sid: str = ""

    @property
    def is_machine(self) -> bool:
        """True for a computer account."""
        return self.name.endswith("$")

    @property
    def is_protected(self) -> bool:
        """True for one of the Protected Users."""
        return PROTECTED_USERS_RID in self.group_rids

    @property
    def has_aes(self) -> bool:
        """True where tickets for it are encrypted with AES."""
        return bool((self.encryption_types or 0) & AES_TYPES)
