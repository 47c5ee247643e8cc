"""Lists that mean "all" where they are left out must not be written empty: `networks = []` reads as "none". Pure.

Whoever takes the last name out of a list means it to hold for nobody; here it would hold for everybody. The other lists
may be empty: what they hold is let in, or refused, beside what goes without saying.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from handfast.settings.base import Section
from handfast.settings.problems import Problem
from handfast.settings.publication import PolicySettings

if TYPE_CHECKING:
    from handfast.settings.check import Draft

MEANING_ALL = {
    "access": ("listeners", "networks", "credentials"),
    "publication": ("listeners", "networks"),
    "policy": tuple(name for name in PolicySettings.model_fields if name.startswith("allow_")),
}
"""By table: lists without which everything is let in."""


def empty_list_problems(draft: Draft) -> Iterator[Problem]:
    """Empty lists that somebody wrote down."""
    tables = (("access", draft.access), ("publication", draft.publications), ("policy", draft.policies))
    for table, items in tables:
        for index, item in items:
            yield from _written_empty(f"{table}[{index}]", item, MEANING_ALL[table])
    for index, rule in draft.access:
        if not rule.groups and not rule.accounts:
            # With names in the other of the two, an empty one takes nobody in.
            yield from _written_empty(f"access[{index}]", rule, ("groups", "accounts"), "everybody")
    if draft.kerberos is not None:
        yield from _written_empty("kerberos", draft.kerberos, ("accept",), "every key of the keytab")


def _written_empty(
    path: str, section: Section, names: Sequence[str], everything: str = "all"
) -> Iterator[Problem]:
    for name in names:
        if name in section.model_fields_set and not getattr(section, name):
            remedy = f"leave the line out if {everything} is meant, else name what is meant"
            yield Problem(
                f"{path}.{name}",
                "[]",
                f"an empty list names nothing, and without one {everything} would be meant",
                remedy,
            )
