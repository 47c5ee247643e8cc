"""`handfast doctor --as-client`: who looks, and how the steps are shown."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from handfast.cli.connection import open_administration
from handfast.cli.exits import CommandFailed, Exit, failure_of
from handfast.cli.explain import describe
from handfast.cli.output import plain, show_rows
from handfast.cli.secrets_input import read_secret
from handfast.decision.reasons import Reason
from handfast.settings.load import load_settings
from handfast.settings.model import Settings
from handfast.settings.problems import SettingsError

if TYPE_CHECKING:
    from handfast.doctor.publishing.questions import Login
    from handfast.doctor.publishing.steps import Explained, Step

COLUMNS = ("client", "asked", "answer", "then")
RECORD_SECONDS = 3.0
"""A decision is written down soon after its answer has left."""
RETRY_SECONDS = 0.1


def look_as_client(
    settings: Path | None, login: str, mail: str, password_file: Path | None, ca_file: Path | None
) -> list[Step]:
    """All steps; none where the settings can't be read, which is told elsewhere. Raises: CommandFailed."""
    from handfast.doctor.publishing.publications import Client, examine_publishing  # noqa: PLC0415 - loads cryptography

    who = _login(login, mail, password_file)
    if ca_file is not None:
        _check_ca(ca_file)
    try:
        loaded = load_settings(settings).settings
    except SettingsError:
        return []
    client = Client(who, ca_file, lambda request_id: _explain(loaded, request_id))
    return list(examine_publishing(loaded, client))


def _login(user: str, mail: str, password_file: Path | None) -> Login | None:
    from handfast.doctor.publishing.questions import Login  # noqa: PLC0415 - as above

    if not user:
        if mail or password_file:
            raise CommandFailed(
                Exit.USAGE, "--mail and --password-file belong to a login", "add --login USER"
            )
        return None
    return Login(
        user, read_secret(password_file, "app password", is_new=False), mail or (user if "@" in user else "")
    )


def _check_ca(file: Path) -> None:
    from handfast.doctor.certificates import load_chain  # noqa: PLC0415 - as above

    try:
        load_chain(file.read_bytes())
    except ValueError:
        raise CommandFailed(Exit.USAGE, f"{file}: holds no PEM certificate", "give the CA as PEM") from None


def _explain(settings: Settings, request_id: str) -> Explained | None:
    """What identity recorded of a refused request, once it has; None where nobody here can tell."""
    from handfast.doctor.publishing.steps import Explained  # noqa: PLC0415 - as above

    told = _find_refusal(settings, request_id)
    if told is None:
        return None
    reason = str(told.get("reason", ""))
    details = [str(one["detail"]) for one in told.get("stages", []) if one.get("detail")]
    return Explained(reason, details[-1] if details else "", describe(reason)[1])


def _find_refusal(settings: Settings, request_id: str) -> dict[str, Any] | None:
    """What was let in and then refused for what it asked, or for its answer, is recorded in two parts."""
    ends = time.monotonic() + RECORD_SECONDS
    while time.monotonic() < ends:
        try:
            with open_administration(settings) as administration:
                told = plain(administration.call("explain", request_id=request_id))
        except Exception as problem:  # noqa: BLE001 - whatever breaks, the doctor's other findings must come out
            failure = failure_of(problem)
            if failure is None or failure.exit_code is not Exit.NOT_FOUND:
                return None
        else:
            if told.get("reason") != Reason.ALLOWED:
                return dict(told)
        time.sleep(RETRY_SECONDS)
    return None


def step_rows(steps: list[Step]) -> list[dict[str, Any]]:
    """The steps as JSON has them; what is wrong by its id."""
    return [
        {
            "publication": one.place.publication,
            "listener": one.place.listener,
            "client": one.client,
            "asked": one.asked,
            "answer": one.answer,
            "then": one.effect,
            "finding": None if one.finding is None else str(one.finding.id),
        }
        for one in steps
    ]


def show_steps(steps: list[Step]) -> None:
    """A table for each publication at each listener."""
    places = list(dict.fromkeys((one.place.publication, one.place.listener) for one in steps))
    rows = step_rows(steps)
    for publication, listener in places:
        typer.echo(f"publication {publication} at listener {listener}, as clients see it:")
        own = [one for one in rows if (one["publication"], one["listener"]) == (publication, listener)]
        show_rows(own, COLUMNS, as_json=False)
        typer.echo("")
