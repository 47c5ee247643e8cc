"""Whom a message says it is for: a server behind us must never act for anybody but the account that signed in.

Phones put a user name into the query: plain, `DOMAIN\\user`, UPN or mail address. Whether another account has that name
is nobody's business outside, so a name that is not the account's own is never looked up: it is replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.decision.access import BasicCredential
from handfast.identity.subjects import rule_key
from handfast.protocols.http_auth.login_name import parse_login

if TYPE_CHECKING:
    from handfast.gateway.grants import LiveGrant


def is_named(live: LiveGrant, claimed: str) -> bool:
    """True where the claimed name is the account's: its principal, the login it signed in with, or their user part.

    Only what is surely one of them is one: behind us the same in letters that we alone fold may be another account's.
    """
    if claimed == live.named:
        return True
    name = rule_key(claimed)
    if not any(name in (rule_key(own), rule_key(parse_login(own).user)) for own in _own_names(live)):
        return False
    live.named = claimed
    return True


def _own_names(live: LiveGrant) -> tuple[str, ...]:
    credential = live.request.credential
    if isinstance(credential, BasicCredential):
        return live.grant.principal, credential.login
    return (live.grant.principal,)
