"""What no single value can tell: names that must be unique or exist, settings that contradict each other. Pure.

The checks run over a `Draft`, which holds the parts of a file that are sound in themselves, so that a typing error
in one listener hides nothing that is wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from handfast.settings.access import AccessSettings, RoleSettings
from handfast.settings.check_access import access_problems, access_warnings
from handfast.settings.check_directory import directory_warnings
from handfast.settings.check_empty import empty_list_problems
from handfast.settings.check_kerberos import kerberos_problems, kerberos_warnings
from handfast.settings.check_redirects import redirect_problems, redirecting_listeners
from handfast.settings.directory import DirectorySettings, KerberosSettings
from handfast.settings.gateway import GatewaySettings, ListenerSettings
from handfast.settings.identity import IdentitySettings
from handfast.settings.model import Settings
from handfast.settings.operations import MetricsSettings
from handfast.settings.problems import Problem, shown
from handfast.settings.publication import PolicySettings, PublicationSettings
from handfast.settings.values import split_address

IIS_IDLE_SECONDS = 120.0
"""IIS closes idle connections after this by default; a pooled one that lives as long loses requests."""
PING_SECONDS = 900.0
"""Phones commonly let a Ping hang for at least so long."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The sound parts of a file, with their place in its arrays, and every name, sound or not."""

    listeners: tuple[tuple[int, ListenerSettings], ...]
    publications: tuple[tuple[int, PublicationSettings], ...]
    policies: tuple[tuple[int, PolicySettings], ...]
    listener_names: frozenset[str]
    policy_names: frozenset[str]
    gateway: GatewaySettings | None
    identity: IdentitySettings | None
    metrics: MetricsSettings | None
    publication_names: frozenset[str] = frozenset()
    access: tuple[tuple[int, AccessSettings], ...] = ()
    roles: tuple[tuple[int, RoleSettings], ...] = ()
    directory: DirectorySettings | None = None
    kerberos: KerberosSettings | None = None


def draft_of(settings: Settings) -> Draft:
    """The draft of a whole, sound model."""
    return Draft(
        tuple(enumerate(settings.listeners)),
        tuple(enumerate(settings.publications)),
        tuple(enumerate(settings.policies)),
        frozenset(one.name for one in settings.listeners),
        frozenset(one.name for one in settings.policies),
        settings.gateway,
        settings.identity,
        settings.metrics,
        frozenset(one.name for one in settings.publications),
        tuple(enumerate(settings.access)),
        tuple(enumerate(settings.roles)),
        settings.directory,
        settings.kerberos,
    )


def find_problems(draft: Draft) -> list[Problem]:
    """Everything that keeps these settings from being used."""
    return [
        *_unique_names(draft),
        *_addresses(draft),
        *_listeners(draft),
        *_references(draft),
        *_published_hosts(draft),
        *_backends(draft),
        *redirect_problems(draft),
        *access_problems(draft),
        *empty_list_problems(draft),
        *kerberos_problems(draft),
        *_told_names(draft),
        *_phone_methods(draft),
        *_mapped_paths(draft),
    ]


def find_warnings(draft: Draft) -> list[Problem]:
    """What works, but hardly as its author meant it."""
    return [
        *_plain_backends(draft),
        *_proxied_ntlm(draft),
        *_odd_timeouts(draft),
        *_nothing_served(draft),
        *access_warnings(draft),
        *kerberos_warnings(draft),
        *directory_warnings(draft),
    ]


def _unique_names(draft: Draft) -> Iterator[Problem]:
    arrays = (
        ("listener", draft.listeners),
        ("publication", draft.publications),
        ("policy", draft.policies),
        ("access", draft.access),
    )
    for array, items in arrays:
        first: dict[str, int] = {}
        for index, item in items:
            if item.name in first:
                yield Problem(
                    f"{array}[{index}].name",
                    shown(item.name),
                    f"{array}[{first[item.name]}] has that name too",
                    "give each its own name",
                )
            first.setdefault(item.name, index)


def _addresses(draft: Draft) -> Iterator[Problem]:
    named = [(f"listener[{index}].address", one.address) for index, one in draft.listeners]
    if draft.identity and draft.identity.listen:
        named.append(("identity.listen.address", draft.identity.listen.address))
    if draft.metrics and draft.metrics.address:
        named.append(("metrics.address", draft.metrics.address))
    taken: dict[tuple[str, int], str] = {}
    for path, text in named:
        host, port = split_address(text)
        for other_host in (host, *_overlapping(host, taken, port)):
            other = taken.get((other_host, port)) if port else None
            if other is not None:
                yield Problem(
                    path, shown(text), f"{other} has that address too", "use another address or port"
                )
                break
        taken.setdefault((host, port), path)


def _overlapping(host: str, taken: dict[tuple[str, int], str], port: int) -> list[str]:
    """Addresses of the same family that collide with `host` because one of the two is the wildcard."""
    address = ip_address(host)
    same = [one for one, its_port in taken if its_port == port and ip_address(one).version == address.version]
    return [one for one in same if address.is_unspecified or ip_address(one).is_unspecified]


def _listeners(draft: Draft) -> Iterator[Problem]:
    redirecting = redirecting_listeners(draft)
    for index, one in draft.listeners:
        path = f"listener[{index}]"
        if (one.certificate is None) != (one.key is None):
            missing = "key" if one.key is None else "certificate"
            yield Problem(
                f"{path}.{missing}", "", "certificate and key go together", f"set {missing} as well"
            )
        elif one.name in redirecting:
            continue
        elif one.certificate is None and not ip_address(split_address(one.address)[0]).is_loopback:
            yield Problem(
                f"{path}.certificate",
                "",
                "without a certificate passwords would cross the network in the clear",
                "set certificate and key, or listen on 127.0.0.1 behind a TLS front on this machine",
            )
        if one.certificate is None and one.more_certificates:
            yield Problem(
                f"{path}.more_certificates", "", "needs a first certificate", "set certificate and key"
            )


def _references(draft: Draft) -> Iterator[Problem]:
    for index, one in draft.publications:
        path = f"publication[{index}]"
        if one.policy not in draft.policy_names:
            known = ", ".join(sorted(draft.policy_names)) or "none"
            yield Problem(
                f"{path}.policy",
                shown(one.policy),
                "no policy has that name",
                f'add [[policy]] name = "{one.policy}", or use one of: {known}',
            )
        for place, name in enumerate(one.listeners):
            if name not in draft.listener_names:
                known = ", ".join(sorted(draft.listener_names)) or "none"
                yield Problem(
                    f"{path}.listeners[{place}]",
                    shown(name),
                    "no listener has that name",
                    f"use one of: {known}",
                )


def _published_hosts(draft: Draft) -> Iterator[Problem]:
    first: dict[tuple[str, str], str] = {}
    for index, one in draft.publications:
        said: set[str] = set()
        for listener in one.listeners or tuple(sorted(draft.listener_names)) or ("",):
            for place, host in enumerate(one.hosts):
                path = f"publication[{index}].hosts[{place}]"
                other = first.setdefault((listener, host), path)
                if other != path and path not in said:
                    said.add(path)
                    yield Problem(
                        path,
                        shown(host),
                        f"{other} is the same host on the same listener",
                        "publish a host once a listener",
                    )


def _mapped_paths(draft: Draft) -> Iterator[Problem]:
    """Each path has one name outside and one inside, or nobody could map it back."""
    for index, one in draft.publications:
        for key in ("published", "path"):
            seen: set[str] = set()
            for number, mapped in enumerate(one.paths):
                path = getattr(mapped, key).lower()
                if path in seen:
                    yield Problem(
                        f"publication[{index}].path[{number}].{key}",
                        shown(path),
                        "is mapped twice",
                        "map each path once",
                    )
                seen.add(path)


def _told_names(draft: Draft) -> Iterator[Problem]:
    """A name that clients outside are told must be one they can reach."""
    for index, one in draft.publications:
        told, path = one.autodiscover, f"publication[{index}].autodiscover"
        reachable = {*one.hosts, *told.other_hosts}
        named = [(key, getattr(told, key)) for key in type(told).model_fields if key.endswith("host")]
        mapped = [(f"mapping[{name!r}]", target) for name, target in told.mapping.items()]
        for key, value in (*named, *mapped):
            host = (urlsplit(value).hostname or "") if "://" in value else value
            if value and host.lower() not in reachable:
                yield Problem(
                    f"{path}.{key}",
                    shown(value),
                    "clients would be sent to a name that is not published here",
                    "name one of this publication's hosts, or add it to other_hosts",
                )


def _phone_methods(draft: Draft) -> Iterator[Problem]:
    for index, one in draft.publications:
        lacking = sorted(set(one.activesync_auth) - set(one.auth))
        if one.kind == "exchange" and lacking:
            yield Problem(
                f"publication[{index}].activesync_auth",
                shown(list(one.activesync_auth)),
                f"phones would be offered {', '.join(lacking)}, which `auth` does not take",
                f'add "{lacking[0]}" to auth, or take it out here',
            )


def _backends(draft: Draft) -> Iterator[Problem]:
    for index, one in draft.publications:
        path = f"publication[{index}].backend"
        backend = one.backend
        if backend.verify == "pin-sha256" and not backend.pin_sha256:
            yield Problem(
                f"{path}.pin_sha256",
                "",
                'verify = "pin-sha256" needs at least one fingerprint',
                'set it, or use verify = "ca" with ca_file',
            )
        if backend.verify == "ca" and backend.pin_sha256:
            yield Problem(
                f"{path}.pin_sha256",
                "",
                'fingerprints are not looked at with verify = "ca"',
                'set verify = "pin-sha256", or take them out',
            )
        if backend.auth == "stored" and _is_split(draft):
            yield Problem(
                f"{path}.auth",
                shown(backend.auth),
                "stored secrets are for one machine; here gateway and identity are apart",
                'use auth = "header" or "none", or run both by `handfast serve`',
            )


def _is_split(draft: Draft) -> bool:
    far = draft.gateway is not None and draft.gateway.identity is not None
    return far or (draft.identity is not None and draft.identity.listen is not None)


def _plain_backends(draft: Draft) -> Iterator[Problem]:
    for index, one in draft.publications:
        for place, url in enumerate(one.backend.urls):
            parts = urlsplit(url)
            if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
                yield Problem(
                    f"publication[{index}].backend.urls[{place}]",
                    shown(url),
                    "requests, sign-ins and mail reach the back end in the clear",
                    "use https, unless that network carries nothing else",
                )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _proxied_ntlm(draft: Draft) -> Iterator[Problem]:
    proxied = {one.name for _, one in draft.listeners if one.behind_http_proxy}
    for index, one in draft.publications:
        shown_on = sorted(proxied & (set(one.listeners) or draft.listener_names))
        if "ntlm" in one.auth and shown_on:
            yield Problem(
                f"publication[{index}].auth",
                shown(list(one.auth)),
                f"NTLM is refused on listener {', '.join(shown_on)}, which stands behind an HTTP proxy",
                "put a TCP balancer with PROXY protocol there, or publish with basic alone",
            )


def _odd_timeouts(draft: Draft) -> Iterator[Problem]:
    for index, listener in draft.listeners:
        if listener.head_timeout_seconds > 300:
            yield Problem(
                f"listener[{index}].head_timeout_seconds",
                shown(listener.head_timeout_seconds),
                "lets slow clients hold connections for long",
                "20 seconds are enough for any phone",
            )
    for index, one in draft.publications:
        path = f"publication[{index}].backend"
        if one.backend.idle_seconds >= IIS_IDLE_SECONDS:
            yield Problem(
                f"{path}.idle_seconds",
                shown(one.backend.idle_seconds),
                "Exchange ends idle connections after 120 seconds; requests may be lost in between",
                "keep it well below the server's own timeout",
            )
        if one.backend.answer_timeout_seconds < PING_SECONDS:
            yield Problem(
                f"{path}.answer_timeout_seconds",
                shown(one.backend.answer_timeout_seconds),
                "a phone's Ping hangs longer than that",
                "3660 fits the longest heartbeat a phone may ask for",
            )


def _nothing_served(draft: Draft) -> Iterator[Problem]:
    if not draft.publications:
        yield Problem("publication", "", "nothing is published", "add a [[publication]]")
    if not draft.listeners and not (draft.identity and draft.identity.listen):
        yield Problem("listener", "", "nothing listens", "add a [[listener]]")
