"""Sign-ins behind by Kerberos, tokens a second: cold (the KDC is asked twice for each) and warm (the ticket is there).

In one process, as identity holds it, against a real KDC (Samba's, one process); eight at a time, no gateway, no HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import handfast_subject as ours
from benchmarks.domain import domain_of
from benchmarks.driver import LoadFailed, Scale
from benchmarks.people import name_of
from benchmarks.results import Figure
from benchmarks.rounds import Rounds
from handfast.identity.directory.ports import Delegation, DelegationRefused
from handfast.identity.records import Account, AccountId, AccountState, DirectoryFacts
from handfast.kerberos import KerberosSetupError, open_kerberos
from handfast.settings.directory import KerberosSettings
from tests.servers import gssapi_peer
from tests.servers.processes import server_directory
from tests.servers.samba import DomainController
from tests.servers.samba_domain import DOMAIN, REALM

SPN = "HTTP/fe.contoso.lab"
BINDING = b"tls-server-end-point:" + bytes(range(32))
AT_ONCE = 8
WARM_EACH = 8
"""Warm tokens for each cold one: they cost a fraction."""
PATIENCE_SECONDS = 10.0


def measure(scale: Scale) -> Iterator[Figure]:
    """Other people each round: they are cold once."""
    cold, warm = Rounds("ticket-cold", "tokens/s"), Rounds("ticket-warm", "tokens/s")
    count = scale.tickets * scale.rounds
    before = gssapi_peer.environment()
    try:
        with domain_of(count) as dc, server_directory("tickets") as folder:
            sids = dc.sids()
            people = [_account(number, sids[name_of(number).casefold()]) for number in range(count)]
            asyncio.run(_measure(dc, folder, people, scale, cold, warm))
    except (KerberosSetupError, LoadFailed) as error:
        for rounds in (cold, warm):
            rounds.miss(ours.NAME, str(error))
    finally:
        gssapi_peer.restore(before)
    yield from cold.figures()
    yield from warm.figures()


async def _measure(
    dc: DomainController, folder: Path, people: list[Account], scale: Scale, cold: Rounds, warm: Rounds
) -> None:
    """Raises: KerberosSetupError, LoadFailed."""
    keytab = dc.keytab("gw")
    keytab.chmod(0o600)
    settings = KerberosSettings(
        keytab=keytab, principal=f"svc-gw@{REALM}", kdcs=(dc.address,), deadline_seconds=PATIENCE_SECONDS
    )
    kerberos = open_kerberos(settings, folder)
    assert kerberos is not None
    assert kerberos.delegation is not None
    try:
        for number in range(scale.rounds):
            part = people[number * scale.tickets : (number + 1) * scale.tickets]
            cold.add(ours.NAME, await tokens_a_second(kerberos.delegation, part))
            warm.add(ours.NAME, await tokens_a_second(kerberos.delegation, part * WARM_EACH))
    finally:
        await kerberos.close()


async def tokens_a_second(delegation: Delegation, people: Sequence[Account]) -> float:
    """One token for each of them. Raises: LoadFailed."""
    waiting = iter(people)

    async def sign_in_on() -> None:
        for account in waiting:
            await delegation.sign_in(account, SPN, BINDING)

    began = time.perf_counter()
    try:
        await asyncio.gather(*(sign_in_on() for _ in range(AT_ONCE)))
    except DelegationRefused as refused:
        raise LoadFailed(str(refused)) from refused
    return len(people) / (time.perf_counter() - began)


def _account(number: int, sid: str) -> Account:
    now, name = datetime.now(UTC), name_of(number)
    facts = DirectoryFacts(REALM, now)
    return Account(
        AccountId(number + 1), name, DOMAIN, "", AccountState.ENABLED, now, sid=sid, directory=facts
    )
