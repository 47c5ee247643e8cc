"""What this room needs from the Kerberos library, small enough for a fake to stand in.

All methods block and are called in worker threads. Handles are the library's own objects: opaque here, released when the
last reference goes.

Source: RFC 2743; RFC 4121; MS-SFU (S4U2Self, S4U2Proxy).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


class MechanismError(Exception):
    """The library refused. `code` is the Kerberos error number (RFC 4120 7.5.9; the library's own above 127), -1 where
    there is none; `is_wrong_binding` the one refusal that has no number; `detail` is in the library's words.
    """

    def __init__(self, code: int, detail: str, *, is_wrong_binding: bool = False) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.is_wrong_binding = is_wrong_binding


class Unidentified(MechanismError):
    """The ticket is good, and nothing that could be verified in it says whose it is: no PAC, or one that is not its own."""

    def __init__(self, detail: str) -> None:
        super().__init__(-1, detail)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Credential:
    """Tickets of one principal. `seconds_left`: how long from now until the first of them ends."""

    handle: Any = field(repr=False)
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Initiation:
    """A context begun: `token` is a SPNEGO token for the service; `seconds_left` until its ticket ends."""

    context: Any = field(repr=False)
    token: bytes = field(repr=False)
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A client's context, established. `initiator` is its principal as the library writes it; `sid` its account's SID by the
    ticket's verified PAC; `is_bound` that it named our own channel binding; `answer` the library's proof for it.
    """

    initiator: str
    sid: str
    is_bound: bool
    answer: bytes = field(repr=False)


class Mechanism(Protocol):
    """Kerberos, both sides. Every method raises MechanismError."""

    def sign_in(self, principal: str, keytab: str) -> Credential:
        """A ticket-granting ticket for `principal` by the keys of the file `keytab`. Asks a KDC."""
        ...

    def impersonate(self, service: Credential, principal: str) -> Credential:
        """S4U2Self: evidence that `principal` is with us. Asks a KDC. Never used by two threads at once for one `service`:
        the library holds that credential's lock while it waits.
        """
        ...

    def identify(self, service: Credential, user: Credential, keytab: str) -> str:
        """The SID of the account that the evidence `user` is of, by its verified PAC. `keytab` has the keys of `service`, whose
        evidence it is. No network. Raises also: Unidentified.
        """
        ...

    def initiate(self, user: Credential, service_principal: str, channel_binding: bytes) -> Initiation:
        """One token. Asks a KDC (S4U2Proxy) unless `user` has the ticket already; mutual authentication is requested."""
        ...

    def confirm(self, initiation: Initiation, token: bytes) -> bool:
        """Whether the service's SPNEGO answer proves that it read the ticket. No network."""
        ...

    def open_acceptor(self, keytab: str) -> Any:
        """Takes tickets for every key of the file, which must stay there."""
        ...

    def accept(self, acceptor: Any, mech_token: bytes, channel_binding: bytes) -> Acceptance:
        """A client's Kerberos token (RFC 4121), one leg. No network. Raises also: Unidentified."""
        ...
