"""What was seen: the domain's accounts, our keytab, names and clocks, and what a trial came to. No judgement yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from handfast.identity.directory.domain_account import DomainAccount

AES128_ENCTYPE, AES256_ENCTYPE = 17, 18
"""aes128-cts-hmac-sha1-96 and aes256-cts-hmac-sha1-96 (RFC 3962 7)."""
RC4_ENCTYPE = 23
"""rc4-hmac (RFC 4757 4)."""
AES_ENCTYPES = frozenset({AES128_ENCTYPE, AES256_ENCTYPE})


def host_of(spn: str) -> str:
    """The host in an SPN."""
    return spn.partition("/")[2].partition(":")[0]


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
        return host_of(self.spn)


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
