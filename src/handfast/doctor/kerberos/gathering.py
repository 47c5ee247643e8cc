"""Gathers what the check looks at: from the settings, a domain controller, the keytab, DNS, and where asked a trial."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from handfast.doctor.kerberos.facts import KeytabKey, ResolvedName, Service, Setup, Trial, host_of
from handfast.doctor.kerberos.trial import TokenMaker, try_services
from handfast.identity.directory.domain_account import DomainAccount
from handfast.settings.model import Settings
from handfast.settings.publication import PublicationSettings


class DomainView(Protocol):
    """A domain controller, asked as the account that Handfast reads with. Each call raises: identity.ports.Unavailable."""

    async def find(self, name: str) -> DomainAccount | None:
        """By UPN or user name."""
        ...

    async def holders(self, spn: str) -> tuple[DomainAccount, ...]:
        """Accounts that hold an SPN, whatever its case."""
        ...

    async def clock_offset_seconds(self) -> float:
        """The domain controller's clock minus ours."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What other adapters do for the check. `read_keytab` gives its keys, or says why it can't."""

    domain: DomainView
    read_keytab: Callable[[], tuple[KeytabKey, ...] | str]
    make_token: TokenMaker
    resolve: Callable[[str], ResolvedName]


async def gather(settings: Settings, tools: Tools, *, login: str = "", servers_account: str = "") -> Setup:
    """All facts; the trial only for a `login`. Raises: identity.ports.Unavailable."""
    domain = tools.domain
    publications = kerberos_publications(settings)
    services = tuple(_service(one) for one in publications)
    principal, _, realm = settings.kerberos.principal.rpartition("@")
    keytab = tools.read_keytab()
    spns = {one.spn for one in services} | set(settings.kerberos.accept)
    holders = {spn.lower(): await domain.holders(spn) for spn in sorted(spns)}
    for spn in sorted({one.spn for one in services}):
        if not holders[spn.lower()] and spn.lower().startswith("http/"):
            holders[spn.lower()] = await domain.holders(_mapped(spn))
    names = {name for one in services for name in (one.host, *one.hosts)}
    names |= {host_of(spn) for spn in settings.kerberos.accept}
    return Setup(
        realm=realm,
        principal=principal,
        keytab_path=str(settings.kerberos.keytab),
        account=await domain.find(principal),
        keytab=() if isinstance(keytab, str) else keytab,
        keytab_problem=keytab if isinstance(keytab, str) else "",
        services=services,
        accepts=settings.kerberos.accept,
        holders=holders,
        names={name: tools.resolve(name) for name in sorted(names)},
        clock_offset_seconds=await domain.clock_offset_seconds(),
        servers_account=servers_account,
        trial=await _try(tools, login, publications) if login else None,
    )


async def _try(tools: Tools, login: str, publications: tuple[PublicationSettings, ...]) -> Trial:
    # In a thread: the trial waits for back ends, the token maker for the event loop.
    person = await tools.domain.find(login)
    return await asyncio.to_thread(try_services, login, person, publications, tools.make_token)


def kerberos_publications(settings: Settings) -> tuple[PublicationSettings, ...]:
    """Those that sign in behind by Kerberos."""
    return tuple(one for one in settings.publications if one.backend.auth == "kerberos")


def _service(publication: PublicationSettings) -> Service:
    hosts = tuple(dict.fromkeys(urlsplit(url).hostname or "" for url in publication.backend.urls))
    return Service(publication.name, publication.backend.spn, hosts)


def _mapped(spn: str) -> str:
    """What a KDC looks for where nobody holds an SPN of HTTP; machines hold HOST of their names. Source: MS-ADA3 (sPNMappings)."""
    return f"HOST/{host_of(spn)}"


def resolve(name: str) -> ResolvedName:
    """What this machine's resolver says of a name; nothing for one without an address."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except (OSError, UnicodeError):
        return ResolvedName()
    canonical = next((entry[3] for entry in found if entry[3]), "")
    addresses = frozenset(str(entry[4][0]) for entry in found)
    return ResolvedName("" if canonical in addresses else canonical, addresses)
