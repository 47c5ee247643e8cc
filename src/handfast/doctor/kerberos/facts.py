"""What was seen: the domain's accounts, our keytab, names and clocks, and what a trial came to. No judgement yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

DISABLED = 0x2
UNCONSTRAINED = 0x80000
NOT_DELEGATED = 0x100000
PROTOCOL_TRANSITION = 0x1000000
"""Bits of userAccountControl (MS-ADTS 2.2.16)."""
AES_TYPES = 0x18
"""AES128 and AES256 in msDS-SupportedEncryptionTypes (MS-KILE 2.2.7)."""
AES_ENCTYPES = frozenset({17, 18})
"""aes128-cts-hmac-sha1-96 and aes256-cts-hmac-sha1-96 (RFC 3962 7)."""
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

    @property
    def is_machine(self) -> bool:
        """True for a computer account."""
        return self.name.endswith("$")

    @property
    def has_aes(self) -> bool:
        """True where tickets for it are encrypted with AES."""
        return bool((self.encryption_types or 0) & AES_TYPES)


@dataclass(frozen=True, slots=True)
class KeytabKey:
    """One key of the keytab, without the key."""

    principal: str
    version: int
    encryption: int


@dataclass(frozen=True, slots=True)
class Service:
    """A service that people are signed in to: its SPN, and the hosts of its back ends."""

    publication: str
    spn: str
    hosts: tuple[str, ...]

    @property
    def host(self) -> str:
        """The host in the SPN."""
        return self.spn.partition("/")[2].partition(":")[0]


@dataclass(frozen=True, slots=True)
class ResolvedName:
    """What DNS says of a host: its canonical name where that is another, and its addresses."""

    canonical: str = ""
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TicketTrial:
    """A ticket for the person and one service: `problem` "" where there is one."""

    spn: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class AnswerTrial:
    """One back end asked with such a ticket: its HTTP status, or why there is none."""

    publication: str
    url: str
    status: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """All that was tried for one account. `person` is None where the directory does not know the name."""

    login: str
    person: DomainAccount | None
    tickets: tuple[TicketTrial, ...] = ()
    answers: tuple[AnswerTrial, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything the check looks at. `holders` are the accounts that hold an SPN, by the SPN in lower case.

    `principal` is the service account's name without realm, `account` what the directory says of it. `accepts` are the SPNs
    that clients inside get tickets for. `servers_account` is the account of the back ends, where whoever asks knows it.
    """

    realm: str
    principal: str
    keytab_path: str
    account: DomainAccount | None
    keytab: tuple[KeytabKey, ...] = ()
    keytab_problem: str = ""
    services: tuple[Service, ...] = ()
    accepts: tuple[str, ...] = ()
    holders: Mapping[str, tuple[DomainAccount, ...]] = field(default_factory=dict)
    names: Mapping[str, ResolvedName] = field(default_factory=dict)
    clock_offset_seconds: float | None = None
    servers_account: str = ""
    trial: Trial | None = None

    def holders_of(self, spn: str) -> tuple[DomainAccount, ...]:
        """Who holds an SPN; case does not matter."""
        return self.holders.get(spn.lower(), ())
