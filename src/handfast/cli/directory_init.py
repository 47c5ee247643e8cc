"""`handfast directory init`: asks, tries the answers out at once, writes the `[directory]` section and the password file."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import tomllib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from handfast.cli.bind_refusals import SharedRefusals
from handfast.cli.connection import identity_listens
from handfast.cli.exits import CommandFailed, Exit, printable, report
from handfast.cli.installation.directory_files import write_password, write_settings
from handfast.cli.installation.directory_section import (
    DirectoryAnswers,
    Server,
    build_section,
    has_section,
    put_kdcs,
    put_section,
)
from handfast.cli.installation.domain_commands import (
    DEFAULT_SERVICE,
    DomainCommands,
    build_delegation_commands,
    build_reader_commands,
)
from handfast.cli.installation.key_commands import build_key_commands, in_turn
from handfast.cli.installation.questions import Questions
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import plain, show_json
from handfast.cli.secrets_input import read_secret
from handfast.protocols.printed import one_line, posix_word
from handfast.settings.check_files import is_there
from handfast.settings.load import parse_settings, settings_path
from handfast.settings.model import Settings

if TYPE_CHECKING:
    from handfast.directory.findings import DirectoryFinding
    from handfast.settings.directory import DirectorySettings

T = TypeVar("T")

DEFAULT_READER = "svc-handfast-read"


def init(
    server: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=ADDRESS[:PORT]]",
            help="A domain controller, in order of preference; may be repeated.",
            show_default="asked",
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PEM of their CA; else the system's.", show_default="asked"),
    ] = None,
    bind_user: Annotated[
        str | None, typer.Option(metavar="UPN", help="The account to read with.", show_default="asked")
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File that holds its password; - for standard input; else asked for."
        ),
    ] = None,
    base: Annotated[str, typer.Option(metavar="DN", help="Mirror this part of the domain only.")] = "",
    account_filter: Annotated[str, typer.Option(metavar="FILTER", help="Mirror these accounts only.")] = "",
    delegate_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPN",
            help="Also print what lets Handfast sign people in there by Kerberos; may be repeated.",
            show_default="those of the settings",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing but the password.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a directory section that differs.")] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the directory up: ask, try it out, write it. Running it again with the same answers changes nothing."""
    file = settings_path(settings)
    text = _read(file)
    asks = not yes and sys.stdin.isatty()
    given = Given(tuple(server or ()), ca_file, bind_user, password_file)
    way, _ = _settled(lambda given: _ask_way(given, asks=asks), _reach, given, asks=asks)

    def ask_account(given: Given) -> tuple[DirectoryAnswers, str, Settings]:
        user = _bind_user(given.bind_user, way.servers, asks=asks, quiet=as_json)
        place = file.parent.absolute() / "directory.password"
        answers = DirectoryAnswers(way.servers, user, place, way.ca_file, base, account_filter)
        whole = _check_section(answers, text, file, force=force)
        return answers, read_secret(given.password_file, f"Password of {user}", is_new=False), whole

    (answers, password, whole), findings = _settled(ask_account, _try_out, given, asks=asks)
    put = _put(text, answers)
    next_steps = _next_steps(whole, settings, is_restart=_kerberos_of(put) != _kerberos_of(text))
    done = _write(answers, password, file, put)
    if as_json:
        show_json({"done": done, "next": next_steps, "findings": plain(findings)})
        return
    for finding in findings:
        typer.echo(one_line(f"{finding.severity}: {finding.controller} {finding.what}; {finding.remedy}"))
    for line in [
        *done,
        "",
        "Next:",
        *(f"  {number}. {step}" for number, step in enumerate(next_steps, start=1)),
    ]:
        typer.echo(printable(line))
    spns = delegate_to or _spns_of(text)
    if spns:
        typer.echo(
            "\nThe account that signs people in behind, by Kerberos, the domain's administrator makes with"
        )
        principal = _principal_of(text, answers.bind_user)
        _show_commands(
            in_turn(
                build_delegation_commands(principal, spns), build_key_commands(principal, _keytab_of(text))
            )
        )


def _next_steps(settings: Settings, file: Path | None, *, is_restart: bool) -> list[str]:
    """In their order, as far as they are left. `file` is what `--settings` said; a service that runs takes what was written
    by a reload or, with `is_restart`, by a restart alone. Raises: CommandFailed.
    """
    option = "" if file is None else f" --settings {posix_word(str(file))}"
    keytab = settings.kerberos.keytab
    steps = [f"handfast directory check{option}"]
    if keytab is not None and not is_there(keytab):
        steps.append(f"bring the service account's keytab to {keytab}, readable for identity alone")
    steps.append(f"handfast settings check{option}")
    if not identity_listens(settings.identity.runtime_dir / "admin.sock"):
        steps.append("systemctl start handfast" if file is None else f"handfast serve{option}")
    elif is_restart:
        steps.append("systemctl restart handfast" if file is None else "restart the service")
    else:
        steps.append("systemctl reload handfast" if file is None else "reload the service (SIGHUP)")
    return steps


def _spns_of(text: str) -> list[str]:
    """Of the publications that sign in behind by Kerberos."""
    backends = [one.get("backend", {}) for one in tomllib.loads(text).get("publication", [])]
    return list(
        dict.fromkeys(one["spn"] for one in backends if one.get("auth") == "kerberos" and one.get("spn"))
    )


def _principal_of(text: str, bind_user: str) -> str:
    realm = bind_user.rpartition("@")[2].upper()
    return str(_kerberos_of(text).get("principal") or f"{DEFAULT_SERVICE}@{realm}")


def _keytab_of(text: str) -> str:
    return str(_kerberos_of(text).get("keytab") or "/etc/handfast/handfast.keytab")


def _kerberos_of(text: str) -> dict[str, Any]:
    section: dict[str, Any] = tomllib.loads(text).get("kerberos", {})
    return section


@dataclass(frozen=True, slots=True)
class Given:
    """What stands on the command line; the rest is asked for."""

    servers: tuple[str, ...] = ()
    ca_file: Path | None = None
    bind_user: str | None = None
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """To the controllers: who they are, and whose certificates they have."""

    servers: tuple[Server, ...]
    ca_file: Path | None


def _settled(
    ask: Callable[[Given], T],
    try_out: Callable[[T], list[DirectoryFinding]],
    given: Given,
    *,
    asks: bool,
) -> tuple[T, list[DirectoryFinding]]:
    """Answers that work, with what is to be said of them. At a terminal they are asked for until they do.

    Raises: CommandFailed, where nobody can be asked.
    """
    while True:
        try:
            answers = ask(given)
            findings = try_out(answers)
        except CommandFailed as refused:
            if not asks or refused.exit_code is not Exit.USAGE:
                raise
            report(refused)  # an answer that is none; another may be
            given = Given()
            continue
        errors = [one for one in findings if one.severity == "error"]
        if not errors:
            return answers, findings
        what, remedy = one_line(errors[0].what), one_line(errors[0].remedy)
        failure = CommandFailed(Exit.REFUSED, f"nothing was written: {what}", remedy)
        if not asks:
            raise failure
        report(failure)
        given = Given()


def _ask_way(given: Given, *, asks: bool) -> Way:
    return Way(_servers(given.servers, asks=asks), _ca_file(given.ca_file, asks=asks))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommandFailed(
            Exit.NOT_FOUND, f"{file}: there is no such file", "`handfast init` writes one"
        ) from None


def _servers(given: Sequence[str], *, asks: bool) -> tuple[Server, ...]:
    if not given and asks:
        question = "Domain controllers (DNS names, the preferred one first)"
        given = str(typer.prompt(question, default="", show_default=False)).replace(",", " ").split()
    if not given:
        remedy = "name one, e.g. dc1.example.lan (--server, once for each)"
        raise CommandFailed(Exit.USAGE, "no domain controller was named", remedy)
    return tuple(map(parse_server, given))


def parse_server(text: str) -> Server:
    """`dc1.contoso.lab`, `dc1.contoso.lab=10.0.0.5` or `dc1.contoso.lab=10.0.0.5:1636`. Raises: CommandFailed."""
    name, _, where = text.partition("=")
    address, colon, port = where.rpartition(":") if not where.endswith("]") else (where, "", "")
    if not colon:
        return Server(name, where.strip("[]") or None)
    if not port.isascii() or not port.isdigit():
        raise CommandFailed(Exit.USAGE, f"{text}: not a port", "write NAME=ADDRESS:PORT")
    return Server(name, address.strip("[]") or None, int(port))


def _ca_file(given: Path | None, *, asks: bool) -> Path | None:
    if given is None and asks:
        answer = str(typer.prompt("CA of their certificates (PEM file; empty: the system's)", default=""))
        given = Path(answer) if answer else None
    return given.absolute() if given is not None else None


def _bind_user(given: str | None, servers: tuple[Server, ...], *, asks: bool, quiet: bool) -> str:
    """The account, with the lines that make it, so that somebody can before the password is asked for."""
    domain = servers[0].name.partition(".")[2] or "example.lan"
    default = f"{DEFAULT_READER}@{domain}"
    chosen = Questions(asks).text(given or None, "Account to read with", default)
    if "@" not in chosen or not chosen.isprintable():
        raise CommandFailed(Exit.USAGE, f"{chosen}: not a UPN", f"write e.g. {default}")
    if not quiet:
        typer.echo(
            "The domain's administrator makes that account, an ordinary user without further rights, with"
        )
        _show_commands(build_reader_commands(chosen))
    return chosen


def _show_commands(commands: DomainCommands) -> None:
    """Raises: CommandFailed, where a line would not be one, or look like another."""
    if not all(map(str.isprintable, (*commands.powershell, *commands.samba))):
        raise CommandFailed(
            Exit.USAGE, "a name holds a character that can't be seen", "correct SPN and principal"
        )
    for line in commands.powershell:
        typer.echo(f"  PS> {line}")
    typer.echo("or, in a Samba domain,")
    for line in commands.samba:
        typer.echo(f"  #   {line}")


def _check_section(answers: DirectoryAnswers, text: str, file: Path, *, force: bool) -> Settings:
    """Whatever was answered must make settings our own check takes: these. Raises: CommandFailed, SettingsError."""
    section = build_section(answers)
    try:
        if has_section(text) and not force and _directory_of(text) != _directory_of(section):
            remedy = "edit it, or give --force to replace it"
            raise CommandFailed(Exit.REFUSED, f"{file} has another [directory] already", remedy)
        return parse_settings(put_section(text, section))[0]
    except (ValueError, tomllib.TOMLDecodeError) as error:
        raise CommandFailed(Exit.REFUSED, f"{file}: {error}", "put this in by hand:\n" + section) from None


def _directory_of(text: str) -> Any:
    return tomllib.loads(text)["directory"]


def _reach(way: Way) -> list[DirectoryFinding]:
    """Whether every controller is reached and proves who it is; nobody signs in. Raises: CommandFailed."""
    from handfast.directory.checking import reach_directory  # noqa: PLC0415 - loads LDAP

    section = _directory_of(build_section(DirectoryAnswers(way.servers, "", Path("/"), way.ca_file)))
    return _ask_controllers(section, reach_directory)


def _try_out(answered: tuple[DirectoryAnswers, str, Settings]) -> list[DirectoryFinding]:
    """Asks every controller, before anything is written. A password that somebody gives now is sent, whoever refused it
    before; where it is right identity sends it again too. Raises: CommandFailed.
    """
    from handfast.app.identity_user import as_identity_user  # noqa: PLC0415 - loads the database
    from handfast.directory.checking import check_directory  # noqa: PLC0415 - loads LDAP

    answers, password, whole = answered

    async def check(settings: DirectorySettings) -> list[DirectoryFinding]:
        return (await check_directory(settings, SharedRefusals(whole), insists=True))[1]

    with as_identity_user(whole), tempfile.TemporaryDirectory(prefix="handfast-") as folder:
        trial = Path(folder) / "password"
        write_password(trial, password)
        section = _directory_of(build_section(answers))
        return _ask_controllers({**section, "bind_password_file": trial}, check)


def _ask_controllers(
    section: dict[str, Any], look: Callable[[DirectorySettings], Coroutine[Any, Any, list[DirectoryFinding]]]
) -> list[DirectoryFinding]:
    from handfast.directory.opening import DirectorySetupError  # noqa: PLC0415 - loads LDAP
    from handfast.settings.directory import DirectorySettings  # noqa: PLC0415 - as above

    try:
        return asyncio.run(look(DirectorySettings.model_validate(section)))
    except DirectorySetupError as problem:
        raise CommandFailed(Exit.REFUSED, problem.problem, problem.remedy) from None
    except ValidationError as problem:
        what = "; ".join(f"{one['input']}: {one['msg']}" for one in problem.errors())
        remedy = "name a controller as its certificate does, and where else it is reached: dc1.contoso.lab=10.0.0.5"
        raise CommandFailed(Exit.USAGE, what, remedy) from None


def _write(answers: DirectoryAnswers, password: str, file: Path, put: str) -> list[str]:
    """`put` is the settings file's new text. The password comes first: settings that name a file which is not there would keep
    identity from starting.
    """
    done = []
    for path, was_written in (
        (answers.password_file, write_password(answers.password_file, password)),
        (file, write_settings(file, put)),
    ):
        done.append(f"wrote {path}" if was_written else f"kept {path}")
    return done


def _put(text: str, answers: DirectoryAnswers) -> str:
    """KDCs come with the section and never after it: whoever has none there since then means the system's krb5.conf."""
    section = build_section(answers)
    if not has_section(text):
        return put_kdcs(put_section(text, section), answers.servers)
    return text if _directory_of(text) == _directory_of(section) else put_section(text, section)
