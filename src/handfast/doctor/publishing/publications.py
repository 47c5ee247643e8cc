"""Every publication of the settings, at every listener it is published on, seen as clients see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509

from handfast.doctor.certificates import load_chain
from handfast.doctor.examination import pairs_of
from handfast.doctor.publishing.journey import follow_redirect, walk
from handfast.doctor.publishing.questions import Login
from handfast.doctor.publishing.steps import Explain, Place, Step
from handfast.doctor.publishing.visit import Visitor
from handfast.settings.gateway import ListenerSettings
from handfast.settings.model import Settings
from handfast.settings.publication import PublicationSettings
from handfast.settings.values import split_address


@dataclass(frozen=True, slots=True)
class Client:
    """How to look: signed in as `login`, trusting `ca_file` beside the system's roots; `explain` says why one was refused."""

    login: Login | None = None
    ca_file: Path | None = None
    explain: Explain = lambda _: None


def examine_publishing(settings: Settings, client: Client, now: datetime | None = None) -> Iterator[Step]:
    """All steps, publication by publication. `now` is for tests."""
    at = now or datetime.now(UTC)
    redirecting = {name for one in settings.publications for name in one.redirect_listeners}
    for publication in settings.publications:
        for listener in settings.listeners:
            place = place_of(publication, listener)
            is_shown = not publication.listeners or listener.name in publication.listeners
            if listener.name in publication.redirect_listeners:
                yield from follow_redirect(place, _visitor(listener, client).ask)
            elif is_shown and listener.name not in redirecting:
                yield from _examine(place, publication, listener, client, at)


def _examine(
    place: Place, publication: PublicationSettings, listener: ListenerSettings, client: Client, now: datetime
) -> Iterator[Step]:
    own = address_of(listener)[0]
    if publication.networks and not _is_in(own, publication.networks):
        effect = "look from one of the networks: `networks` does not hold this machine"
        yield Step(place, "all", f"listener {listener.name}", f"not asked from {own}", effect)
        return
    ask = _visitor(listener, client).ask
    yield from walk(place, ask, now=now, login=client.login, explain=client.explain)


def place_of(publication: PublicationSettings, listener: ListenerSettings) -> Place:
    """The names clients are told, as far as they are this publication's; else taken from `hosts`, as the gateway does."""
    told, hosts = publication.autodiscover, publication.hosts
    named = next((host for host in hosts if host.startswith("autodiscover.")), hosts[0])
    place = Place(
        publication.name, listener.name, hosts, is_exchange=False, finder=hosts[0], activesync=hosts[0],
        ews=hosts[0], mapi=hosts[0], told=frozenset(hosts), chains=_chains(listener),
    )  # fmt: skip
    if publication.kind != "exchange":
        return place
    finder = told.host if told.host in hosts else named
    main = next((host for host in hosts if host != finder), finder)
    activesync, ews, mapi = (
        # What is published by other means (`other_hosts`) is not ours to ask.
        host if host in hosts else main
        for host in (told.activesync_host, told.ews_host, told.mapi_host)
    )
    return replace(
        place,
        is_exchange=True,
        finder=finder,
        activesync=activesync,
        ews=ews,
        mapi=mapi,
        told=frozenset({*hosts, *told.other_hosts}),
        mail_domains=told.mail_domains,
    )


def address_of(listener: ListenerSettings) -> tuple[str, int]:
    """Where this machine itself reaches a listener: on every address means on loopback as well."""
    host, port = split_address(listener.address)
    address = ip_address(host)
    if address.is_unspecified:
        return ("127.0.0.1" if address.version == 4 else "::1"), port
    return host, port


def _visitor(listener: ListenerSettings, client: Client) -> Visitor:
    address = address_of(listener)
    return Visitor(
        address,
        is_tls=listener.certificate is not None,
        ca_file=client.ca_file,
        # We come from the address we go to.
        is_balancer=_is_in(address[0], listener.proxy_protocol_from),
    )


def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    return any(ip_address(address) in ip_network(network) for network in networks)


def _chains(listener: ListenerSettings) -> tuple[tuple[x509.Certificate, ...], ...]:
    """Those that can be read; of the others the examination of the files speaks."""
    found = []
    for file, _ in pairs_of(listener):
        try:
            found.append(load_chain(file.read_bytes()))
        except (OSError, ValueError):
            continue
    return tuple(found)
