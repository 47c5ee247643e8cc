"""Taking tickets of clients inside: one token in, who it is out.

**Extended Protection.** With our channel binding given, three things can be told apart: a client that named the same one, a
client that named another (refused always: its connection ends at somebody else), and a client that named none (refused
where one is required). How the library tells is described in `gssapi_mechanism`.

**Whose ticket.** The name of the service stands outside of what a ticket's key protects. That it is one of `kerberos.accept` keeps
tickets out that clients got for other services of our account; it is the channel binding that keeps out whoever passes them on.

Source: RFC 4559; RFC 5929; MS-KILE 3.4.5.1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from handfast.identity.directory.ports import AcceptedTicket, TicketFailure, TicketRefused
from handfast.kerberos.failures import ticket_failure
from handfast.kerberos.key_table import KeyTableFile, MemoryKeyTable
from handfast.kerberos.mechanism import Acceptance, Mechanism, MechanismError
from handfast.kerberos.needed_keys import NeededKeys
from handfast.kerberos.replays import ReplayMemory
from handfast.kerberos.workers import Workers
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.kerberos.client_token import ClientToken, parse_client_token
from handfast.protocols.kerberos.principal import Principal, parse_principal

THREADS = 2
MAX_WAITING = 512
"""A token costs some 0.1 ms, so a full queue is worked off in less than a tenth of a second."""


class KerberosAcceptance:
    """`identity.directory.ports.TicketAcceptance`, for one event loop."""

    def __init__(
        self,
        mechanism: Mechanism,
        file: KeyTableFile,
        needed: NeededKeys,
        *,
        deadline_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`file` is one whose tables are checked for what is `needed`."""
        self._mechanism = mechanism
        self._deadline_seconds = deadline_seconds
        self._clock = clock
        self._replays = ReplayMemory()
        self._accept = frozenset(name.casefold() for name in needed.accept)
        self._workers = Workers(
            "kerberos-accept", THREADS, MAX_WAITING, lambda: _Acceptor(mechanism, file, needed)
        )

    async def accept(self, token: bytes, channel_binding: bytes, *, requires_binding: bool) -> AcceptedTicket:
        """Whose ticket it is. Raises: TicketRefused, Unavailable."""
        try:
            client = parse_client_token(token)
        except MalformedMessage as error:
            raise TicketRefused(TicketFailure.REFUSED, str(error)) from None
        if self._accept and client.service.casefold() not in self._accept:
            # All names of an account have one key, so that the library takes a ticket for any of them.
            raise TicketRefused(TicketFailure.REFUSED, f"the ticket is for {client.service}@{client.realm}")
        accepted = await self._ask(client, channel_binding)
        # Before anything else is judged: what is refused here for want of a binding must not be good elsewhere.
        if not self._replays.is_first(client.authenticator, accepted.sid, self._clock()):
            raise TicketRefused(TicketFailure.REPLAYED, accepted.initiator)
        if requires_binding and not (accepted.is_bound and channel_binding):
            raise TicketRefused(TicketFailure.BINDING_MISSING, accepted.initiator)
        user = _user_of(accepted.initiator)
        return AcceptedTicket(user.components[0], user.realm, accepted.sid, client.answer(accepted.answer))

    async def close(self) -> None:
        """Ends the threads."""
        self._workers.close()

    async def _ask(self, client: ClientToken, channel_binding: bytes) -> Acceptance:
        try:
            return await self._workers.answer(
                lambda acceptor: acceptor.accept(client.mech_token, channel_binding), self._deadline_seconds
            )
        except MechanismError as error:
            detail = f"{error.detail} (ticket for {client.service}@{client.realm})"
            raise TicketRefused(ticket_failure(error), detail) from None


class _Acceptor:
    """One thread's acceptor credential, made anew when the key table changes."""

    def __init__(self, mechanism: Mechanism, file: KeyTableFile, needed: NeededKeys) -> None:
        self._mechanism = mechanism
        self._file = file
        self._needed = needed
        self._generation = -1
        self._keys: MemoryKeyTable | None = None
        self._handle: Any = None

    def accept(self, mech_token: bytes, channel_binding: bytes) -> Acceptance:
        table = self._file.current()
        if table.generation != self._generation:
            # The library opens the keys by name for each token, so they stay as long as the handle.
            keys = MemoryKeyTable(self._needed.accepting(table.entries))
            self._handle = self._mechanism.open_acceptor(keys.name)
            self._keys, self._generation = keys, table.generation
        return self._mechanism.accept(self._handle, mech_token, channel_binding)


def _user_of(initiator: str) -> Principal:
    """A user's principal: one component. Services, hosts and the anonymous name have two. Raises: TicketRefused."""
    try:
        principal = parse_principal(initiator)
    except MalformedMessage as error:
        raise TicketRefused(TicketFailure.REFUSED, str(error)) from None
    if len(principal.components) != 1:
        raise TicketRefused(TicketFailure.REFUSED, f"{initiator} is no user")
    return principal
