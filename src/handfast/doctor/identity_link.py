"""Looks at the link between a gateway node and identity on another machine: its files, then one call by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from handfast.doctor import probes
from handfast.doctor.findings import Finding, FindingId, Severity, error
from handfast.doctor.identity_call import BuildContext, call_identity, node_renewal
from handfast.doctor.nodes import (
    LinkFiles,
    ParseNode,
    check_identity_names,
    check_key_mode,
    check_link_files,
    check_node_names,
)
from handfast.settings.gateway import IdentityLink
from handfast.settings.identity import IdentityListen
from handfast.settings.model import Settings
from handfast.settings.values import split_address

ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - nothing listens here; these are the addresses nobody can call


@dataclass(frozen=True, slots=True)
class LinkTools:
    """What the node PKI's own code does for the doctor."""

    parse_node: ParseNode
    build_context: BuildContext


def examine_links(settings: Settings, tools: LinkTools, now: datetime) -> Iterator[Finding]:
    """Both ends, where this machine has them."""
    listen, link = settings.identity.listen, settings.gateway.identity
    if listen is not None and link is None:
        yield from _examine_identity(listen, now)
    if link is not None:
        found = list(_examine_node(settings, link, tools, now))
        yield from found
        # Without sound files the call fails for a reason that was just told.
        if all(one.severity is not Severity.ERROR for one in found):
            yield from call_identity(settings, link, tools.build_context)


def _examine_identity(listen: IdentityListen, now: datetime) -> Iterator[Finding]:
    address, _ = split_address(listen.address)
    host = "NAME" if address in ANYWHERE else address
    command = f"`handfast pki issue identity --identity --host {host} --into DIR`"
    where = "[identity.listen]"
    read = _read(where, listen, f"{command}, put both files in place and restart identity")
    if isinstance(read, Finding):
        yield read
        return
    found = list(check_link_files(read, now))
    yield from found
    yield from _rights(where, listen.key)
    if _is_readable(found):
        yield from check_identity_names(read)


def _examine_node(
    settings: Settings, link: IdentityLink, tools: LinkTools, now: datetime
) -> Iterator[Finding]:
    publications = [one.name for one in settings.publications]
    where = "[gateway.identity]"
    read = _read(where, link, node_renewal(settings.gateway.node, publications))
    if isinstance(read, Finding):
        yield read
        return
    found = list(check_link_files(read, now))
    yield from found
    yield from _rights(where, link.key)
    if _is_readable(found):
        yield from check_node_names(read, settings.gateway.node, publications, tools.parse_node)


def _is_readable(found: list[Finding]) -> bool:
    return all(one.id is not FindingId.NODE_CERTIFICATE_UNREADABLE for one in found)


def _read(where: str, files: IdentityListen | IdentityLink, renewal: str) -> LinkFiles | Finding:
    try:
        return LinkFiles(
            where, files.certificate.read_bytes(), files.key.read_bytes(), files.ca_file.read_bytes(), renewal
        )
    except OSError as problem:
        said = f"{where}: {problem.filename}: {problem.strerror}"
        remedy = f"correct the path, or run the doctor as root; to make it anew: {renewal}"
        return error(FindingId.NODE_CERTIFICATE_UNREADABLE, said, remedy)


def _rights(where: str, key: Path) -> Iterator[Finding]:
    rights = probes.file_rights(key)
    if rights is not None:
        yield from check_key_mode(where, key, rights.chain[0][2])
