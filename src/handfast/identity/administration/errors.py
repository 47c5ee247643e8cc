"""How an administrative call is refused."""

from __future__ import annotations

from typing import Literal

ErrorKind = Literal["not-found", "refused", "usage", "unavailable"]


class AdministrationError(Exception):
    """The call changed nothing; `remedy` says what to do instead."""

    def __init__(self, kind: ErrorKind, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.remedy = remedy


class DatabaseOwned(AdministrationError):
    """Another process owns the records: identity that starts or stops, or another command. It passes."""
