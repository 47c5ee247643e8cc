"""What can be wrong with a settings file, said so that a person can mend it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SHOWN_LENGTH = 60
_PASSWORD_IN_URL = re.compile(r"(://[^/@\s:]*):[^/\s]*@")
_SECRET_NAME = re.compile(r"passw|secret|(^|_)pin$|token|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `path` is as in `listener[0].address`; `value` is short and never a secret."""

    path: str
    value: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        shown = f" = {self.value}" if self.value else ""
        return f"{self.path}{shown}: {self.problem}; {self.remedy}"


class SettingsError(Exception):
    """The settings can't be used; `problems` holds all that was found, never an empty list.

    `is_missing` is True where there is no settings file at all.
    """

    def __init__(self, problems: Sequence[Problem], *, is_missing: bool = False) -> None:
        super().__init__("\n".join(str(one) for one in problems))
        self.problems = tuple(problems)
        self.is_missing = is_missing


def dotted(location: Sequence[str | int]) -> str:
    """`("listener", 0, "address")` as `listener[0].address`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def shown(value: object, name: str = "") -> str:
    """A value as a message may show it: short, on one line, without passwords. `name` is the key's own name."""
    if isinstance(value, dict):
        return "(a table)"
    if isinstance(value, list | tuple) and any(isinstance(one, dict) for one in value):
        return "(an array of tables)"
    if _SECRET_NAME.search(name) and not name.endswith("_file"):
        return "(hidden)"
    text = _PASSWORD_IN_URL.sub(r"\1:(hidden)@", repr(value) if not isinstance(value, str) else f'"{value}"')
    text = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 3] + "..."
