"""Whether an EWS request may pass: by its SOAP headers, its operation, and what stands in that. Default deny."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from handfast.decision.rules.ews_denials import (
    DENIED_BY_SETTINGS,
    EWS_DENIALS,
    UNLISTED_HEADER,
    UNLISTED_OPERATION,
    UNLISTED_PART,
    EwsDenial,
)
from handfast.decision.rules.ews_operations import (
    ALLOWED_HEADERS,
    ALLOWED_OPERATIONS,
    ALLOWED_PARTS,
    BINARY_CONFIGURATION,
    MESSAGES,
    TYPES,
)

_PLAIN_NAME = re.compile(r"[A-Za-z]{1,60}")


@dataclass(frozen=True, slots=True)
class EwsRules:
    """What may pass.

    Attributes:
        operations: names of operations.
        denied: those of them that settings took off the list; it wins.
        parts: operations that are read to their end, with every element that may stand within.
        header_blocks: local names of header blocks in the namespace of EWS's types.
    """

    operations: frozenset[str] = frozenset(ALLOWED_OPERATIONS)
    denied: frozenset[str] = frozenset()
    parts: Mapping[str, frozenset[str]] = field(default_factory=lambda: ALLOWED_PARTS)
    header_blocks: frozenset[str] = frozenset(ALLOWED_HEADERS)


@dataclass(frozen=True, slots=True)
class EwsRefusal:
    """Why one request is refused. `what` names the thing that is not let through."""

    denial: EwsDenial
    what: str


def build_ews_rules(
    *,
    allow_operations: Iterable[str] = (),
    deny_operations: Iterable[str] = (),
    allow_headers: Iterable[str] = (),
    binary_configuration: bool = False,
) -> EwsRules:
    """The built-in lists with what an installation adds and takes off."""
    parts = dict(ALLOWED_PARTS)
    if binary_configuration:
        for name in ("CreateUserConfiguration", "UpdateUserConfiguration"):
            parts[name] = parts[name] | {BINARY_CONFIGURATION}
    return EwsRules(
        frozenset(ALLOWED_OPERATIONS) | set(allow_operations),
        frozenset(deny_operations),
        parts,
        frozenset(ALLOWED_HEADERS) | set(allow_headers),
    )


def find_refused_header(rules: EwsRules, blocks: Iterable[tuple[str, str]]) -> EwsRefusal | None:
    """The first header block, as namespace and local name, that may not pass."""
    for namespace, local in blocks:
        if namespace != TYPES or local not in rules.header_blocks:
            return EwsRefusal(UNLISTED_HEADER, f"SOAP header {_shown(local)}")
    return None


def find_refused_operation(
    rules: EwsRules, operation: tuple[str, str], parts: Iterable[str]
) -> EwsRefusal | None:
    """Why the operation, as namespace and local name, may not pass; `parts` are the elements in it where they were read."""
    namespace, local = operation
    what = f"EWS operation {_shown(local)}"
    if namespace != MESSAGES:
        return EwsRefusal(UNLISTED_OPERATION, f"{what}, in another namespace than EWS's")
    if local in rules.denied:
        return EwsRefusal(DENIED_BY_SETTINGS, what)
    if local not in rules.operations:
        return EwsRefusal(_named(local, "") or UNLISTED_OPERATION, what)
    unlisted = sorted(set(parts) - rules.parts.get(local, frozenset()))
    named = next((denial for part in unlisted if (denial := _named(local, part))), None)
    if unlisted:
        return EwsRefusal(
            named or UNLISTED_PART, f"{what} with {_shown(named.part if named else unlisted[0])}"
        )
    return None


def _named(operation: str, part: str) -> EwsDenial | None:
    return next(
        (denial for denial in EWS_DENIALS if operation in denial.operations and denial.part == part), None
    )


def _shown(name: str) -> str:
    """A name of the client's choice as logs may show it."""
    return name if _PLAIN_NAME.fullmatch(name) else ascii(name[:60])
