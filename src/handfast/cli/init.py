"""`handfast init`: asks a few questions and lays a working installation down."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.installation.answers import WORKER_USER, Answers
from handfast.cli.installation.domain_commands import DEFAULT_SERVICE
from handfast.cli.installation.questions import Questions
from handfast.cli.installation.remaining import remaining_steps
from handfast.cli.installation.settings_file import build_settings_file
from handfast.cli.installation.units import find_hidden
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import show_json
from handfast.settings.load import parse_settings
from handfast.settings.values import check_backend_url, check_host, check_principal, check_spn


class Mode(StrEnum):
    """How devices pair."""

    FIRST_USE = "first-use"
    WINDOW = "window"
    APPROVAL = "approval"
    LISTED = "listed"
    INSIDE = "inside"


class Kind(StrEnum):
    """What is published."""

    ACTIVESYNC = "activesync"
    EXCHANGE = "exchange"


class BackendAuth(StrEnum):
    """How accounts sign in behind."""

    KERBEROS = "kerberos"
    STORED = "stored"
    HEADER = "header"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Given:
    """What stands on the command line."""

    host: str | None
    kind: Kind | None
    mail_domains: list[str] | None
    backend: str | None
    certificate: Path | None
    key: Path | None
    address: str | None
    mode: Mode | None
    auth: BackendAuth | None
    spn: str | None
    principal: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the installation goes: this machine (`is_live`), a staging root, or one folder of a trial."""

    base: Path
    is_live: bool
    is_trial: bool


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
    kind: Annotated[Kind | None, typer.Option(help="What is published.", show_default="asked")] = None,
    mail_domain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="With exchange: a mail domain; may be repeated.", show_default="asked"
        ),
    ] = None,
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
    spn: Annotated[
        str | None,
        typer.Option(
            metavar="SPN", help="With kerberos: the SPN that all back ends share.", show_default="asked"
        ),
    ] = None,
    principal: Annotated[
        str | None,
        typer.Option(
            metavar="NAME@REALM", help="With kerberos: the account that may delegate.", show_default="asked"
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take the defaults.")] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Overwrite settings and units (never the key file); install from a home folder."
        ),
    ] = False,
    _settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write settings, key file, service users and systemd units. Without root: a trial in --directory."""
    place = _place(directory, root)
    if place.is_live and not force:
        _refuse_hidden_program()
    questions = Questions(asks=not yes and sys.stdin.isatty())
    given = Given(host, kind, mail_domain, backend, certificate, key, address, mode, auth, spn, principal)
    answers = _ask_answers(questions, given, place)
    # Whatever was answered must make settings that our own check takes; SettingsError says what does not.
    parse_settings(build_settings_file(answers))
    from handfast.cli.installation.steps import Site, install  # noqa: PLC0415 - loads the key file's code

    site = Site(root or Path("/"), is_live=place.is_live, force=force)
    done = install(answers, site, program=_program(), with_units=not place.is_trial)
    steps = remaining_steps(answers, is_trial=place.is_trial)
    if as_json:
        show_json({"done": done, "next": steps, "settings": str(site.place(answers.settings_file))})
        return
    for line in done:
        typer.echo(line)
    typer.echo("\nNext:")
    for number, step in enumerate(steps, start=1):
        typer.echo(f"  {number}. {step}")


def _place(directory: Path, root: Path | None) -> Place:
    """Raises: CommandFailed where only root may."""
    is_live = os.geteuid() == 0 and root is None and directory == Path("/etc/handfast")
    base = directory if directory.is_absolute() else Path.cwd() / directory
    is_trial = not is_live and root is None
    if is_trial and base == Path("/etc/handfast"):
        remedy = "run it as root, or try it out with --directory ~/handfast-trial"
        raise CommandFailed(Exit.REFUSED, "only root can set up /etc/handfast", remedy)
    return Place(base, is_live=is_live, is_trial=is_trial)


def _ask_answers(questions: Questions, given: Given, place: Place) -> Answers:
    """What is given on the command line, and for the rest what is answered, each with a default made of those before."""
    host = questions.text(given.host, "Published host name", "mail.example.com", check_host)
    kind = questions.choice(given.kind, Kind, "What is published", Kind.ACTIVESYNC)
    is_exchange = kind == Kind.EXCHANGE
    mail_domains: tuple[str, ...] = ()
    if is_exchange:
        mail_domains = questions.names(given.mail_domains, "Mail domains", host.partition(".")[2])
    backend = questions.text(given.backend, "Back end", "https://exchange.example.lan", check_backend_url)
    inside_host = urlsplit(backend).hostname or ""
    certificate = questions.path(
        given.certificate, "Certificate chain (PEM)", f"/etc/ssl/handfast/{host}.pem"
    )
    key = questions.path(given.key, "Its key (PEM)", f"/etc/ssl/handfast/{host}.key")
    mode = questions.choice(given.mode, Mode, "How devices pair", Mode.WINDOW)
    auth = questions.choice(given.auth, BackendAuth, "How accounts sign in behind", BackendAuth.STORED)
    _refuse_idle_options(given, kind, auth)
    spn = principal = ""
    if auth == BackendAuth.KERBEROS:
        _refuse_guesses(questions, given)
        spn = questions.text(given.spn, "SPN that all back ends share", f"HTTP/{inside_host}", check_spn)
        realm = inside_host.partition(".")[2].upper()
        principal = questions.text(
            given.principal, "Service account of Handfast", f"{DEFAULT_SERVICE}@{realm}", check_principal
        )
    return Answers(
        host=host,
        backend=backend,
        certificate=certificate,
        key=key,
        address=given.address or ("127.0.0.1:8443" if place.is_trial else "0.0.0.0:443"),
        kind=kind,
        mail_domains=mail_domains,
        inside_names=_inside_names(inside_host, (host, *mail_domains)) if is_exchange else (),
        mode=mode,
        auth=auth,
        spn=spn,
        principal=principal,
        directory=place.base,
        data=place.base / "data" if place.is_trial else Path("/var/lib/handfast"),
        runtime=place.base / "run" if place.is_trial else Path("/run/handfast"),
        worker_user="" if place.is_trial else WORKER_USER,
    )


def _refuse_idle_options(given: Given, kind: str, auth: str) -> None:
    """Raises: CommandFailed for what would be asked of nobody."""
    if kind != Kind.EXCHANGE and given.mail_domains:
        raise CommandFailed(Exit.USAGE, "--mail-domain is not looked at", "add --kind exchange")
    if auth != BackendAuth.KERBEROS and (given.spn or given.principal):
        raise CommandFailed(Exit.USAGE, "--spn and --principal are not looked at", "add --auth kerberos")


def _refuse_guesses(questions: Questions, given: Given) -> None:
    """Raises: CommandFailed where names that only the domain knows would be taken from examples."""
    if not questions.asks and (given.spn is None or given.principal is None):
        remedy = "give --spn HTTP/mail.contoso.lab --principal svc-handfast@CONTOSO.LAB with your names"
        raise CommandFailed(Exit.USAGE, "--auth kerberos needs --spn and --principal", remedy)


def _inside_names(inside_host: str, published: tuple[str, ...]) -> tuple[str, ...]:
    """The back end's domain, unless it is one that clients outside know as well; then its own name alone."""
    domain = inside_host.partition(".")[2]
    is_known_outside = any(name == domain or name.endswith("." + domain) for name in published)
    return (inside_host,) if is_known_outside or not domain else (domain,)


def _refuse_hidden_program() -> None:
    """Raises: CommandFailed where the units could not start what runs now."""
    hidden = find_hidden((Path(_program()), Path(sys.executable)))
    if hidden is not None:
        raise CommandFailed(
            Exit.REFUSED,
            f"the service could not start {hidden}: its unit hides /home and /root from it",
            "put Handfast elsewhere, in /opt/handfast for one (there: make setup), with a Python that is not in a home "
            "folder, and run init from there; or give --force",
        )


def _program() -> str:
    """The absolute path of the `handfast` command that runs now, for the units."""
    beside = Path(sys.executable).with_name("handfast")
    found = str(beside) if beside.exists() else shutil.which("handfast")
    return found or "/usr/local/bin/handfast"
