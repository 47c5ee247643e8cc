"""SPNEGO tokens as values: what a client sends, what we answer.

When NTLM is not the client's first choice, RFC 4178 5 has the acceptor answer `request-mic`, and both sides then sign the
list of mechanisms. We answer `accept-incomplete` with NTLM as the supported mechanism instead: we sign nothing, and a
client that was asked for the exchange and then gets no mechListMIC from us would have to fail. Over HTTP, clients take
the final status as the result and expect no closing token. Observed: pyspnego and Windows add a mechListMIC to their
last token of their own accord; it is read and kept.

Source: RFC 4178 4.2; MS-SPNG 2.2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.spnego.der import (
    APPLICATION_0,
    BIT_STRING,
    ENUMERATED,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    DerReader,
    context_tag,
    encode_element,
    encode_oid,
    malformed,
    parse_oid,
    read_only,
)

SPNEGO_OID = "1.3.6.1.5.5.2"
NTLM_OID = "1.3.6.1.4.1.311.2.2.10"
KERBEROS_OID = "1.2.840.113554.1.2.2"
MS_KERBEROS_OID = "1.2.840.48018.1.2.2"

MAX_TOKEN_BYTES = 96 * 1024
"""A Kerberos token with a large authorization list reaches 64 KiB; it may stand first in a list that NTLM ends."""

MAX_MECHANISMS = 16
_NTLMSSP = b"NTLMSSP\x00"


class NegState(IntEnum):
    """What a NegTokenResp says of the negotiation."""

    ACCEPT_COMPLETED = 0
    ACCEPT_INCOMPLETE = 1
    REJECT = 2
    REQUEST_MIC = 3


@dataclass(frozen=True, slots=True)
class SpnegoToken:
    """One token. `mech_types` (dotted OIDs, preferred first) stand in the initial token only, `neg_state` and
    `supported_mech` in later ones; `mech_token` is the mechanism's own message in both.
    """

    is_init: bool
    mech_types: tuple[str, ...] = ()
    mech_token: bytes | None = field(default=None, repr=False)
    mech_list_mic: bytes | None = None
    neg_state: NegState | None = None
    supported_mech: str | None = None

    @property
    def ntlm_message(self) -> bytes | None:
        """The NTLM message inside, or None: no message at all, or another mechanism's opening."""
        return self.mech_token if self.mech_token is not None and is_ntlmssp(self.mech_token) else None

    @property
    def holds_ticket(self) -> bool:
        """Whether the message inside is Kerberos's: a client's ticket."""
        return self.mech_token is not None and is_kerberos(self.mech_token)

    @property
    def offers_ntlm(self) -> bool:
        """Whether NTLM may be chosen: listed in an initial token, agreed on before a later one."""
        return NTLM_OID in self.mech_types if self.is_init else True


def is_ntlmssp(data: bytes) -> bool:
    """Whether `data` is a raw NTLM message, which many clients send in `Negotiate` without SPNEGO around it."""
    return data.startswith(_NTLMSSP)


def is_kerberos(data: bytes) -> bool:
    """Whether `data` is a raw Kerberos message, which some clients send in `Negotiate` without SPNEGO around it.

    It is told by the mechanism its initial token names; what follows that is the acceptor's to judge. Windows' own
    object identifier, a typing error that stayed, is taken as well. Source: RFC 4121 4.1; MS-SPNG 3.1.5.1.
    """
    if data[:1] != bytes((APPLICATION_0,)):
        return False
    try:
        mechanism = DerReader(read_only(data, APPLICATION_0, "InitialContextToken"), "InitialContextToken")
        return parse_oid(mechanism.read(OBJECT_IDENTIFIER), "thisMech") in (KERBEROS_OID, MS_KERBEROS_OID)
    except MalformedMessage:
        return False


def unwrap(token: bytes) -> SpnegoToken:
    """A SPNEGO token taken apart; strict DER, at most 96 KiB.

    Raises: MalformedMessage (also for a bare Kerberos token: its mechanism is not SPNEGO).
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise malformed("token", f"{len(token)} bytes, more than {MAX_TOKEN_BYTES}", "")
    if token[:1] == bytes((APPLICATION_0,)):
        return _parse_init(token)
    return _parse_resp(read_only(token, context_tag(1), "NegTokenResp"))


def _parse_init(token: bytes) -> SpnegoToken:
    outer = DerReader(read_only(token, APPLICATION_0, "InitialContextToken"), "InitialContextToken")
    mechanism = parse_oid(outer.read(OBJECT_IDENTIFIER), "thisMech")
    if mechanism != SPNEGO_OID:
        raise malformed("thisMech", f"{mechanism} is not SPNEGO", "RFC 4178 4.2")
    body = outer.read(context_tag(0))
    outer.end()
    reader = DerReader(read_only(body, SEQUENCE, "NegTokenInit"), "NegTokenInit")
    mech_types = _parse_mech_types(read_only(reader.read(context_tag(0)), SEQUENCE, "mechTypes"))
    flags = reader.read_optional(context_tag(1))
    if flags is not None:
        read_only(flags, BIT_STRING, "reqFlags")
    mech_token = _read_octets(reader, 2, "mechToken")
    mech_list_mic = _read_octets(reader, 3, "mechListMIC")
    reader.end()
    return SpnegoToken(True, mech_types, mech_token, mech_list_mic)


def _parse_mech_types(data: bytes) -> tuple[str, ...]:
    reader = DerReader(data, "mechTypes")
    mech_types: list[str] = []
    while not reader.is_at_end:
        if len(mech_types) == MAX_MECHANISMS:
            raise malformed("mechTypes", f"more than {MAX_MECHANISMS}", "")
        mech_types.append(parse_oid(reader.read(OBJECT_IDENTIFIER), "mechTypes"))
    if not mech_types:
        raise malformed("mechTypes", "the list is empty", "RFC 4178 4.2.1")
    return tuple(mech_types)


def _parse_resp(data: bytes) -> SpnegoToken:
    reader = DerReader(read_only(data, SEQUENCE, "NegTokenResp"), "NegTokenResp")
    state = reader.read_optional(context_tag(0))
    mechanism = reader.read_optional(context_tag(1))
    response_token = _read_octets(reader, 2, "responseToken")
    mech_list_mic = _read_octets(reader, 3, "mechListMIC")
    reader.end()
    return SpnegoToken(
        False,
        mech_token=response_token,
        mech_list_mic=mech_list_mic,
        neg_state=None if state is None else _parse_state(state),
        supported_mech=None if mechanism is None else _parse_supported(mechanism),
    )


def _parse_state(data: bytes) -> NegState:
    content = read_only(data, ENUMERATED, "negState")
    if len(content) != 1 or content[0] > max(NegState):
        raise malformed("negState", "is none of its four values", "RFC 4178 4.2.2")
    return NegState(content[0])


def _parse_supported(data: bytes) -> str:
    return parse_oid(read_only(data, OBJECT_IDENTIFIER, "supportedMech"), "supportedMech")


def _read_octets(reader: DerReader, number: int, field: str) -> bytes | None:
    content = reader.read_optional(context_tag(number))
    return None if content is None else read_only(content, OCTET_STRING, field)


def encode_init(
    mech_types: Sequence[str], mech_token: bytes | None = None, mech_list_mic: bytes | None = None
) -> bytes:
    """A client's first token, for the lab and tests."""
    listed = b"".join(encode_element(OBJECT_IDENTIFIER, encode_oid(mech)) for mech in mech_types)
    fields = encode_element(context_tag(0), encode_element(SEQUENCE, listed))
    fields += _encode_octets(2, mech_token) + _encode_octets(3, mech_list_mic)
    body = encode_element(context_tag(0), encode_element(SEQUENCE, fields))
    this_mech = encode_element(OBJECT_IDENTIFIER, encode_oid(SPNEGO_OID))
    return encode_element(APPLICATION_0, this_mech + body)


def encode_resp(
    *,
    neg_state: NegState | None = None,
    supported_mech: str | None = None,
    response_token: bytes | None = None,
    mech_list_mic: bytes | None = None,
) -> bytes:
    """Any later token, of either side."""
    fields = b""
    if neg_state is not None:
        fields += encode_element(context_tag(0), encode_element(ENUMERATED, bytes((neg_state,))))
    if supported_mech is not None:
        oid = encode_element(OBJECT_IDENTIFIER, encode_oid(supported_mech))
        fields += encode_element(context_tag(1), oid)
    fields += _encode_octets(2, response_token) + _encode_octets(3, mech_list_mic)
    return encode_element(context_tag(1), encode_element(SEQUENCE, fields))


def _encode_octets(number: int, content: bytes | None) -> bytes:
    if content is None:
        return b""
    return encode_element(context_tag(number), encode_element(OCTET_STRING, content))


def wrap_challenge(ntlm_challenge: bytes) -> bytes:
    """Our answer to a NEGOTIATE message: NTLM it is, and here is the challenge."""
    return encode_resp(
        neg_state=NegState.ACCEPT_INCOMPLETE, supported_mech=NTLM_OID, response_token=ntlm_challenge
    )


def wrap_mechanism_choice() -> bytes:
    """Our answer to a first token that lists NTLM but opens another mechanism: NTLM it is, begin anew."""
    return encode_resp(neg_state=NegState.ACCEPT_INCOMPLETE, supported_mech=NTLM_OID)


def wrap_reject() -> bytes:
    """The end of a negotiation that came to nothing."""
    return encode_resp(neg_state=NegState.REJECT)


def wrap_completed() -> bytes:
    """The end of a negotiation that succeeded; sent with the answer, to clients that wait for it."""
    return encode_resp(neg_state=NegState.ACCEPT_COMPLETED)
