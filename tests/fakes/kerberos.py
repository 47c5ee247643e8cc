"""A realm in memory: tickets that say what they are made of, and servers' proofs that fit them."""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.identity.directory.ports import (
    AcceptedTicket,
    DelegatedToken,
    DelegationFailure,
    DelegationRefused,
    TicketFailure,
    TicketRefused,
)
from handfast.identity.records import Account, AccountId
from handfast.protocols.spnego.der import APPLICATION_0, OBJECT_IDENTIFIER, encode_element, encode_oid
from handfast.protocols.spnego.tokens import KERBEROS_OID, encode_init


@dataclass
class FakeDelegation:
    """Fits `Delegation`. A token is `user|spn|binding|number`; its server's proof is `proof-number`."""

    failure: DelegationFailure | None = None
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    forgotten: list[AccountId] = field(default_factory=list)

    async def sign_in(self, account: Account, spn: str, channel_binding: bytes) -> DelegatedToken:
        self.asked.append((account.user, spn, channel_binding))
        if self.failure is not None:
            raise DelegationRefused(self.failure, "the KDC's own words")
        number = str(len(self.asked))
        parts = (account.user.encode(), spn.encode(), channel_binding.hex().encode(), number.encode())
        return DelegatedToken(b"|".join(parts), number)

    async def confirm(self, handle: str, token: bytes) -> bool:
        return token == proof_of(handle)

    def forget(self, account_id: AccountId) -> None:
        self.forgotten.append(account_id)


def proof_of(handle: str) -> bytes:
    """What the server that the ticket was for answers."""
    return b"proof-" + handle.encode()


def ticket(
    user: str, realm: str = "CONTOSO.LAB", number: int = 1, *, binding: bytes = b"", sid: str = ""
) -> bytes:
    """A raw Kerberos token that `FakeAcceptance` takes once; of `user`'s own SID unless `sid` says another."""
    of_whom = (sid or f"S-1-5-21-{user}").encode()
    content = b"|".join((user.encode(), realm.encode(), binding, str(number).encode(), of_whom))
    mechanism = encode_element(OBJECT_IDENTIFIER, encode_oid(KERBEROS_OID))
    return encode_element(APPLICATION_0, mechanism + b"\x01\x00" + content)


def in_spnego(token: bytes, *more_mechanisms: str) -> bytes:
    """The token as browsers send it."""
    return encode_init((KERBEROS_OID, *more_mechanisms), token)


@dataclass
class FakeAcceptance:
    """Fits `TicketAcceptance` for what `ticket` makes, in SPNEGO or raw."""

    seen: set[bytes] = field(default_factory=set)
    bindings: list[tuple[bytes, bool]] = field(default_factory=list)

    async def accept(self, token: bytes, channel_binding: bytes, *, requires_binding: bool) -> AcceptedTicket:
        self.bindings.append((channel_binding, requires_binding))
        _, found, content = token.rpartition(b"\x01\x00")
        parts = content.split(b"|")
        if not found or len(parts) != 5:
            raise TicketRefused(TicketFailure.REFUSED, "not made in this realm")
        user, realm, binding, _, sid = parts
        if requires_binding and not binding:
            raise TicketRefused(TicketFailure.BINDING_MISSING)
        if binding and channel_binding and binding != channel_binding:
            raise TicketRefused(TicketFailure.BINDING_WRONG)
        if content in self.seen:
            raise TicketRefused(TicketFailure.REPLAYED)
        self.seen.add(content)
        return AcceptedTicket(user.decode(), realm.decode(), sid.decode(), b"answer for " + user)
