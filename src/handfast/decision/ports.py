"""What a gateway needs from whoever decides, and what the pipeline needs from whoever remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from handfast.decision.access import AccessRequest
from handfast.decision.outcome import BackendAuthorization, Decision, Grant
from handfast.decision.reasons import Reason
from handfast.identity.records import Revocation

__all__ = [
    "AuditSink",
    "BackendAuthorization",
    "BackendSignIn",
    "BackendSignInRefused",
    "Decider",
    "DeviceReports",
    "GatewayEvent",
    "IssuedChallenge",
    "RevocationBatch",
    "RevocationSource",
    "WipeProgress",
    "WipeReport",
]


@dataclass(frozen=True, slots=True)
class IssuedChallenge:
    """An NTLM challenge for one connection: single use, at most a minute old. `message` is the type 2 message."""

    challenge_id: str
    message: bytes


@dataclass(frozen=True, slots=True)
class RevocationBatch:
    """What the revocation stream says: the newest epoch (also as heartbeat, each second) and what is revoked."""

    epoch: int
    revocations: tuple[Revocation, ...] = ()
    resync: bool = False


class Decider(Protocol):
    """Identity's answers to a gateway. Every call may raise `identity.ports.Unavailable`."""

    async def issue_challenge(
        self, publication: str, connection_id: str, negotiate: bytes
    ) -> IssuedChallenge:
        """The NTLM challenge for a type 1 message. Raises: MalformedMessage."""
        ...

    async def evaluate(self, request: AccessRequest) -> Decision: ...


class BackendSignIn(Protocol):
    """Signs an account in behind us, against a live grant only."""

    async def authorize(self, grant: Grant, channel_binding: bytes = b"") -> BackendAuthorization:
        """`channel_binding` is the application data of the back-end connection's binding ("tls-server-end-point:" and the
        hash of the server's certificate, RFC 5929 4), b"" without TLS. Raises: BackendSignInRefused, Unavailable.
        """
        ...

    async def confirm(self, grant: Grant, handle: str, token: bytes) -> bool:
        """True where the server proved with `token` that it is the one the authorization with that `handle` was made for.

        Once for each handle. Raises: BackendSignInRefused, Unavailable.
        """
        ...

    async def report_refused(self, grant: Grant, version: str) -> None:
        """The back end answered 401: the secret is suspended after this one attempt, a ticket for a minute."""
        ...


class RevocationSource(Protocol):
    """The stream of revocations; ends with `Unavailable` when the connection is lost or silent for 3 s."""

    def revocations(self, after_epoch: int) -> AsyncIterator[RevocationBatch]: ...


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """Something a gateway saw that identity should know: refusals in numbers, alarms, what a device said of itself.

    `details` keep out of the representation: an IMEI or a phone number may be among them.
    """

    name: str
    publication: str = ""
    source: str = ""
    count: int = 1
    details: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class AuditSink(Protocol):
    """Takes decision events of a gateway; must not block and may aggregate."""

    def record(self, event: GatewayEvent) -> None: ...


class WipeProgress(StrEnum):
    """How far a wipe has come, as its device lets a gateway know."""

    SENT = "sent"
    ERASED = "erased"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WipeReport:
    """`note` is the order's; `status` what the device said of its erasing, 0 with SENT; `node` who reports."""

    note: bytes = field(repr=False)
    progress: WipeProgress
    status: int = 0
    node: str = ""


class DeviceReports(Protocol):
    """Takes what a gateway hears from devices and must not lose."""

    async def report_wipe(self, report: WipeReport) -> bool:
        """True once it is stored; False where there is no such wipe (any more). Raises: Unavailable."""
        ...


class BackendSignInRefused(Exception):
    """No sign-in behind us for this grant; `reason` says why. Nothing was sent to the back end."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
