"""The content of HTTP Basic: a login and a secret.

Source: RFC 7617.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from handfast.protocols.errors import MalformedMessage

MAX_LOGIN_BYTES = 1024
MAX_SECRET_BYTES = 4096
_DELETE = 0x7F


@dataclass(frozen=True, slots=True)
class BasicAuthorization:
    """`Basic`: the login as sent (`DOMAIN\\user`, UPN or plain; anything but a colon), and its secret."""

    login: str
    secret: str = field(repr=False)


def parse_basic(credentials: bytes) -> BasicAuthorization:
    """The decoded content, split at the first colon.

    UTF-8 where it is that, else ISO-8859-1: RFC 7617 leaves the charset open, and phones differ. (A text in
    ISO-8859-1 that is valid UTF-8 by accident does not occur in names.) The secret may be empty, the login may not.

    Raises: MalformedMessage.
    """
    login, colon, secret = credentials.partition(b":")
    if not colon:
        raise _malformed("user-pass", "has no colon")
    if not login:
        raise _malformed("user-id", "is empty")
    if len(login) > MAX_LOGIN_BYTES or len(secret) > MAX_SECRET_BYTES:
        raise _malformed("user-pass", f"is longer than {MAX_LOGIN_BYTES} and {MAX_SECRET_BYTES} bytes")
    text = _decode(credentials)
    login_text, _, secret_text = text.partition(":")
    if any(unicodedata.category(character) == "Cc" for character in login_text):
        raise _malformed("user-id", "holds a control character")
    if any(ord(character) < 0x20 or ord(character) == _DELETE for character in secret_text):
        raise _malformed("password", "holds a control character")
    return BasicAuthorization(login_text, secret_text)


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("iso-8859-1")


def _malformed(field_name: str, problem: str) -> MalformedMessage:
    return MalformedMessage("http", field_name, problem, "RFC 7617 2")
