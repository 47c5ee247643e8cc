"""Kerberos, in front and behind: what it needs is set where identity runs, and nothing of it where that does not. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from handfast.settings.gateway import ListenerSettings
from handfast.settings.problems import Problem, shown
from handfast.settings.publication import PublicationSettings

if TYPE_CHECKING:
    from handfast.settings.check import Draft

LARGE_HEAD_BYTES = 64 * 1024
"""A ticket of somebody in many groups takes 48 KiB and more, in Base64 a third more than that."""


def kerberos_problems(draft: Draft) -> Iterator[Problem]:
    """What keeps tickets from being got or taken."""
    for index, one in draft.publications:
        path = f"publication[{index}]"
        yield from _names_of_servers(draft, path, one)
        yield from _keys(draft, path, one)
        if "kerberos" in one.auth and draft.listeners and not _inside_listeners(draft, one):
            yield Problem(
                f"{path}.auth",
                shown(list(one.auth)),
                "Kerberos is taken on inside listeners alone, and it is published on none",
                "set inside = true for the listener that only the inside network reaches, or take kerberos out",
            )
    if not _is_identity_here(draft) and draft.kerberos is not None and draft.kerberos.keytab is not None:
        yield Problem(
            "kerberos.keytab",
            shown(str(draft.kerberos.keytab)),
            "identity runs on another machine, and only there a keytab has a place",
            "take [kerberos] out of this file, and remove the keytab from this machine",
        )


def _names_of_servers(draft: Draft, path: str, one: PublicationSettings) -> Iterator[Problem]:
    """Which service a ticket is for is identity's to say; a gateway apart from it need not know."""
    backend = one.backend
    if backend.auth == "kerberos" and not backend.spn and _is_identity_here(draft):
        yield Problem(
            f"{path}.backend.spn",
            "",
            'auth = "kerberos" needs the servers\' service principal name',
            'set it, e.g. "HTTP/mail.contoso.lab"; one account must hold it that all servers share',
        )
    if backend.auth != "kerberos" and backend.spn:
        yield Problem(
            f"{path}.backend.spn",
            shown(backend.spn),
            f'is not looked at with auth = "{backend.auth}"',
            'set auth = "kerberos", or take it out',
        )


def _keys(draft: Draft, path: str, one: PublicationSettings) -> Iterator[Problem]:
    """Where identity runs elsewhere its keys are there."""
    kerberos = draft.kerberos
    if kerberos is None or not _is_identity_here(draft):
        return
    behind = one.backend.auth == "kerberos"
    if kerberos.keytab is None and (behind or "kerberos" in one.auth):
        yield Problem(
            "kerberos.keytab",
            "",
            f"{path}{'.backend' if behind else ''}.auth wants Kerberos, and there is no keytab",
            "name the keytab of the service account (`handfast kerberos check` prints how to make it)",
        )
    if behind and not kerberos.principal:
        yield Problem(
            "kerberos.principal",
            "",
            f"{path}.backend.auth wants Kerberos, and no service account is named",
            'name the account that may delegate, e.g. "svc-handfast@CONTOSO.LAB"',
        )


def kerberos_warnings(draft: Draft) -> Iterator[Problem]:
    """What works without one of the protections that Kerberos could have, or for hardly anybody."""
    for index, one in draft.publications:
        path = f"publication[{index}]"
        if one.backend.auth == "kerberos":
            yield from _unbound_tickets(path, one)
            if draft.directory is not None and not draft.directory.servers and _is_identity_here(draft):
                yield Problem(
                    f"{path}.backend.auth",
                    shown(one.backend.auth),
                    "there is no directory, so no account is one of a realm: nobody can be signed in",
                    "name the domain's controllers under [directory]",
                )
        if "kerberos" in one.auth:
            for place, listener in _inside_listeners(draft, one):
                yield from _unfit_listener(f"listener[{place}]", listener)


def _is_identity_here(draft: Draft) -> bool:
    return draft.gateway is None or draft.gateway.identity is None


def _unbound_tickets(path: str, one: PublicationSettings) -> Iterator[Problem]:
    for place, url in enumerate(one.backend.urls):
        if url.startswith("http://"):
            yield Problem(
                f"{path}.backend.urls[{place}]",
                shown(url),
                "without TLS tickets are bound to no connection, and nothing but them proves the server",
                "use https",
            )


def _unfit_listener(path: str, listener: ListenerSettings) -> Iterator[Problem]:
    if listener.behind_http_proxy:
        yield Problem(
            f"{path}.behind_http_proxy",
            "true",
            "Kerberos is refused there: a connection through an HTTP proxy is not the client's own",
            "put a TCP balancer with PROXY protocol in front",
        )
    elif listener.max_head_bytes < LARGE_HEAD_BYTES:
        yield Problem(
            f"{path}.max_head_bytes",
            shown(listener.max_head_bytes),
            "tickets of people in many groups are larger than that",
            "set max_head_bytes = 98304",
        )


def _inside_listeners(draft: Draft, one: PublicationSettings) -> list[tuple[int, ListenerSettings]]:
    """The inside listeners that it is published on, with their places."""
    return [
        (place, listener)
        for place, listener in draft.listeners
        if listener.inside and (not one.listeners or listener.name in one.listeners)
    ]
