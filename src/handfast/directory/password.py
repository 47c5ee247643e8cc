"""One attempt with a domain password, by a simple bind over TLS on a connection made for it and ended after it.

The domain counts a wrong one. So there is exactly one: what fails before the bind is sent may be tried at another controller,
what fails after may have been counted and is not.
"""

from __future__ import annotations

from handfast.directory import bind_answer, filters
from handfast.directory.controllers import Link
from handfast.directory.domain_facts import ROOT_ATTRIBUTES, parse_root
from handfast.directory.session import ControllerFailed
from handfast.directory.values import parse_sid
from handfast.identity.directory.ports import AnswerLost, PasswordVerdict
from handfast.identity.records import Account
from handfast.protocols.errors import MalformedMessage

MAX_SECRET_BYTES = 1024
"""Windows passwords have at most 256 UTF-16 units in a logon; whoever sends more is not let on to a controller."""


class BindUnanswered(ControllerFailed, AnswerLost):
    """The controller was sent the password, or may have been, and did not answer."""


async def check_password(link: Link, account: Account, secret: str) -> PasswordVerdict:
    """What this controller says. The name sent is `DOMAIN\\user`, which one account has.

    Raises: ControllerFailed; BindUnanswered once the domain may have counted it.
    """
    if not is_worth_sending(account, secret):
        return PasswordVerdict.WRONG
    name = f"{account.domain}\\{account.user}"
    try:
        answer = await link.call(lambda session: session.bind(name, secret))
    except ControllerFailed as lost:
        raise BindUnanswered(str(lost)) from None
    if not answer.is_accepted:
        return bind_answer.verdict(answer.message)
    return PasswordVerdict.RIGHT if await _is_still(link, account) else PasswordVerdict.WRONG


def is_worth_sending(account: Account, secret: str) -> bool:
    """An empty secret would be an anonymous bind, which succeeds (RFC 4513 5.1.2); NUL ends a password for some servers."""
    try:
        encoded = secret.encode("utf-8")
    except UnicodeEncodeError:
        return False
    is_sound = 0 < len(encoded) <= MAX_SECRET_BYTES and b"\0" not in encoded
    return is_sound and bool(account.domain and account.user)


async def _is_still(link: Link, account: Account) -> bool:
    """Whether the name is still that account's: it may have been given to another since the mirror was read."""
    try:
        root = await link.read("", ROOT_ATTRIBUTES)
        if root is None:
            raise ControllerFailed(f"{link.name}: its rootDSE can't be read")
        query = filters.both(filters.USERS, filters.equals("sAMAccountName", account.user))
        page = await link.page(parse_root(root).naming_context, query, ("objectSid",), page_size=2)
        return [parse_sid(entry.require("objectSid")) for entry in page.entries] == [account.sid]
    except MalformedMessage as malformed:
        raise ControllerFailed(f"{link.name}: {malformed}") from None
