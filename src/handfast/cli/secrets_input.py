"""Secrets come from a prompt without echo, or from a file or pipe; never from the command line, which others can see."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from handfast.cli.exits import CommandFailed, Exit

MAX_SECRET_CHARACTERS = 1024


def read_secret(file: Path | None, what: str, *, is_new: bool = True) -> str:
    """The secret: from `file` (`-`: standard input), else asked for; without a terminal, from standard input.

    One that `is_new` is asked for twice. One line end at its end is not part of it. Raises: CommandFailed.
    """
    if file is not None and str(file) != "-":
        return _checked(file.read_text(encoding="utf-8"), what)
    if file is not None or not sys.stdin.isatty():
        return _checked(sys.stdin.readline(), what)
    return _checked(typer.prompt(what, hide_input=True, confirmation_prompt=is_new), what)


def _checked(text: str, what: str) -> str:
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise CommandFailed(Exit.USAGE, f"no {what} was given", "type it, or give a file that holds it")
    if len(secret) > MAX_SECRET_CHARACTERS or "\n" in secret:
        said = f"the {what} must be one line of at most {MAX_SECRET_CHARACTERS} characters"
        raise CommandFailed(Exit.USAGE, said, "check which file you gave")
    return secret
