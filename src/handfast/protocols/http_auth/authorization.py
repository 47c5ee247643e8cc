"""One `Authorization` value as a value of ours: Basic, NTLM, Negotiate, or some scheme that is not offered.

Base64 is strict: the standard alphabet, padding exact, no bits left over, no white space. A value without its padding is
refused, because RFC 7617 and RFC 4559 name RFC 4648's encoding and no client in the field is known to leave it out.

Source: RFC 9110 11.4, 11.6.2.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http_auth.basic import BasicAuthorization, parse_basic

MAX_AUTHORIZATION_BYTES = 136 * 1024
"""Base64 of the largest SPNEGO token (96 KiB) and its scheme; the listener's head limit is mostly lower."""

_SCHEME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")


@dataclass(frozen=True, slots=True)
class NtlmAuthorization:
    """`NTLM`: one NTLMSSP message, not parsed yet."""

    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NegotiateAuthorization:
    """`Negotiate`: a SPNEGO token or a raw NTLMSSP message, not parsed yet."""

    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnsupportedAuthorization:
    """A scheme that is not ours to read, in lower case. Observed: Outlook sends a bare `Bearer` to ask what is offered."""

    scheme: str


Authorization = BasicAuthorization | NtlmAuthorization | NegotiateAuthorization | UnsupportedAuthorization


def parse_authorization(value: bytes) -> Authorization:
    """The one `Authorization` value of a request, without surrounding white space.

    Raises: MalformedMessage (no scheme; of a scheme that is ours: no token, broken base64, broken content).
    """
    if len(value) > MAX_AUTHORIZATION_BYTES:
        raise _malformed("Authorization", f"{len(value)} bytes, more than {MAX_AUTHORIZATION_BYTES}")
    scheme, _, rest = value.partition(b" ")
    if not _SCHEME.fullmatch(scheme):
        raise _malformed("auth-scheme", "is no token", "RFC 9110 11.1")
    name = scheme.decode("ascii").lower()
    if name == "basic":
        return parse_basic(_decode_token(rest))
    if name == "ntlm":
        return NtlmAuthorization(_decode_token(rest))
    if name == "negotiate":
        return NegotiateAuthorization(_decode_token(rest))
    return UnsupportedAuthorization(name)


def _decode_token(rest: bytes) -> bytes:
    """Raises: MalformedMessage."""
    encoded = rest.lstrip(b" ")
    if not encoded:
        raise _malformed("token68", "is missing", "RFC 9110 11.4")
    try:
        decoded = binascii.a2b_base64(encoded, strict_mode=True)
    except binascii.Error as error:
        raise _malformed("token68", "is not base64", "RFC 4648 4") from error
    if binascii.b2a_base64(decoded, newline=False) != encoded:
        raise _malformed("token68", "has bits left over", "RFC 4648 3.5")
    return decoded


def _malformed(field_name: str, problem: str, source: str = "") -> MalformedMessage:
    """The refusal of an `Authorization` value, ready to be raised."""
    return MalformedMessage("http", field_name, problem, source)
