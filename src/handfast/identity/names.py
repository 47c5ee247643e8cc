"""Names of accounts: one folding for all comparisons, and the search from a login to its account.

Windows compares user names upper-cased one character to one (so that "ß" stays itself, where `str.upper` would make
it "SS" and join two people). The schema's unique keys hold the same folding.
"""

from __future__ import annotations

from handfast.identity.ports import Repositories
from handfast.identity.records import Account
from handfast.protocols.http_auth.login_name import LoginName, parse_login
from handfast.protocols.ntlm.upcase import upcase

MAX_NAME_CHARACTERS = 320
"""64 + "@" + 255: the longest user principal name there can be."""


def fold(name: str) -> str:
    """The form in which names are compared and kept unique."""
    return upcase(name)


def resolve_account(
    repositories: Repositories,
    login: LoginName,
    default_domain: str,
    neutral_domains: frozenset[str] = frozenset(),
) -> Account | None:
    """The one account a login means, or None; an ambiguous name means nobody.

    `neutral_domains` (folded) are the names our own NTLM challenge shows: a client that was given no domain sends one
    of them back, so they count as no domain.

    A login with a domain is looked up as (domain, user); one of UPN form by its UPN. One without a domain is looked
    up in `default_domain`, then by user name alone if only one account has it.
    """
    if len(login.user) + len(login.domain) > MAX_NAME_CHARACTERS:
        return None
    if login.form == "upn":
        return repositories.accounts.find_by_upn(f"{login.user}@{login.domain}")
    if not login.domain:
        return _find_without_domain(repositories, login.user, default_domain)
    if fold(login.domain) in neutral_domains:
        return resolve_account(repositories, parse_login(login.user), default_domain)
    return _find_in_domain(repositories, login.user, login.domain)


def _find_in_domain(repositories: Repositories, user: str, domain: str) -> Account | None:
    """By NetBIOS domain; clients also give a UPN's two halves, or a whole UPN as the user beside a domain."""
    account = repositories.accounts.find_by_domain_user(domain, user)
    if account is None and "@" in user:
        return repositories.accounts.find_by_upn(user)
    if account is None and "." in domain:
        return repositories.accounts.find_by_upn(f"{user}@{domain}")
    return account


def _find_without_domain(repositories: Repositories, user: str, default_domain: str) -> Account | None:
    if default_domain:
        account = repositories.accounts.find_by_domain_user(default_domain, user)
        if account is not None:
            return account
    candidates = repositories.accounts.find_by_user(user)
    return candidates[0] if len(candidates) == 1 else None


def principal_of(account: Account) -> str:
    """The name shown for an account: its UPN, else `DOMAIN\\user`, else the user name."""
    if account.upn:
        return account.upn
    return f"{account.domain}\\{account.user}" if account.domain else account.user


def find_named_account(repositories: Repositories, name: str, default_domain: str) -> Account | None:
    """The account an administrator names: UPN, `DOMAIN\\user` or user."""
    return resolve_account(repositories, parse_login(name), default_domain)
