"""What a mirror of a part of the directory can't tell. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from handfast.settings.problems import Problem, shown

if TYPE_CHECKING:
    from handfast.settings.check import Draft


def directory_warnings(draft: Draft) -> Iterator[Problem]:
    """Back ends that are told UPNs, where it isn't known whether somebody outside the mirrored part has the same one."""
    directory = draft.directory
    if directory is None or not (directory.base or directory.account_filter):
        return
    for index, one in draft.publications:
        if one.backend.auth == "header" and one.backend.auth_header_value == "upn":
            yield Problem(
                f"publication[{index}].backend.auth_header_value",
                shown(one.backend.auth_header_value),
                "only a part of the domain is mirrored: whoever in it is given the UPN of somebody outside is told as that one",
                'mirror the whole domain (no directory.base, no directory.account_filter), or tell "domain-user"',
            )
