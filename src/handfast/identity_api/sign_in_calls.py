"""The two calls about a sign-in behind, as JSON and back: a ticket for a connection, and what its server proved."""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.decision.outcome import Grant
from handfast.identity_api.codec import MAX_BINDING_BYTES, decode_grant, encode_grant
from handfast.identity_api.fields import Fields, to_base64
from handfast.protocols.spnego.tokens import MAX_TOKEN_BYTES

_AUTHORIZE = frozenset({"grant", "channel_binding"})
_CONFIRM = frozenset({"grant", "handle", "token"})


@dataclass(frozen=True, slots=True)
class AuthorizeCall:
    """What `/v1/authorize` asks."""

    grant: Grant
    channel_binding: bytes = b""


def encode_authorize_call(call: AuthorizeCall) -> dict[str, object]:
    """The grant, and the binding of the connection that is to be signed in."""
    return {"grant": encode_grant(call.grant), "channel_binding": to_base64(call.channel_binding)}


def decode_authorize_call(value: object) -> AuthorizeCall:
    """Raises: MalformedMessage."""
    fields = Fields("call", value, _AUTHORIZE)
    return AuthorizeCall(
        decode_grant(fields.raw("grant")), fields.octets("channel_binding", at_most=MAX_BINDING_BYTES)
    )


@dataclass(frozen=True, slots=True)
class ConfirmCall:
    """What `/v1/confirm` asks: whether the server's token proves it to the sign-in of that handle."""

    grant: Grant
    handle: str
    token: bytes = field(repr=False)


def encode_confirm_call(call: ConfirmCall) -> dict[str, object]:
    """Every field."""
    return {"grant": encode_grant(call.grant), "handle": call.handle, "token": to_base64(call.token)}


def decode_confirm_call(value: object) -> ConfirmCall:
    """Raises: MalformedMessage."""
    fields = Fields("call", value, _CONFIRM)
    return ConfirmCall(
        decode_grant(fields.raw("grant")),
        fields.text("handle"),
        fields.octets("token", at_most=MAX_TOKEN_BYTES),
    )
