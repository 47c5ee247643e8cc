"""What a client sends in `Authorization: Negotiate` when it means Kerberos, opened as far as it is not encrypted.

One token says it all: the client's first message is an AP-REQ, and with the answer to it both sides are done. So whatever
needs a second leg is refused: another mechanism listed first, user-to-user tickets, NTLM. The token is taken apart here
with a strict parser, and the Kerberos library sees the AP-REQ alone: its own SPNEGO layer would hand what it finds to any
mechanism that happens to be installed on the machine.

Source: RFC 4559; RFC 4178; RFC 4121 4.1; RFC 4120 5.3, 5.5.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.spnego.der import (
    APPLICATION_0,
    BIT_STRING,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    DerReader,
    context_tag,
    encode_element,
    encode_oid,
    read_only,
)
from handfast.protocols.spnego.tokens import (
    KERBEROS_OID,
    MAX_TOKEN_BYTES,
    MS_KERBEROS_OID,
    NegState,
    encode_resp,
    is_ntlmssp,
    unwrap,
)

_INTEGER = 0x02
_GENERAL_STRING = 0x1B
_TICKET = 0x61
_AP_REQ = 0x6E
_FRAME = encode_element(OBJECT_IDENTIFIER, encode_oid(KERBEROS_OID))
_TOKEN_AP_REQ = b"\x01\x00"
_MAX_COMPONENTS = 4


@dataclass(frozen=True, slots=True)
class ClientToken:
    """An AP-REQ and how it was wrapped. `mech_token` is what the library is given.

    `service` and `realm` are what the ticket says it is for; nobody vouches for them. `authenticator` is the encrypted
    proof that is different in each token a client makes, whatever stands around it. `mechanism` is the SPNEGO choice to
    confirm, "" for a token without SPNEGO.
    """

    mechanism: str
    mech_token: bytes = field(repr=False)
    realm: str
    service: str
    authenticator: bytes = field(repr=False)

    def answer(self, mech_token: bytes) -> bytes:
        """Our last word, wrapped as the client's token was."""
        if not self.mechanism:
            return mech_token
        return encode_resp(
            neg_state=NegState.ACCEPT_COMPLETED,
            supported_mech=self.mechanism,
            response_token=mech_token or None,
        )


def parse_client_token(token: bytes) -> ClientToken:
    """At most 96 KiB of strict DER, SPNEGO or a bare Kerberos token (RFC 4121). Raises: MalformedMessage."""
    if is_ntlmssp(token):
        raise _malformed("token", "it is NTLM, not Kerberos", "RFC 4559 4")
    if len(token) > MAX_TOKEN_BYTES:
        raise _malformed("token", f"{len(token)} bytes, more than {MAX_TOKEN_BYTES}")
    if read_only(token, APPLICATION_0, "InitialContextToken").startswith(_FRAME):
        return _parse_ap_req("", token)
    offer = unwrap(token)
    if offer.ntlm_message is not None:
        raise _malformed("mechToken", "it is NTLM, not Kerberos", "RFC 4559 4")
    if offer.mech_types[0] not in {KERBEROS_OID, MS_KERBEROS_OID}:
        raise _malformed("mechTypes", f"{offer.mech_types[0]} stands before Kerberos", "RFC 4178 4.2.1")
    return _parse_ap_req(offer.mech_types[0], offer.mech_token or b"")


def parse_mutual_proof(token: bytes) -> bytes:
    """What the service's SPNEGO answer carries of Kerberos itself: its AP-REP. Raises: MalformedMessage."""
    if token[:1] == bytes((APPLICATION_0,)):
        return token
    answer = unwrap(token)
    if answer.neg_state not in {NegState.ACCEPT_COMPLETED, None} or not answer.mech_token:
        raise _malformed(
            "NegTokenResp", "the service did not accept with a proof of its own", "RFC 4178 4.2.2"
        )
    return answer.mech_token


def _parse_ap_req(mechanism: str, mech_token: bytes) -> ClientToken:
    framed = read_only(mech_token, APPLICATION_0, "InitialContextToken")
    begins = _FRAME + _TOKEN_AP_REQ
    if not framed.startswith(begins):
        raise _malformed("TOK_ID", "it is no AP-REQ of Kerberos", "RFC 4121 4.1")
    reader = _fields(read_only(framed[len(begins) :], _AP_REQ, "AP-REQ"), "AP-REQ")
    _check_integer(reader, 0, 5, "pvno")
    _check_integer(reader, 1, 14, "msg-type")
    read_only(reader.read(context_tag(2)), BIT_STRING, "ap-options")
    realm, service = _parse_ticket(read_only(reader.read(context_tag(3)), _TICKET, "Ticket"))
    authenticator = _parse_cipher(reader.read(context_tag(4)), "authenticator")
    reader.end()
    return ClientToken(mechanism, mech_token, realm, service, authenticator)


def _parse_ticket(data: bytes) -> tuple[str, str]:
    reader = _fields(data, "Ticket")
    _check_integer(reader, 0, 5, "tkt-vno")
    realm = _text(read_only(reader.read(context_tag(1)), _GENERAL_STRING, "realm"))
    name = _fields(reader.read(context_tag(2)), "sname")
    read_only(name.read(context_tag(0)), _INTEGER, "name-type")
    strings = _fields(name.read(context_tag(1)), "name-string")
    name.end()
    components: list[str] = []
    while not strings.is_at_end:
        if len(components) == _MAX_COMPONENTS:
            raise _malformed("name-string", f"more than {_MAX_COMPONENTS} components")
        components.append(_text(strings.read(_GENERAL_STRING)))
    _parse_cipher(reader.read(context_tag(3)), "enc-part")
    reader.end()
    return realm, "/".join(components)


def _parse_cipher(data: bytes, field: str) -> bytes:
    """EncryptedData: etype, kvno (optional), cipher."""
    reader = _fields(data, field)
    read_only(reader.read(context_tag(0)), _INTEGER, "etype")
    reader.read_optional(context_tag(1))
    cipher = read_only(reader.read(context_tag(2)), OCTET_STRING, "cipher")
    reader.end()
    return cipher


def _fields(data: bytes, field: str) -> DerReader:
    return DerReader(read_only(data, SEQUENCE, field), field)


def _check_integer(reader: DerReader, number: int, due: int, field: str) -> None:
    if read_only(reader.read(context_tag(number)), _INTEGER, field) != bytes((due,)):
        raise _malformed(field, f"it is not {due}")


def _text(data: bytes) -> str:
    """For logs alone: what cannot be read is shown as such."""
    return data[:256].decode("utf-8", "backslashreplace")


def _malformed(field: str, problem: str, source: str = "RFC 4120 5.5.1") -> MalformedMessage:
    return MalformedMessage("kerberos", field, problem, source)
