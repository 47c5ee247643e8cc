"""How the simulated front end learns whose request it is: a trusted header, Basic, or not at all."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from handfast.lab.http_message import Headers
from handfast.lab.mailbox import mailbox_name

Accept = Literal["header", "basic", "none"]


@dataclass(slots=True)
class SignIn:
    """Decides who a request is from.

    `header` believes `header_name` (given exactly once), `basic` verifies against `passwords` (by mailbox name), `none`
    takes the query's claim. `failures` counts wrong passwords per mailbox, as a directory's bad-password count would.
    """

    accept: Accept
    header_name: str
    passwords: dict[str, str] = field(repr=False)
    failures: Counter[str] = field(default_factory=Counter)

    def user(self, headers: Headers, claimed: str) -> str:
        """The login of the request, "" where it is refused."""
        match self.accept:
            case "none":
                return claimed or "anonymous"
            case "header":
                names = headers.all(self.header_name)
                return names[0] if len(names) == 1 else ""
            case "basic":
                return self._basic(headers)

    def _basic(self, headers: Headers) -> str:
        login, secret = basic_credential(headers)
        if not login:
            return ""
        name = mailbox_name(login)
        right = self.passwords.get(name)
        if right is not None and hmac.compare_digest(right.encode(), secret.encode()):
            return login
        self.failures[name] += 1
        return ""


def basic_credential(headers: Headers) -> tuple[str, str]:
    """Login and password of a Basic Authorization, ("", "") without a readable one. Source: RFC 7617 2."""
    scheme, _, token = headers.get("Authorization").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        login, _, secret = base64.b64decode(token.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return login, secret
