"""What identity needs from domain controllers and KDCs. Every call has a deadline of the adapter's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from handfast.identity.directory.entries import ChangeBatch, DirectoryAccount, DomainLockout
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, AccountId, DirectoryGroup


class PasswordVerdict(StrEnum):
    """What a domain controller said of a name and a password; NOT_SENT where it was not asked, and counted nothing."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_SENT = "not-sent"
    DISABLED = "disabled"
    LOCKED = "locked"
    EXPIRED = "expired"
    MUST_CHANGE = "must-change"


class AnswerLost(Unavailable):
    """A password was sent and no answer came: the domain may have counted it."""


class LockoutUnreadable(Exception):
    """The account is under a lockout policy that we may not read: any guess could lock it. `str()` is for administrators."""


class Directory(Protocol):
    """The domain's accounts, as whichever domain controller answers has them."""

    def changes(self, positions: dict[str, int]) -> AsyncIterator[ChangeBatch]:
        """What changed since `positions` (highest USN read, by invocation id); everything, for a controller not in it.

        Raises: identity.ports.Unavailable where none answers.
        """
        ...

    async def find_group(self, name: str) -> DirectoryGroup | None:
        """The security group that a rule names by SID or as `DOMAIN\\name`. Raises: Unavailable."""
        ...

    async def find(self, name: str) -> DirectoryAccount | None:
        """By UPN, `DOMAIN\\user`, sAMAccountName, mail address or SID; None also where two fit. Raises: Unavailable."""
        ...

    async def lockout(self, account: Account) -> DomainLockout:
        """The lockout policy that holds for the account at this moment. Raises: LockoutUnreadable, Unavailable."""
        ...

    async def look(self) -> None:
        """Finds out whether a controller answers to whom a password would be sent.

        It does all that `lockout` and `check_password` do, in their order, but that nothing is sent: where they fail or take
        long, so does it. Raises: Unavailable.
        """
        ...

    async def check_password(self, account: Account, secret: str) -> PasswordVerdict:
        """One attempt, which the domain counts. Nothing is sent where the secret can be no password, or where the directory has
        no such account under its name by now: it may be somebody else's.

        Raises: AnswerLost, Unavailable where nothing was sent.
        """
        ...


class DelegationFailure(StrEnum):
    """Why there is no ticket for an account behind us. Values are those of `decision.reasons.Reason`."""

    REFUSED = "delegation-refused"
    SERVICE_UNKNOWN = "service-unknown-to-kdc"
    CLOCK_SKEW = "clock-skew"
    KEYTAB = "keytab-refused"
    UNAVAILABLE = "kdc-unavailable"
    UNIDENTIFIED = "ticket-unidentified"
    OTHER_ACCOUNT = "ticket-of-other-account"


class DelegationRefused(Exception):
    """No ticket; `failure` is for the answer, `detail` (the library's words) for administrators."""

    def __init__(self, failure: DelegationFailure, detail: str = "") -> None:
        super().__init__(f"{failure.value}: {detail}")
        self.failure = failure
        self.detail = detail


@dataclass(frozen=True, slots=True)
class DelegatedToken:
    """A SPNEGO token that signs an account in to one service, once. `handle` names the context that waits for the service's
    own proof (`Delegation.confirm`).
    """

    token: bytes = field(repr=False)
    handle: str = ""


class Delegation(Protocol):
    """Signs accounts in behind us by S4U2Self and S4U2Proxy (MS-SFU): the account that has `Account.sid`, or nobody."""

    async def sign_in(self, account: Account, spn: str, channel_binding: bytes) -> DelegatedToken:
        """`channel_binding` is the application data of the back-end connection's binding ("tls-server-end-point:" and the
        hash, RFC 5929 4), b"" without TLS. Raises: DelegationRefused.
        """
        ...

    async def confirm(self, handle: str, token: bytes) -> bool:
        """True where the service proved with `token` that it could read the ticket (mutual authentication), False where
        `token` is no such proof: whoever sent it is not the service.

        Raises: identity.ports.Unavailable where the proof could not be looked at, so that nothing is known of the service:
        `handle` is unknown (used already, too old, or dropped to make room), or too much is being computed.
        """
        ...

    def forget(self, account_id: AccountId) -> None:
        """Drops the account's tickets: a service refused one, or something was taken from the account."""
        ...


class TicketFailure(StrEnum):
    """Why a client's ticket is not taken. Values are those of `decision.reasons.Reason`."""

    REFUSED = "ticket-refused"
    REPLAYED = "ticket-replayed"
    BINDING_MISSING = "channel-binding-missing"
    BINDING_WRONG = "channel-binding-wrong"


class TicketRefused(Exception):
    """The client's token is worth nothing."""

    def __init__(self, failure: TicketFailure, detail: str = "") -> None:
        super().__init__(f"{failure.value}: {detail}")
        self.failure = failure
        self.detail = detail


@dataclass(frozen=True, slots=True)
class AcceptedTicket:
    """Whose ticket it was: `user`@`realm` as the KDC wrote it, and the account's SID that it signed. A name alone is
    nobody: the KDC writes what it was asked for where an account's UPN allows it, and names are given anew.
    `answer` is our SPNEGO token for the client.
    """

    user: str
    realm: str
    sid: str
    answer: bytes = field(default=b"", repr=False)


class TicketAcceptance(Protocol):
    """Takes Kerberos tickets of clients inside (RFC 4559), never NTLM."""

    async def accept(self, token: bytes, channel_binding: bytes, *, requires_binding: bool) -> AcceptedTicket:
        """`channel_binding` is the application data for our own certificate, b"" without TLS. Raises: TicketRefused,
        identity.ports.Unavailable (no keytab, too many at once).
        """
        ...
