"""One thing that is wrong, or will be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is: an error keeps somebody from working now, a warning will."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`id` is stable, for scripts; `what` names the thing concerned; `remedy` is what to do."""

    id: str
    severity: Severity
    what: str
    remedy: str


def error(finding_id: str, what: str, remedy: str) -> Finding:
    """A finding that keeps somebody from working."""
    return Finding(finding_id, Severity.ERROR, what, remedy)


def warning(finding_id: str, what: str, remedy: str) -> Finding:
    """A finding that will, or that weakens."""
    return Finding(finding_id, Severity.WARNING, what, remedy)
