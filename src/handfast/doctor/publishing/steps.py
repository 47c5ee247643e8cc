"""The values of a look: where it is taken, what a client does there, and how it is written down. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509

from handfast.doctor.findings import Finding
from handfast.doctor.publishing.visit import Ask


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a request was refused, as `handfast explain` has it."""

    reason: str
    detail: str
    next_step: str


Explain = Callable[[str], Explained | None]
"""Of a request id; None where nobody can tell."""


@dataclass(frozen=True, slots=True)
class Place:
    """A publication at one of its listeners.

    `finder`, `activesync`, `ews` and `mapi` are the hosts that are asked; `told` all that clients may be told. `chains` are those of the
    listener's files, each with the server's own certificate first.
    """

    publication: str
    listener: str
    hosts: tuple[str, ...]
    is_exchange: bool
    finder: str
    activesync: str
    ews: str
    mapi: str
    told: frozenset[str]
    mail_domains: tuple[str, ...] = ()
    chains: tuple[tuple[x509.Certificate, ...], ...] = ()

    def __str__(self) -> str:
        return f"publication {self.publication} at listener {self.listener}"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a client does, what it is answered, and what it does then. `finding` where that is not good."""

    place: Place
    client: str
    asked: str
    answer: str
    effect: str
    finding: Finding | None = None


def name_of(asked: Ask) -> str:
    """As people write it; the query of a question is its concern alone."""
    path = asked.path.partition("?")[0]
    signed = ", signed in" if asked.is_secret else ""
    return f"{asked.method} https://{asked.host}{path}{signed}"


def host_of(url: str) -> str:
    """The host, or the whole of what is no URL."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url
