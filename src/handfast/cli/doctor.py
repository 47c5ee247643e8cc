"""`handfast doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from handfast.cli.bind_refusals import SharedRefusals
from handfast.cli.client_check import look_as_client, show_steps, step_rows
from handfast.cli.connection import identity_listens, open_administration
from handfast.cli.directory import lockout_margin, mirror_findings
from handfast.cli.exits import CommandFailed, Exit, failure_of
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import plain, show_json, show_rows
from handfast.protocols.printed import posix_word
from handfast.settings.check_files import check_files, identity_files
from handfast.settings.load import load_settings
from handfast.settings.model import Settings
from handfast.settings.problems import SettingsError

if TYPE_CHECKING:
    from handfast.directory.findings import DirectoryFinding
    from handfast.doctor.examination import NamedSubjectRow, Outside
    from handfast.doctor.findings import Finding

COLUMNS = ("severity", "id", "what", "remedy")
TOLD_BETTER = ("identity.key_file", "identity.listen.", "gateway.identity.", "listener[")
"""Files of which the examination itself speaks, with more to say than "not there"."""


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("doctor")(doctor)


def doctor(
    settings: SettingsOption = None,
    as_client: Annotated[
        bool,
        typer.Option("--as-client", help="Also go the way of a phone and of Outlook, and show each step."),
    ] = False,
    login: Annotated[
        str, typer.Option(metavar="USER", help="With --as-client: sign in; the app password is asked for.")
    ] = "",
    mail: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Mail address to ask Autodiscover for; else the login, if it is one."
        ),
    ] = "",
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that holds the app password; - for standard input."),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PEM of a CA of your own that clients were given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at settings, keys, certificates, back ends, clock and disk. Exit 1 where an error is found."""
    if not as_client and (login or mail or password_file or ca_file):
        raise CommandFailed(Exit.USAGE, "these options are for a look as a client", "add --as-client")
    findings = diagnose(settings)
    steps = look_as_client(settings, login, mail, password_file, ca_file) if as_client else []
    findings += dict.fromkeys(one.finding for one in steps if one.finding is not None)
    if as_json:
        show_json({"steps": step_rows(steps), "findings": plain(findings)} if as_client else plain(findings))
    else:
        show_steps(steps)
        show_rows(findings, COLUMNS, as_json=False, empty="no findings")
    if any(one.severity == "error" for one in findings):
        raise typer.Exit(Exit.REFUSED)


def diagnose(settings: Path | None) -> list[Finding]:
    """All findings; settings that can't be read are the only ones then."""
    from handfast.doctor.examination import examine  # noqa: PLC0415 - loads cryptography
    from handfast.doctor.findings import FindingId, error  # noqa: PLC0415 - as above

    try:
        loaded = load_settings(settings)
    except SettingsError as problem:
        if problem.is_missing:
            raise
        return [error(FindingId.SETTINGS, str(one), one.remedy) for one in problem.problems]
    missing = [
        error(FindingId.SETTINGS_FILE, f"{one.path} = {one.value}: {one.problem}", one.remedy)
        for one in check_files(loaded.settings)
    ]
    untold = (*TOLD_BETTER, *_seen_by_identity(loaded.settings))
    told = [one for one in missing if not one.what.startswith(untold)]
    return [*told, *_closed_to_identity(loaded.settings), *examine(loaded, outside(loaded.settings))]


def _seen_by_identity(settings: Settings) -> list[str]:
    """How findings on identity's own files begin, where we are not who could tell."""
    from handfast.app.identity_user import speaks_for_identity  # noqa: PLC0415 - loads the database

    return [] if speaks_for_identity(settings) else [f"{path} = " for path, _ in identity_files(settings)]


def _closed_to_identity(settings: Settings) -> Iterator[Finding]:
    """Root, who asks, could read them: whoever looks as root must not find well what identity can't start with."""
    from handfast.app.identity_user import closed_to_identity, find_identity_user  # noqa: PLC0415 - loads the database
    from handfast.doctor.findings import FindingId, error  # noqa: PLC0415 - loads cryptography

    user = find_identity_user(settings)
    if user is None:
        return
    for path, file in closed_to_identity(settings):
        yield error(
            FindingId.SETTINGS_FILE,
            f"{path} = {file}: identity's user, {user}, can't read it",
            f"`chown {user.name} {posix_word(str(file))}`, and let that user enter the folders above it",
        )


def outside(settings: Settings) -> Outside:
    """The doctor's questions to key file, database and identity."""
    from handfast.app.identity_user import find_identity_user  # noqa: PLC0415 - loads the database
    from handfast.doctor.examination import Outside  # noqa: PLC0415 - loads cryptography
    from handfast.doctor.identity_link import LinkTools  # noqa: PLC0415 - as above
    from handfast.doctor.machine import ServiceUser  # noqa: PLC0415 - as above
    from handfast.keys.mutual_tls import build_node_context  # noqa: PLC0415 - as above
    from handfast.keys.pki import parse_node_certificate  # noqa: PLC0415 - as above

    is_running, user = _is_running(settings), find_identity_user(settings)
    return Outside(
        load_keys=_load_keys,
        match_keys=lambda: _key_mismatch(settings),
        ask_identity=lambda: _identity_silence(settings, is_running=is_running),
        open_records=lambda: _call(settings, "status")[1],
        check_directory=lambda: [
            *_directory_findings(settings, is_running=is_running),
            *_kerberos_findings(settings),
        ],
        link=LinkTools(parse_node=parse_node_certificate, build_context=build_node_context),
        is_running=is_running,
        named_subjects=lambda: _named_subjects(settings),
        service_user=ServiceUser(user.name, user.uid, frozenset(user.groups)) if user and user.uid else None,
    )


def _is_running(settings: Settings) -> bool:
    """Whether the service runs here. A gateway node shows it by `/healthz`; with that off nobody can tell: it may."""
    from handfast.doctor.probes import serves_health  # noqa: PLC0415 - loads cryptography

    if settings.gateway.identity is not None:
        return not settings.metrics.address or serves_health(settings.metrics.address)
    try:
        return identity_listens(settings.identity.runtime_dir / "admin.sock")
    except CommandFailed:
        return True


def _load_keys(path: Path) -> str | None:
    from handfast.keys.key_file import KeyFileError, load_key_file  # noqa: PLC0415 - only the doctor needs it here

    try:
        load_key_file(path)
    except KeyFileError as problem:
        return str(problem)
    return None


def _call(settings: Settings, method: str, **arguments: object) -> tuple[object, str | None]:
    """(answer, None), or (None, why there is none)."""
    try:
        with open_administration(settings) as administration:
            return plain(administration.call(method, **arguments)), None
    except Exception as problem:  # noqa: BLE001 - whatever breaks, the doctor's other findings must come out
        failure = failure_of(problem)
        return None, failure.message if failure else f"unforeseen {type(problem).__name__}: {problem}"


def _named_subjects(settings: Settings) -> list[NamedSubjectRow]:
    """None where nobody answers: that is a finding of its own."""
    if not settings.access and not settings.roles:
        return []
    rows, _ = _call(settings, "policy_names")
    return cast("list[NamedSubjectRow]", rows) if isinstance(rows, list) else []


def _identity_silence(settings: Settings, *, is_running: bool) -> str | None:
    if not is_running:
        return f"nothing listens on {settings.identity.runtime_dir / 'admin.sock'}"
    return _call(settings, "status")[1]


def _sees_as_identity(settings: Settings, *files: Path | None) -> bool:
    """False where we are neither root nor identity's user, who alone see what identity sees, and where identity can't read one
    of the files: that is a finding of the settings' files.
    """
    from handfast.app.identity_user import as_identity_user, speaks_for_identity  # noqa: PLC0415 - loads the database

    with as_identity_user(settings):
        return speaks_for_identity(settings) and all(
            os.access(file, os.R_OK, effective_ids=True) for file in files if file is not None
        )


def _directory_findings(settings: Settings, *, is_running: bool) -> list[Finding]:
    asked = settings.directory
    if not asked.servers:
        return []
    found = []
    if _sees_as_identity(settings, asked.bind_password_file, asked.ca_file):
        found += _asked_findings(settings)
    if is_running:  # else it is told that identity does not run
        found += map(_as_finding, mirror_findings(settings))
    return found


def _asked_findings(settings: Settings) -> list[Finding]:
    from handfast.app.identity_user import as_identity_user  # noqa: PLC0415 - loads the database
    from handfast.directory.checking import check_directory  # noqa: PLC0415 - loads LDAP
    from handfast.directory.lockout_findings import judge_silence  # noqa: PLC0415 - as above
    from handfast.directory.opening import DirectorySetupError  # noqa: PLC0415 - as above
    from handfast.doctor.findings import FindingId, error  # noqa: PLC0415 - loads cryptography

    margin = lockout_margin(settings)
    looking = check_directory(settings.directory, SharedRefusals(settings), lockout_margin=margin)
    try:
        with as_identity_user(settings):
            seen, found = asyncio.run(looking)
    except DirectorySetupError as problem:
        return [error(FindingId.DIRECTORY_SETUP, problem.problem, problem.remedy)]
    if margin is not None:
        found += judge_silence(seen)
    return [_as_finding(one) for one in found]


def _as_finding(found: DirectoryFinding) -> Finding:
    from handfast.doctor.findings import Finding, FindingId, Severity  # noqa: PLC0415 - loads cryptography

    is_named = found.what.startswith(found.controller)
    what = found.what if is_named else f"{found.controller}: {found.what}"
    return Finding(FindingId.from_value(found.id), Severity(found.severity), what, found.remedy)


def _kerberos_findings(settings: Settings) -> list[Finding]:
    kerberos = settings.kerberos
    if kerberos.keytab is None or not _sees_as_identity(settings, kerberos.keytab, kerberos.krb5_conf):
        return []
    from handfast.app.identity_user import as_identity_user  # noqa: PLC0415 - loads the database
    from handfast.doctor.findings import FindingId, error  # noqa: PLC0415 - loads cryptography
    from handfast.kerberos.opening import check_setup  # noqa: PLC0415 - as above
    from handfast.kerberos.setup_error import KerberosSetupError  # noqa: PLC0415 - as above

    try:
        with as_identity_user(settings):
            check_setup(kerberos)
    except KerberosSetupError as problem:
        return [error(FindingId.KERBEROS_SETUP, problem.problem, problem.remedy)]
    return []


def _key_mismatch(settings: Settings) -> str | None:
    """The audit chain hangs on the key file: a chain that does not verify at all was written with another one."""
    answer, _ = _call(settings, "audit_verify", checkpoints=[])
    if isinstance(answer, dict) and not answer.get("ok", True):
        return "the audit trail does not verify under this key (`handfast audit verify` says where)"
    return None
