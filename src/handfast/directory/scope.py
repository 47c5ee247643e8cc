"""Which accounts are mirrored: a part of the directory and a filter on what is in it."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.directory import filters


@dataclass(frozen=True, slots=True)
class Scope:
    """`base` "" is the whole domain; `account_filter` "" is every user account."""

    base: str = ""
    account_filter: str = ""

    def query(self, condition: str = "") -> str:
        """The filter for mirrored accounts that also meet `condition`."""
        return filters.both(filters.USERS, self.account_filter, condition)

    def within(self, naming_context: str) -> str:
        """Where to search."""
        return self.base or naming_context
