"""The account that a user of this machine is, by the name the machine has for it.

Where the machine gets its users from the domain, its resolver puts the domain into the name in a form of its own:
`CONTOSO\\user` (winbind, and `CONTOSO+user` with that separator), `user@contoso.lab` (sssd), or the plain `user` where
it is told to leave the domain out. A user made on the machine has a plain name, too. Source: smb.conf(5) "winbind
separator", sssd.conf(5) "full_name_format".
"""

from __future__ import annotations

from handfast.identity.names import find_ticket_account
from handfast.identity.ports import Repositories
from handfast.identity.records import Account
from handfast.protocols.ntlm.upcase import is_surely_one


def split_unix_name(name: str, default_domain: str) -> tuple[str, str]:
    """(domain, user); a plain name is of `default_domain`. No separator but "@" is allowed in a sAMAccountName."""
    for separator in ("\\", "+"):
        domain, found, user = name.partition(separator)
        if found and domain and user:
            return domain, user
    user, found, domain = name.rpartition("@")
    return (domain, user) if found and domain and user else (default_domain, name)


def find_unix_account(repositories: Repositories, name: str, default_domain: str) -> Account | None:
    """The one account; None where there is none.

    `user@contoso.lab` is the sAMAccountName in that domain, as resolvers mean it: whoever has it as a UPN or a mail
    address may be somebody else. It is nobody where an account has all of that as its sAMAccountName: a resolver that
    leaves the domain out would mean that one. And it is nobody where the domain may have a user of its own by that
    spelling.
    """
    domain, user = split_unix_name(name, default_domain)
    is_called_so = user != name and any(not one.is_gone for one in repositories.accounts.find_by_user(name))
    if not user or is_called_so:
        return None
    mirrored = find_ticket_account(repositories, user, domain) if "." in domain else None
    account = mirrored or repositories.accounts.find_by_domain_user(domain, user)
    return account if account is not None and is_surely_one(account.user, user) else None
