"""`handfast init`: asks a few questions and lays a working installation down."""

from __future__ import annotations

import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.installation.answers import WORKER_USER, Answers
from handfast.cli.installation.settings_file import build_settings_file
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import show_json
from handfast.settings.load import parse_settings

_E = TypeVar("_E", bound=StrEnum)


class Mode(StrEnum):
    """How devices pair."""

    FIRST_USE = "first-use"
    WINDOW = "window"
    APPROVAL = "approval"
    LISTED = "listed"
    INSIDE = "inside"


class BackendAuth(StrEnum):
    """How accounts sign in behind."""

    STORED = "stored"
    HEADER = "header"
    NONE = "none"


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("init")(init)


def init(
    directory: Annotated[
        Path, typer.Option("--directory", metavar="DIR", help="Folder of settings and key file.")
    ] = Path("/etc/handfast"),
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="Write everything below DIR; make no users.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Published name.", show_default="asked")] = None,
    backend: Annotated[
        str | None, typer.Option(metavar="URL", help="Back end.", show_default="asked")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PEM chain.", show_default="asked")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="PEM key.", show_default="asked")] = None,
    address: Annotated[str | None, typer.Option(metavar="IP:PORT", help="Where to listen.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="How devices pair.", show_default="asked")] = None,
    auth: Annotated[
        BackendAuth | None, typer.Option(help="How accounts sign in behind.", show_default="asked")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take the defaults.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite settings and units (never the key file).")
    ] = False,
    _settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write settings, key file, service users and systemd units. Without root: a trial in --directory."""
    asks = not yes and sys.stdin.isatty()
    is_system = os.geteuid() == 0 and root is None and directory == Path("/etc/handfast")
    staged = root is not None
    base = directory if directory.is_absolute() else Path.cwd() / directory
    if not is_system and not staged and base == Path("/etc/handfast"):
        remedy = "run it as root, or try it out with --directory ~/handfast-trial"
        raise CommandFailed(Exit.REFUSED, "only root can set up /etc/handfast", remedy)
    is_trial = not is_system and not staged
    chosen_host = _ask(host, "Published host name", "mail.example.com", asks=asks)
    answers = Answers(
        host=chosen_host,
        backend=_ask(backend, "Back end", "https://exchange.example.lan", asks=asks),
        certificate=_path(
            certificate, "Certificate chain (PEM)", f"/etc/ssl/handfast/{chosen_host}.pem", asks=asks
        ),
        key=_path(key, "Its key (PEM)", f"/etc/ssl/handfast/{chosen_host}.key", asks=asks),
        address=address or ("127.0.0.1:8443" if is_trial else "0.0.0.0:443"),
        mode=_choose(mode, Mode, "How devices pair", Mode.WINDOW, asks=asks),
        auth=_choose(auth, BackendAuth, "How accounts sign in behind", BackendAuth.STORED, asks=asks),
        directory=base,
        data=base / "data" if is_trial else Path("/var/lib/handfast"),
        runtime=base / "run" if is_trial else Path("/run/handfast"),
        worker_user="" if is_trial else WORKER_USER,
    )
    # Whatever was answered must make settings that our own check takes; SettingsError says what does not.
    parse_settings(build_settings_file(answers))
    from handfast.cli.installation.steps import Site, install  # noqa: PLC0415 - loads the key file's code

    site = Site(root or Path("/"), is_live=is_system, force=force)
    done = install(answers, site, program=_program(), with_units=not is_trial)
    steps = next_steps(answers, is_trial=is_trial)
    if as_json:
        show_json({"done": done, "next": steps, "settings": str(site.place(answers.settings_file))})
        return
    for line in done:
        typer.echo(line)
    typer.echo("\nNext:")
    for number, step in enumerate(steps, start=1):
        typer.echo(f"  {number}. {step}")


def next_steps(answers: Answers, *, is_trial: bool) -> list[str]:
    """What remains for the administrator."""
    option = f" --settings {answers.settings_file}" if is_trial else ""
    start = (
        f"handfast serve{option}"
        if is_trial
        else "systemctl daemon-reload && systemctl enable --now handfast"
    )
    readable = (
        []
        if is_trial
        else [
            f"let the gateway read the TLS key: chgrp {WORKER_USER} {answers.key} && chmod 640 {answers.key}"
        ]
    )
    stored = (
        [f"handfast backend-secret set USER activesync{option}   # what the back end itself asks of USER"]
        if answers.auth == "stored"
        else []
    )
    pairing = (
        [f"handfast window open USER{option}   # USER may pair one device now"]
        if answers.mode == "window"
        else []
    )
    return [
        f"copy {answers.key_file} to a safe place: without it the database is worth nothing",
        *readable,
        f"handfast settings check{option} && handfast doctor{option}",
        start,
        f"handfast account add USER --domain DOMAIN --upn USER@DOMAIN{option}",
        *stored,
        *pairing,
        f"handfast app-password issue USER{option}",
    ]


def _ask(given: str | None, question: str, default: str, *, asks: bool) -> str:
    if given is not None:
        return given
    return str(typer.prompt(question, default=default)) if asks else default


def _path(given: Path | None, question: str, default: str, *, asks: bool) -> Path:
    return Path(_ask(str(given) if given is not None else None, question, default, asks=asks)).absolute()


def _choose(given: _E | None, kinds: type[_E], question: str, default: _E, *, asks: bool) -> str:
    if given is not None or not asks:
        return (given or default).value
    known = [one.value for one in kinds]
    while True:
        answer = str(typer.prompt(f"{question} ({', '.join(known)})", default=default.value))
        if answer in known:
            return answer
        typer.echo(f"one of: {', '.join(known)}", err=True)


def _program() -> str:
    """The absolute path of the `handfast` command that runs now, for the units."""
    beside = Path(sys.executable).with_name("handfast")
    found = str(beside) if beside.exists() else shutil.which("handfast")
    return found or "/usr/local/bin/handfast"
