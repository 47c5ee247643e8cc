"""The three forms of a name somebody signs in with, told apart without asking anybody.

No name is refused here: one that makes no sense belongs to no account, and is answered as any unknown name is.
Source: MS-ADTS 5.1.1.1.1 (forms of names); MS-NLMP 3.3.2 for the empty domain of a UPN sign-in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LoginName:
    """A login taken apart, in the case it came in.

    `down-level`: `user` and the NetBIOS or DNS name of the domain. `upn`: what stands before and after the last "@".
    `plain`: `user` is everything, `domain` is "".
    """

    user: str
    domain: str
    form: Literal["down-level", "upn", "plain"]

    def __str__(self) -> str:
        match self.form:
            case "down-level":
                return f"{self.domain}\\{self.user}"
            case "upn":
                return f"{self.user}@{self.domain}"
            case _:
                return self.user


def parse_login(login: str) -> LoginName:
    """A login as a person types it, or a phone puts it together.

    - `DOMAIN\\user` is down-level; the first backslash divides. So is `DOMAIN\\user@x`, whose user is `user@x`: what was
      said of the domain is not overruled.
    - `user@domain` is a UPN; the last "@" divides, since the user part may hold one.
    - `\\user` is plain `user`. Observed: Android's mail programs put the backslash there when the domain is left empty.
    - Anything else is plain and kept whole: `user`, `user@`, `@domain`, `DOMAIN\\`.
    """
    domain, backslash, user = login.partition("\\")
    if backslash and domain and user:
        return LoginName(user, domain, "down-level")
    name = user if backslash and user else login
    user, at, domain = name.rpartition("@")
    if at and user and domain:
        return LoginName(user, domain, "upn")
    return LoginName(name, "", "plain")


def login_from_ntlm(user: str, domain: str) -> LoginName:
    """The name in an AUTHENTICATE message. Without a domain it is read as `parse_login` reads it: a UPN, or plain."""
    if domain and user:
        return LoginName(user, domain, "down-level")
    return parse_login(user)
