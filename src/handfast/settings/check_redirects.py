"""Listeners that only redirect: what must be so for a port without TLS to be open to everybody. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from handfast.settings.problems import Problem, shown

if TYPE_CHECKING:
    from handfast.settings.check import Draft


def redirecting_listeners(draft: Draft) -> frozenset[str]:
    """Names of the listeners that tell where TLS is and serve nothing else, for any publication."""
    return frozenset(name for _, one in draft.publications for name in one.redirect_listeners)


def redirect_problems(draft: Draft) -> Iterator[Problem]:
    """Each must exist, have no certificate, belong to an Exchange publication, and publish nothing else."""
    secured = {one.name for _, one in draft.listeners if one.certificate is not None}
    for index, one in draft.publications:
        for place, name in enumerate(one.redirect_listeners):
            path = f"publication[{index}].redirect_listeners[{place}]"
            if one.kind != "exchange":
                yield Problem(
                    path, shown(name), "only Exchange's clients look for it", 'set kind = "exchange"'
                )
            elif name not in draft.listener_names:
                known = ", ".join(sorted(draft.listener_names)) or "none"
                yield Problem(path, shown(name), "no listener has that name", f"use one of: {known}")
            elif name in secured:
                yield Problem(path, shown(name), "it has a certificate", "put it into `listeners` instead")
    yield from _served_twice(draft)


def _served_twice(draft: Draft) -> Iterator[Problem]:
    redirecting = redirecting_listeners(draft)
    for index, one in draft.publications:
        for place, name in enumerate(one.listeners):
            if name in redirecting:
                yield Problem(
                    f"publication[{index}].listeners[{place}]",
                    shown(name),
                    "that listener is one of `redirect_listeners`, and serves redirects alone",
                    "take it out of one of the two",
                )
