"""Exit codes, and the one place where an error becomes a line on standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from handfast.protocols.printed import one_line
from handfast.settings.problems import SettingsError


class Exit(IntEnum):
    """What the shell learns. Stable: scripts depend on it."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 3
    NOT_FOUND = 4


class CommandFailed(Exception):
    """A command could not do what was asked: one line what, one line what to do about it."""

    def __init__(self, exit_code: Exit, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.remedy = remedy


KIND_EXITS = {
    "not-found": Exit.NOT_FOUND,
    "unavailable": Exit.UNAVAILABLE,
    "usage": Exit.USAGE,
    "invalid": Exit.USAGE,
}
"""What administration calls its refusals; every other kind is a plain refusal."""


def failure_of(error: Exception) -> CommandFailed | None:
    """An expected error of what lies below as a command's failure; None where nobody foresaw it."""
    if isinstance(error, CommandFailed):
        return error
    if isinstance(error, SettingsError):
        return _settings_failure(error)
    # By shape: AdministrationError comes from identity itself or, through the socket, as the client's own class.
    kind, message = getattr(error, "kind", None), getattr(error, "message", None)
    if kind is not None and message is not None:
        exit_code = KIND_EXITS.get(str(kind).replace("_", "-"), Exit.REFUSED)
        return CommandFailed(exit_code, str(message), getattr(error, "remedy", ""))
    if type(error).__name__ in {"Unavailable", "IdentityNotRunning"}:
        return CommandFailed(
            Exit.UNAVAILABLE, str(error) or "unavailable", "try again; `handfast doctor` says more"
        )
    # By name: importing the classes would load cryptography for every `--help`.
    if type(error).__name__ in {"KeyFileError", "PkiError", "DirectorySetupError", "KerberosSetupError"}:
        what = getattr(error, "problem", "") or str(error)
        return CommandFailed(Exit.REFUSED, what, getattr(error, "remedy", ""))
    if isinstance(error, OSError):
        if error.errno is None and str(error):
            return CommandFailed(Exit.REFUSED, str(error), "run as root or as the service's user")
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return CommandFailed(Exit.REFUSED, what, "run as root or as the service's user, or name another file")
    return None


def _settings_failure(error: SettingsError) -> CommandFailed:
    if error.is_missing:
        one = error.problems[0]
        return CommandFailed(Exit.NOT_FOUND, f"{one.path}: {one.problem}", one.remedy)
    if len(error.problems) == 1:
        one = error.problems[0]
        shown = f" = {one.value}" if one.value else ""
        return CommandFailed(Exit.REFUSED, f"settings: {one.path}{shown}: {one.problem}", one.remedy)
    lines = "\n".join(f"settings: {one}" for one in error.problems)
    return CommandFailed(
        Exit.REFUSED, lines, "correct the settings; `handfast settings check` says when they are good"
    )


def printable(text: str) -> str:
    """The text with control characters escaped: much of what we print was sent by strangers. Line breaks are our own here."""
    return "\n".join(map(one_line, text.split("\n")))


def report(failure: CommandFailed) -> None:
    """One line what, one line what to do, on standard error."""
    typer.echo(f"handfast: {printable(failure.message)}", err=True)
    if failure.remedy:
        typer.echo(f"  -> {printable(failure.remedy)}", err=True)


def _forget_stdout() -> None:
    """The reader (`| head`) has gone: nobody wants the rest, nor the interpreter's complaint when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class ReportingGroup(TyperGroup):
    """The root command: every error leaves through here, none as a traceback (unless HANDFAST_DEBUG is set)."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer hands its own Context to groups
        """As click does, with our errors turned into exit codes."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            # Usage errors, exits and aborts: some versions of typer bring a click of their own.
            if type(error).__module__.split(".")[0] in {"click", "typer"}:
                if type(error).__name__ == "Abort":  # every command asks before it does anything
                    typer.echo("\nnothing was changed", err=True)
                raise
            if isinstance(error, BrokenPipeError):
                _forget_stdout()
                raise typer.Exit(Exit.REFUSED) from None
            failure = failure_of(error)
            if failure is None:
                if os.environ.get("HANDFAST_DEBUG"):
                    raise
                failure = CommandFailed(
                    Exit.UNAVAILABLE,
                    f"unforeseen {type(error).__name__}",
                    "run it again with HANDFAST_DEBUG=1 and report what it prints",
                )
            report(failure)
            raise typer.Exit(failure.exit_code) from None
