"""One attempt with a domain password, by a simple bind over TLS on a connection made for it and ended after it.

The domain counts a wrong one. So there is exactly one: what fails before the bind is sent may be tried at another controller,
what fails after may have been counted and is not.

A controller tries one form of name after the other and checks the password of the first account that fits, and whoever may
write a userPrincipalName may make it look like a colleague's `DOMAIN\\user`. The first form is the distinguished name, which
one account has: that is what is sent, and the controller must then say that it is this account which has bound.
Source: MS-ADTS 5.1.1.1.1.
"""

from __future__ import annotations

from handfast.directory import bind_answer, filters
from handfast.directory.controllers import Link
from handfast.directory.domain_facts import DomainFacts
from handfast.directory.session import ControllerFailed
from handfast.directory.values import parse_sid
from handfast.identity.directory.ports import AnswerLost, PasswordVerdict
from handfast.identity.records import Account
from handfast.protocols.errors import MalformedMessage

MAX_SECRET_BYTES = 1024
"""Windows passwords have at most 256 UTF-16 units in a logon; whoever sends more is not let on to a controller."""


class BindUnanswered(ControllerFailed, AnswerLost):
    """The controller was sent the password, or may have been, and did not answer."""


async def find_dn(link: Link, domain: DomainFacts, account: Account) -> str | None:
    """Where the account is; None where it is gone, or its name was given to another since the mirror was read.

    Raises: ControllerFailed.
    """
    if not account.sid or account.domain.casefold() != domain.netbios_name.casefold():
        return None
    query = filters.both(
        filters.USERS,
        filters.with_sids([account.sid]),
        filters.equals("sAMAccountName", account.user),
    )
    page = await link.page(domain.root.naming_context, query, ("objectSid",), page_size=2)
    return page.entries[0].dn if len(page.entries) == 1 else None


async def check_password(link: Link, dn: str, sid: str, secret: str) -> PasswordVerdict:
    """What this controller says of the account that was found at `dn`. RIGHT only where it is `sid` that has bound.

    Raises: ControllerFailed; BindUnanswered once the domain may have counted it.
    """
    try:
        answer = await link.call(lambda session: session.bind(dn, secret))
    except ControllerFailed as lost:
        raise BindUnanswered(str(lost)) from None
    if not answer.is_accepted:
        return bind_answer.verdict(answer.message)
    return PasswordVerdict.RIGHT if await _has_bound(link, sid) else PasswordVerdict.WRONG


def is_worth_sending(account: Account, secret: str) -> bool:
    """An empty secret would be an anonymous bind, which succeeds (RFC 4513 5.1.2); NUL ends a password for some servers."""
    try:
        encoded = secret.encode("utf-8")
    except UnicodeEncodeError:
        return False
    is_sound = 0 < len(encoded) <= MAX_SECRET_BYTES and b"\0" not in encoded
    return is_sound and bool(account.domain and account.user)


async def _has_bound(link: Link, sid: str) -> bool:
    """Whether the connection is that account's: the rootDSE has the SIDs of whoever asks, their own among them.

    No account has another's SID. Source: MS-ADTS 3.1.1.3.2 (tokenGroups), MS-DTYP 2.5.2.
    """
    root = await link.read("", ("tokenGroups",))
    try:
        return root is not None and sid in map(parse_sid, root.values.get("tokengroups", ()))
    except MalformedMessage as malformed:
        raise ControllerFailed(f"{link.name}: {malformed}") from None
