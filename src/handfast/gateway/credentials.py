"""From an Authorization field to a credential identity can judge, and the state that a whole connection's sign-in leaves.

For NTLM SPNEGO ends here: identity sees raw NTLMSSP messages. A Kerberos token goes on as it came.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field

from handfast.decision.access import BasicCredential, ConnectionCredential, NoCredential
from handfast.decision.publication import AuthMethod
from handfast.decision.reasons import Reason
from handfast.gateway.refusal import Refusal
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.head import RequestHead
from handfast.protocols.http_auth.authorization import (
    NegotiateAuthorization,
    NtlmAuthorization,
    UnsupportedAuthorization,
    parse_authorization,
)
from handfast.protocols.ntlm.fields import message_type
from handfast.protocols.spnego.tokens import (
    is_kerberos,
    is_ntlmssp,
    unwrap,
    wrap_challenge,
    wrap_mechanism_choice,
)

_PROXY_FIELDS = (b"via", b"forwarded", b"x-forwarded-for")
_NEGOTIATE, _AUTHENTICATE = 1, 3


@dataclass(frozen=True, slots=True)
class NtlmLeg:
    """One NTLM message of a client. `is_spnego` says how the answer must be wrapped, `scheme` under which name."""

    kind: int
    message: bytes = field(repr=False)
    scheme: bytes
    is_spnego: bool = False


@dataclass(frozen=True, slots=True)
class SpnegoStart:
    """A SPNEGO token that offers NTLM but opens with another mechanism: NTLM is chosen, its first message asked for."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A token with a Kerberos ticket in it, in SPNEGO or raw."""

    token: bytes = field(repr=False)


Presented = BasicCredential | NoCredential | ConnectionCredential | NtlmLeg | SpnegoStart | Ticket


@dataclass(slots=True)
class ConnectionSignIn:
    """What is known of a connection that is signed in whole, by NTLM or a ticket. `pending` is the NTLM challenge that waits
    for its answer; `session` who it was, and `is_ticket` by which of the two.
    """

    connection_id: str
    pending_id: str = ""
    pending_publication: str = ""
    negotiate: bytes = b""
    session: bytes = field(default=b"", repr=False)
    is_ticket: bool = False
    sign_ins: int = 0

    def drop_session(self) -> None:
        """A new sign-in begins: nothing of the old identity stays, and no grant of it is found again."""
        self.sign_ins += 1
        self.session = b""

    def forget(self) -> None:
        """Neither identity nor challenge stays."""
        self.drop_session()
        self.pending_id = self.pending_publication = ""
        self.negotiate = b""
        self.is_ticket = False


def new_connection_sign_in() -> ConnectionSignIn:
    """State for a connection that begins a sign-in; its id is unpredictable and used once."""
    return ConnectionSignIn(secrets.token_hex(16))


def read_credential(
    authorization: bytes | None,
    sign_in: ConnectionSignIn | None,
    head: RequestHead,
    methods: frozenset[AuthMethod],
    *,
    behind_http_proxy: bool,
    is_inside: bool = False,
) -> Presented:
    """What a request presents. Raises: Refusal (method not offered, through a proxy, unreadable), MalformedMessage."""
    if authorization is None:
        if sign_in is not None and sign_in.session:
            _refuse_proxied(head, behind_http_proxy=behind_http_proxy, is_ticket=sign_in.is_ticket)
            return ConnectionCredential(sign_in.connection_id, sign_in.session)
        return NoCredential()
    parsed = parse_authorization(authorization)
    match parsed:
        case UnsupportedAuthorization():
            raise Refusal(Reason.METHOD_NOT_OFFERED, detail=f"scheme {parsed.scheme}")
        case NtlmAuthorization() | NegotiateAuthorization():
            if not is_inside:
                methods -= {AuthMethod.KERBEROS}
            if methods <= {AuthMethod.BASIC}:
                raise Refusal(Reason.METHOD_NOT_OFFERED)
            presented = _whole_connection(parsed, methods)
            is_ticket = isinstance(presented, Ticket)
            _refuse_proxied(head, behind_http_proxy=behind_http_proxy, is_ticket=is_ticket)
            return presented
        case _:
            return BasicCredential(parsed.login, parsed.secret)


def challenge_value(leg: NtlmLeg | SpnegoStart, message: bytes | None) -> bytes:
    """The WWW-Authenticate value that carries a challenge (None: the choice of NTLM alone)."""
    if isinstance(leg, NtlmLeg) and not leg.is_spnego:
        return leg.scheme + b" " + base64.b64encode(message or b"")
    wrapped = wrap_mechanism_choice() if message is None else wrap_challenge(message)
    return b"Negotiate " + base64.b64encode(wrapped)


def _whole_connection(
    parsed: NtlmAuthorization | NegotiateAuthorization, methods: frozenset[AuthMethod]
) -> NtlmLeg | SpnegoStart | Ticket:
    """A sign-in of the connection, by whatever mechanism of `methods` the token holds. Raises: Refusal."""
    if isinstance(parsed, NegotiateAuthorization) and not is_ntlmssp(parsed.token):
        return _negotiated(parsed.token, methods)
    if AuthMethod.NTLM not in methods:
        raise Refusal(Reason.METHOD_NOT_OFFERED)
    scheme = b"NTLM" if isinstance(parsed, NtlmAuthorization) else b"Negotiate"
    return _checked_leg(parsed.token, scheme, is_spnego=False)


def _negotiated(token: bytes, methods: frozenset[AuthMethod]) -> NtlmLeg | SpnegoStart | Ticket:
    takes_tickets = AuthMethod.KERBEROS in methods
    if is_kerberos(token):
        if not takes_tickets:
            raise Refusal(Reason.METHOD_NOT_OFFERED, detail="a ticket")
        return Ticket(token)
    try:
        spnego = unwrap(token)
    except MalformedMessage as fault:
        raise Refusal(Reason.NEGOTIATE_MALFORMED, detail=str(fault)) from fault
    if takes_tickets and spnego.holds_ticket:
        return Ticket(token)
    if AuthMethod.NTLM not in methods:
        raise Refusal(Reason.METHOD_NOT_OFFERED, detail="SPNEGO without Kerberos")
    if spnego.ntlm_message is not None and spnego.offers_ntlm:
        return _checked_leg(spnego.ntlm_message, b"Negotiate", is_spnego=True)
    if spnego.is_init and spnego.offers_ntlm:
        return SpnegoStart()
    raise Refusal(Reason.METHOD_NOT_OFFERED, detail="SPNEGO without NTLM")


def _checked_leg(message: bytes, scheme: bytes, *, is_spnego: bool) -> NtlmLeg:
    try:
        kind = message_type(message)
    except MalformedMessage as fault:
        raise Refusal(Reason.NTLM_MALFORMED, detail=str(fault)) from fault
    if kind not in (_NEGOTIATE, _AUTHENTICATE):
        raise Refusal(Reason.NTLM_MALFORMED, detail=f"MessageType {kind}: a client sends types 1 and 3 only")
    return NtlmLeg(kind, message, scheme, is_spnego)


def is_proxied(head: RequestHead, *, behind_http_proxy: bool) -> bool:
    """True where the connection may carry several people's requests: a proxy said so, or HTTP/1.0 has no connections."""
    return behind_http_proxy or head.version == 0 or any(name in head.fields for name in _PROXY_FIELDS)


def _refuse_proxied(head: RequestHead, *, behind_http_proxy: bool, is_ticket: bool) -> None:
    """NTLM and tickets sign a connection in: through a proxy they would sign in everybody behind it as one."""
    if is_proxied(head, behind_http_proxy=behind_http_proxy):
        raise Refusal(Reason.PROXIED_TICKET if is_ticket else Reason.PROXIED_NTLM)
