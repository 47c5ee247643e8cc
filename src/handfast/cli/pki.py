"""`handfast pki`: certificates for gateways on other machines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from handfast.cli.connection import administer
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import cell, plain, show_done, show_json, show_rows
from handfast.settings.load import load_settings

commands = typer.Typer(name="pki", help="Certificates of gateway nodes.", no_args_is_help=True)
COLUMNS = ("name", "serial", "first_seen_at", "last_seen_at", "revoked_at")
DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory", metavar="DIR", help="Folder of the node CA.", show_default="pki beside the key file"
    ),
]


def _folder(directory: Path | None, settings: Path | None) -> Path:
    return directory or load_settings(settings).settings.identity.key_file.parent / "pki"


@commands.command("init")
def init(
    directory: DirectoryOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> None:
    """Make the node CA. Its key stays on identity's machine."""
    from handfast.keys import pki  # noqa: PLC0415 - loads cryptography

    made = pki.init(_folder(directory, settings), now=datetime.now(UTC))
    show_done(
        f"node CA: {made.certificate} (give this to nodes), {made.key} (keep it here)", made, as_json=as_json
    )


@commands.command("issue")
def issue(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Node name, as in `gateway.node`.", show_default=False)
    ],
    publication: Annotated[
        list[str] | None, typer.Option(help="A publication the node serves; repeatable.")
    ] = None,
    identity: Annotated[bool, typer.Option("--identity", help="A certificate for identity itself.")] = False,
    host: Annotated[
        list[str] | None,
        typer.Option(help="With --identity: a name or address nodes call it by; repeatable."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650)] = 365,
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", show_default="the CA's folder")
    ] = None,
    directory: DirectoryOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Issue the certificate of a gateway node, or of identity."""
    from handfast.keys import pki  # noqa: PLC0415 - loads cryptography

    made = pki.issue(
        _folder(directory, settings),
        name,
        now=datetime.now(UTC),
        publications=tuple(publication or ()),
        identity=identity,
        hosts=tuple(host or ()),
        days=days,
        into=into,
    )
    said = f"{made.certificate} and {made.key}, valid until {made.not_after:%Y-%m-%d}"
    show_done(said, made, as_json=as_json)


@commands.command("revoke-node")
def revoke_node(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    unseen: Annotated[
        bool,
        typer.Option("--unseen", help="Also a node that never connected: its name is refused from now on."),
    ] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut a node off now, and list what it saw: app passwords to issue anew."""
    more = {"unseen": True} if unseen else {}
    result = plain(administer(settings, "node_revoke", name=name, **more))
    if as_json:
        show_json({"done": True} if result is None else result)
        return
    typer.echo(f"{cell(name)} is revoked; its connections are cut")
    seen = result.get("saw") if isinstance(result, dict) else None
    if isinstance(seen, list) and seen and all(isinstance(one, dict) for one in seen):
        typer.echo("It saw these app passwords; revoke them and issue new ones:")
        show_rows(seen, tuple(seen[0]), as_json=False)


@commands.command("list")
def list_(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List the nodes that have shown a certificate."""
    show_rows(administer(settings, "node_list"), COLUMNS, as_json=as_json, empty="no nodes yet")
