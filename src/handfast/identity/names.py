"""Names of accounts: one folding for all comparisons, and the search from a login to its account.

Windows compares user names upper-cased one character to one (so that "ß" stays itself, where `str.upper` would make
it "SS" and join two people). The schema's unique keys hold the same folding.
"""

from __future__ import annotations

from collections.abc import Sequence

from handfast.identity.ports import Repositories
from handfast.identity.records import Account, NewAccount
from handfast.protocols.http_auth.login_name import LoginName, parse_login
from handfast.protocols.ntlm.upcase import upcase

MAX_NAME_CHARACTERS = 320
"""64 + "@" + 255: the longest user principal name there can be."""


_BAD_IN_NAMES = frozenset('"/\\[]:;|=,+*?<>')
"""What a sAMAccountName can't hold. Source: MS-SAMR 3.1.1.6, [MS-ADTS] 3.1.1.2.2."""


def find_name_problem(user: str, domain: str, upn: str) -> str:
    """Why names can't be an account's, in one clause; "" where they can."""
    if not user or user != user.strip() or len(user) > MAX_NAME_CHARACTERS:
        return "an account needs a user name without spaces around it"
    if _BAD_IN_NAMES & set(user) or not user.isprintable():
        return f"the user name {user!r} holds a character that user names can't have"
    if "\\" in domain or "@" in domain or not domain.isprintable() or len(domain) > MAX_NAME_CHARACTERS:
        return f"{domain!r} is no domain name"
    if upn and ("\\" in upn or not upn.isprintable() or not all(upn.rpartition("@"))):
        return f"{upn!r} is no user principal name (user@domain)"
    if len(upn) > MAX_NAME_CHARACTERS:
        return f"a user principal name has at most {MAX_NAME_CHARACTERS} characters"
    return ""


def fold(name: str) -> str:
    """The form in which names are compared and kept unique."""
    return upcase(name)


def made_up_upn(user: str, realm: str) -> str:
    """The UPN of an account for which the directory has none (MS-ADTS 5.1.1.1.1)."""
    return f"{user}@{realm.lower()}"


def claimed_upn(account: Account | NewAccount) -> str:
    """The UPN that an account has, or that is made up for it, whether it leads to it at present or not."""
    if account.upn or account.contested_upn or account.directory is None:
        return account.upn or account.contested_upn
    return made_up_upn(account.user, account.directory.realm)


def find_claimants(repositories: Repositories, upn: str) -> list[Account]:
    """The directory's accounts that claim the UPN though it doesn't lead to them; whoever is gone claims nothing."""
    wanted = fold(upn)
    waiting = (*repositories.accounts.list_without_upn(), *repositories.accounts.list_unnamed())
    return [one for one in waiting if not one.is_gone and fold(claimed_upn(one)) == wanted]


def resolve_account(
    repositories: Repositories,
    login: LoginName,
    default_domain: str,
    neutral_domains: frozenset[str] = frozenset(),
) -> Account | None:
    """The one account a login means, or None; an ambiguous name means nobody.

    `neutral_domains` (folded) are the names our own NTLM challenge shows: a client that was given no domain sends one
    of them back, so they count as no domain.

    A login with a domain is looked up as (domain, user); one of UPN form by its UPN, then as a mail address. One without
    a domain is looked up in `default_domain`, then by user name alone if only one account has it.
    """
    if len(login.user) + len(login.domain) > MAX_NAME_CHARACTERS:
        return None
    if login.form == "upn":
        return _find_by_address(repositories, f"{login.user}@{login.domain}")
    if not login.domain:
        return _find_without_domain(repositories, login.user, default_domain)
    if fold(login.domain) in neutral_domains:
        return resolve_account(repositories, parse_login(login.user), default_domain)
    return _find_in_domain(repositories, login.user, login.domain)


def _find_in_domain(repositories: Repositories, user: str, domain: str) -> Account | None:
    """By NetBIOS domain; clients also give a UPN's two halves, or a whole UPN as the user beside a domain."""
    account = repositories.accounts.find_by_domain_user(domain, user)
    if account is None and "@" in user:
        return _find_by_address(repositories, user)
    if account is None and "." in domain:
        return _find_by_address(repositories, f"{user}@{domain}")
    return account


def _find_by_address(repositories: Repositories, address: str) -> Account | None:
    """By UPN, then by mail address; one that the directory still has before one that it has no longer.

    Both are looked up, whoever has the address: the time tells nobody which it is. A UPN that leads to nobody because
    several claim it leads to nobody by mail either: whoever may contest a UPN may write a mail address, too.
    """
    by_upn = repositories.accounts.find_by_upn(address)
    by_mail = _the_only(repositories.accounts.find_by_mail(address))
    if by_mail is None or (by_upn is not None and (by_mail.is_gone or not by_upn.is_gone)):
        return by_upn
    return by_upn if find_claimants(repositories, address) else by_mail


def _the_only(candidates: Sequence[Account]) -> Account | None:
    """The one candidate, or the one among them that is still there; None where several could be meant."""
    present = [account for account in candidates if not account.is_gone] or candidates
    return present[0] if len(present) == 1 else None


def _find_without_domain(repositories: Repositories, user: str, default_domain: str) -> Account | None:
    if default_domain:
        account = repositories.accounts.find_by_domain_user(default_domain, user)
        if account is not None:
            return account
    return _the_only(repositories.accounts.find_by_user(user))


def find_ticket_account(repositories: Repositories, user: str, realm: str) -> Account | None:
    """The mirrored account that a Kerberos principal `user@realm` is; never a local one, whatever its name.

    A principal is the sAMAccountName within its realm, also where the account has a UPN of another form (MS-KILE
    3.3.5.1.1).
    """
    if len(user) + len(realm) > MAX_NAME_CHARACTERS:
        return None
    accounts = repositories.accounts
    nearby = (
        *accounts.find_by_user(user),
        accounts.find_by_upn(f"{user}@{realm}"),
        accounts.find_by_domain_user(realm.partition(".")[0], user),
    )
    fitting = {one.id: one for one in nearby if one is not None and _is_principal(one, user, realm)}
    return fitting.popitem()[1] if len(fitting) == 1 else None


def _is_principal(account: Account, user: str, realm: str) -> bool:
    facts = account.directory
    return facts is not None and fold(facts.realm) == fold(realm) and fold(account.user) == fold(user)


def principal_of(account: Account | NewAccount) -> str:
    """The name shown for an account: its UPN, else `DOMAIN\\user`, else the user name."""
    if account.upn:
        return account.upn
    return login_of(account)


def login_of(account: Account | NewAccount) -> str:
    """`DOMAIN\\user`, or the user name of an account without a domain."""
    return f"{account.domain}\\{account.user}" if account.domain else account.user


def find_named_account(repositories: Repositories, name: str, default_domain: str) -> Account | None:
    """The account an administrator names: UPN, mail address, `DOMAIN\\user`, user, or SID (of one that has no name)."""
    by_sid = repositories.accounts.find_by_sid(name)
    return by_sid or resolve_account(repositories, parse_login(name), default_domain)
