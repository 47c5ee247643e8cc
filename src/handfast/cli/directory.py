"""`handfast directory`: is the domain reached, what does it say of somebody, and how it is set up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handfast.cli.bind_refusals import SharedRefusals
from handfast.cli.connection import open_administration
from handfast.cli.directory_init import init
from handfast.cli.exits import CommandFailed, Exit, failure_of
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import plain, show_json, show_record, show_rows
from handfast.observability.logging import without_events
from handfast.protocols.printed import one_line, powershell_word
from handfast.settings.load import load_settings
from handfast.settings.model import Settings

if TYPE_CHECKING:
    from handfast.directory.domain_facts import DomainFacts
    from handfast.directory.findings import DirectoryFinding, Seen
    from handfast.identity.directory.entries import DirectoryAccount, DomainLockout

commands = typer.Typer(
    name="directory", help="Active Directory: controllers, accounts, setup.", no_args_is_help=True
)
commands.command("init")(init)
COLUMNS = ("severity", "controller", "what", "remedy")
CONTROLLER_COLUMNS = ("controller", "state", "seconds", "certificate_ends", "clock_skew", "highest_usn")
MISSED_POLLS = 4
"""So many polls late, the mirror is worth a warning; a controller that is slow once is not."""


@commands.callback()
def group() -> None:
    """Active Directory: controllers, accounts, setup."""


@commands.command("check")
def check(
    again: Annotated[
        bool,
        typer.Option("--again", help="Send a password of `bind_user` that was refused lately once more."),
    ] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every domain controller: reached, certificate, bind, base, clock; the lockout policy; the mirror's age. Exit 1 on errors."""
    from handfast.app.identity_user import as_identity_user  # noqa: PLC0415 - loads the database
    from handfast.directory.checking import check_directory  # noqa: PLC0415 - loads LDAP

    loaded = _settings(settings)
    refusals, margin = SharedRefusals(loaded), lockout_margin(loaded)
    looking = check_directory(loaded.directory, refusals, lockout_margin=margin, insists=again)
    with as_identity_user(loaded):
        seen, findings = asyncio.run(looking)
    status = _ask_status(loaded)
    age = _mirror_age(status)
    findings = [*findings, *_of_status(status, loaded)]
    if as_json:
        rows = [controller_row(one) for one in seen]
        told = {"domain": domain_row(seen), "mirror_age_seconds": age, "findings": plain(findings)}
        show_json({"controllers": rows, **told})
    else:
        show_rows([controller_row(one) for one in seen], CONTROLLER_COLUMNS, as_json=False)
        for line in domain_lines(seen, age, loaded.directory.bind_user):
            typer.echo(line)
        typer.echo("")
        show_rows(findings, COLUMNS, as_json=False, empty="no findings")
    if any(one.severity == "error" for one in findings):
        raise typer.Exit(Exit.REFUSED)


@commands.command("show")
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="UPN, DOMAIN\\user, user name, mail or SID.", show_default=False),
    ],
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the directory itself says of an account now, with all its groups."""
    from handfast.app.identity_user import as_identity_user  # noqa: PLC0415 - loads the database
    from handfast.directory.checking import find_in_directory  # noqa: PLC0415 - loads LDAP

    loaded = _settings(settings)
    with as_identity_user(loaded), without_events():
        found = asyncio.run(find_in_directory(loaded.directory, name, SharedRefusals(loaded)))
    if found is None:
        what = f"the directory knows no account {name} among those mirrored, or more than one"
        raise CommandFailed(
            Exit.NOT_FOUND, what, "try its UPN or SID; `base` and `account_filter` under [directory] count"
        )
    show_record(account_record(found), as_json=as_json)


def account_record(account: DirectoryAccount) -> dict[str, object]:
    """As it is printed. An end that is far off has no date: "until unlocked"."""
    facts = account.facts
    locked = facts.locked_until
    groups = sorted(account.groups, key=lambda group: (group.domain, group.name.casefold()))
    return {
        "user": f"{account.domain}\\{account.user}",
        "upn": account.upn,
        "display_name": account.display_name,
        "mail": facts.mail,
        "sid": account.sid,
        "realm": facts.realm,
        "enabled": facts.is_enabled,
        "delegable": facts.is_delegable,
        "locked_until": "the domain says that it ended" if locked and locked.year == MAXYEAR else locked,
        "expires": facts.expires_at,
        "password_expires": "must be changed now"
        if _is_begun(facts.password_expires_at)
        else facts.password_expires_at,
        "groups": [{"group": f"{one.domain}\\{one.name}", "sid": one.sid} for one in groups],
    }


def _is_begun(when: datetime | None) -> bool:
    """A FILETIME of 0, which stands for "at once"."""
    return when is not None and when.year == datetime(1601, 1, 1, tzinfo=UTC).year


def controller_row(seen: Seen) -> dict[str, object]:
    """One line of `check`."""
    return {
        "controller": seen.name,
        "state": "ok" if seen.domain is not None else f"failed ({seen.failed_at.value})",
        "seconds": seen.seconds,
        "certificate_ends": seen.certificate_ends,
        "clock_skew": None if seen.skew is None else seen.skew.total_seconds(),
        "highest_usn": None if seen.domain is None else seen.domain.root.highest_usn,
        "sees_deleted": None if seen.domain is None else seen.sees_deleted,
        "invocation_id": None if seen.domain is None else seen.domain.invocation_id,
    }


def domain_lines(seen: list[Seen], age: float | None, reader: str) -> list[str]:
    """What `check` says of the domain, and of the mirror's age, below the controllers."""
    first = next((one for one in seen if one.domain is not None), None)
    lines = []
    if first is not None and first.domain is not None:
        domain, policies = first.domain, first.policies or ()
        lines.append(f"domain   {domain.netbios_name} ({domain.dns_name})")
        lines.append(f"lockout  {_lockout_words(domain.policy.lockout)}")
        lines += [f"         {_lockout_words(one.lockout)}, by {one.dn}" for one in policies]
        lines += _deletion_lines(seen, domain, reader)
    if age is not None:
        lines.append(f"mirror   {age:.0f} s old")
    return list(map(one_line, lines))


def domain_row(seen: list[Seen]) -> dict[str, object] | None:
    """What the first controller that answered tells of the domain; a `lockout` that is None can't be read."""
    first = next((one for one in seen if one.domain is not None), None)
    if first is None or first.domain is None:
        return None
    return {
        "netbios_name": first.domain.netbios_name,
        "dns_name": first.domain.dns_name,
        "lockout": _lockout_row(first.domain.policy.lockout),
        "policies": [{"dn": one.dn, "lockout": _lockout_row(one.lockout)} for one in first.policies or ()],
    }


def _lockout_row(lockout: DomainLockout | None) -> dict[str, object] | None:
    if lockout is None:
        return None
    lasts = None if lockout.duration is None else lockout.duration.total_seconds()
    return {
        "threshold": lockout.threshold,
        "window_seconds": lockout.window.total_seconds(),
        "duration_seconds": lasts,
    }


def _lockout_words(lockout: DomainLockout | None) -> str:
    if lockout is None:
        return "not readable"
    if lockout.threshold == 0:
        return "never"
    lasts = "until unlocked" if lockout.duration is None else f"for {lockout.duration}"
    return f"after {lockout.threshold} wrong passwords within {lockout.window}, {lasts}"


def _deletion_lines(seen: list[Seen], domain: DomainFacts, reader: str) -> list[str]:
    if all(one.sees_deleted for one in seen if one.domain is not None):
        return ["deleted  accounts are seen with the next poll"]
    container = powershell_word(f"CN=Deleted Objects,{domain.root.naming_context}")
    right = powershell_word(f"{reader}:LCRP")
    return [
        "deleted  accounts are found by comparing all of them, once a minute in a large domain; seen with the next poll after",
        f"         PS> dsacls {container} /takeownership",
        f"         PS> dsacls {container} /g {right}    (Samba: docs/active-directory.md)",
    ]


def _settings(path: Path | None) -> Settings:
    settings = load_settings(path).settings
    if not settings.directory.servers:
        raise CommandFailed(
            Exit.USAGE, "there is no [[directory.server]]", "`handfast directory init` sets it up"
        )
    return settings


def lockout_margin(settings: Settings) -> int | None:
    """Where no listener takes domain passwords, the domain's lockout is no concern of ours."""
    takes = any(one.domain_password_listeners for one in settings.publications)
    return settings.directory.lockout_margin if takes else None


def _ask_status(settings: Settings) -> Mapping[str, Any]:
    """What identity knows of the mirror, among other numbers; nothing where it can't be asked."""
    try:
        with open_administration(settings) as administration:
            status: Mapping[str, Any] = administration.call("status")
            return status
    except Exception as problem:
        if failure_of(problem) is None:
            raise
        return {}


def _mirror_age(status: Mapping[str, Any]) -> float | None:
    """Seconds since identity last read the directory; None where it never did, or can't be asked."""
    read_at = status.get("directory_read_at")
    if not read_at:
        return None
    return (datetime.now(UTC) - datetime.fromisoformat(read_at)).total_seconds()


def mirror_findings(settings: Settings) -> list[DirectoryFinding]:
    """Where what identity knows of the directory has become old, or can't be known."""
    return _of_status(_ask_status(settings), settings)


def _of_status(status: Mapping[str, Any], settings: Settings) -> list[DirectoryFinding]:
    return [*_of_mirror(_mirror_age(status), settings), *_of_unreadable(status, settings)]


def _of_mirror(age: float | None, settings: Settings) -> list[DirectoryFinding]:
    from handfast.directory.findings import DirectoryFinding, DirectoryProblem  # noqa: PLC0415 - as its callers

    limit = timedelta(minutes=settings.directory.stale_minutes).total_seconds()
    late = MISSED_POLLS * settings.directory.poll_seconds
    if age is None or age <= max(late, settings.directory.timeout_seconds):
        return []
    severity = "error" if age > limit else "warning"
    what = f"what identity knows of the directory is {age:.0f} s old; it is believed for {limit:.0f} s"
    remedy = "is identity running? its log says what keeps it from reading"
    return [DirectoryFinding(severity, "", what, remedy, DirectoryProblem.MIRROR)]


def _of_unreadable(status: Mapping[str, Any], settings: Settings) -> list[DirectoryFinding]:
    """A few may be hidden from us on purpose; of many, nobody meant it."""
    from handfast.directory.findings import DirectoryFinding, DirectoryProblem  # noqa: PLC0415 - as its callers
    from handfast.identity.directory.rounds import are_too_many  # noqa: PLC0415 - as above

    count = status.get("directory_unreadable", 0)
    if not count:
        return []
    are_many = are_too_many(count, status["accounts"], settings.directory.max_missing_percent)
    what = f"accounts that can't be judged, and are refused as disabled ones are: {count}"
    remedy = "let the bind user read all attributes of them; identity's log names some (directory-unreadable-accounts)"
    return [
        DirectoryFinding("error" if are_many else "warning", "", what, remedy, DirectoryProblem.UNREADABLE)
    ]
