"""Questions at a terminal, and their defaults where nobody is asked: what stands on the command line is never asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import typer
from pydantic_core import PydanticCustomError

_E = TypeVar("_E", bound=StrEnum)


def _refusal_of(check: Callable[[str], str], answer: str) -> str:
    try:
        check(answer)
    except PydanticCustomError as refused:
        return f"{refused.message()}; {(refused.context or {}).get('remedy', '')}"
    return ""


@dataclass(frozen=True, slots=True)
class Questions:
    """`asks` False: every answer that is not given is its default."""

    asks: bool

    def text(
        self, given: str | None, question: str, default: str, check: Callable[[str], str] | None = None
    ) -> str:
        """One line, asked for until `check` takes it (one of `settings.values`)."""
        if given is not None:
            return given
        while self.asks:
            answer = str(typer.prompt(question, default=default))
            refusal = "" if check is None else _refusal_of(check, answer)
            if not refusal:
                return answer
            typer.echo(refusal, err=True)
        return default

    def path(self, given: Path | None, question: str, default: str) -> Path:
        """A file; a relative one is below the current folder."""
        return Path(self.text(None if given is None else str(given), question, default)).absolute()

    def names(self, given: Sequence[str] | None, question: str, default: str) -> tuple[str, ...]:
        """Several, with spaces or commas between them."""
        line = self.text(None if given is None else " ".join(given), f"{question} (several: a, b)", default)
        return tuple(dict.fromkeys(line.replace(",", " ").split()))

    def choice(self, given: _E | None, kinds: type[_E], question: str, default: _E) -> str:
        """One of a few words, asked for until it is one."""
        if given is not None or not self.asks:
            return (given or default).value
        known = [one.value for one in kinds]
        while True:
            answer = str(typer.prompt(f"{question} ({', '.join(known)})", default=default.value))
            if answer in known:
                return answer
            typer.echo(f"one of: {', '.join(known)}", err=True)
