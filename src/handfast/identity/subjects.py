"""Who a rule of the settings speaks of: accounts by name, groups by SID or name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handfast.identity.records import Account, DirectoryGroup
from handfast.protocols.ntlm.upcase import upcase_surely


@dataclass(frozen=True, slots=True)
class Subjects:
    """Accounts and groups, by their `rule_key`; nobody named means everybody.

    An account is named by UPN, `DOMAIN\\user` or SID, a group by SID or `DOMAIN\\name`.
    """

    accounts: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @property
    def is_everybody(self) -> bool:
        """True where nobody is named."""
        return not self.accounts and not self.groups

    def include(self, account: Account, groups: frozenset[DirectoryGroup]) -> bool:
        """True where the account is named, or a group it is in (`groups` are all of them, nested ones too)."""
        if self.is_everybody:
            return True
        if self.accounts & names_of_account(account):
            return True
        return any(self.groups & names_of_group(group) for group in groups)

    def describe(self, account: Account, groups: frozenset[DirectoryGroup]) -> str:
        """By what it includes this account, for administrators; "" where it does not."""
        if self.is_everybody:
            return "everybody"
        if self.accounts & names_of_account(account):
            return "the account itself"
        fitting = [group for group in groups if self.groups & names_of_group(group)]
        return ", ".join(sorted(shown_group(group) for group in fitting))


def shown_group(group: DirectoryGroup) -> str:
    """As a rule would name it; by its SID where its name is unknown."""
    return f"{group.domain}\\{group.name}" if group.name else group.sid


def rule_key(name: str) -> str:
    """The form in which the names of rules are compared. Only what is surely one name is one: whoever may make an account or
    a group must not make one that a rule takes for somebody else's.
    """
    return upcase_surely(name)


def names_of_account(account: Account) -> frozenset[str]:
    """The key of every name by which a rule may mean the account. The bare user name is none: two domains may have it.

    Where another account holds its names, it has but its SID.
    """
    names = (f"{account.domain}\\{account.user}", account.upn) if account.is_named else ()
    return frozenset(rule_key(name) for name in (*names, account.sid or "") if name)


def names_of_group(group: DirectoryGroup) -> frozenset[str]:
    """The key of every name by which a rule may mean the group."""
    named = f"{group.domain}\\{group.name}" if group.name else ""
    return frozenset(rule_key(name) for name in (group.sid, named) if name)


def build_subjects(accounts: Iterable[str], groups: Iterable[str], default_domain: str) -> Subjects:
    """The subjects of a rule as written; a bare user name means the one in `default_domain`."""
    return Subjects(
        frozenset(account_key(name, default_domain) for name in accounts),
        frozenset(rule_key(name) for name in groups),
    )


def account_key(name: str, default_domain: str) -> str:
    """The key of an account as a rule names it; a bare user name means the one in `default_domain`."""
    is_whole = "\\" in name or "@" in name or is_sid(name)
    return rule_key(name if is_whole else f"{default_domain}\\{name}")


def is_sid(name: str) -> bool:
    """True for a security identifier in its string form. Source: MS-DTYP 2.4.2.1."""
    return name.upper().startswith("S-1-") and all(part.isdigit() for part in name.split("-")[1:])
