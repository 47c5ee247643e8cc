"""`handfast kerberos check`, composed: the directory, the keytab and tickets, in one event loop of its own."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from handfast.directory.controllers import Controllers
from handfast.directory.opening import open_account, open_controllers
from handfast.directory.own_account import OwnAccount, RefusalRecord
from handfast.directory.service_accounts import ServiceAccounts
from handfast.doctor.kerberos.facts import KeytabKey, Setup
from handfast.doctor.kerberos.gathering import Tools, gather, kerberos_publications, resolve
from handfast.doctor.kerberos.trial import NoTicket
from handfast.identity.directory.domain_account import DomainAccount
from handfast.identity.directory.ports import Delegation, DelegationRefused
from handfast.identity.records import Account, AccountId, AccountState, DirectoryFacts
from handfast.kerberos.key_table import read_key_table
from handfast.kerberos.opening import open_kerberos
from handfast.kerberos.setup_error import KerberosSetupError
from handfast.observability.logging import without_events
from handfast.settings.directory import KerberosSettings
from handfast.settings.model import Settings


def look(
    settings: Settings, login: str, servers_account: str, refusals: RefusalRecord | None = None
) -> Setup:
    """All facts; with `login` also a trial. Raises: Unavailable, DirectorySetupError."""
    account = open_account(settings.directory, refusals)
    with tempfile.TemporaryDirectory(prefix="handfast-kerberos-") as folder, without_events():
        return asyncio.run(_look(settings, login, servers_account, account, Path(folder)))


async def _look(
    settings: Settings, login: str, servers_account: str, account: OwnAccount, folder: Path
) -> Setup:
    controllers = Controllers(open_controllers(settings.directory), account)
    kerberos, problem = None, "`kerberos.principal` is not set"
    if login and kerberos_publications(settings):
        try:
            kerberos = open_kerberos(settings.kerberos, folder)
        except KerberosSetupError as error:
            # What is wrong with a keytab is found all the same, with everything else.
            problem = str(error)
    delegation = None if kerberos is None else kerberos.delegation
    tickets = _Tickets(delegation, problem, settings, asyncio.get_running_loop())
    try:
        tools = Tools(
            domain=ServiceAccounts(controllers, lambda: datetime.now(UTC)),
            read_keytab=lambda: _read_keytab(settings.kerberos),
            make_token=tickets.make,
            resolve=resolve,
        )
        return await gather(settings, tools, login=login, servers_account=servers_account)
    finally:
        controllers.close()
        if kerberos is not None:
            await kerberos.close()


class _Tickets:
    """Tokens for the trial, which runs in a thread and waits for this loop."""

    def __init__(
        self,
        delegation: Delegation | None,
        problem: str,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`problem` says why there is no `delegation`."""
        self._delegation = delegation
        self._problem = problem
        self._realm = settings.kerberos.principal.rpartition("@")[2]
        self._loop = loop

    def make(self, person: DomainAccount, spn: str, channel_binding: bytes) -> bytes:
        """Raises: NoTicket."""
        if self._delegation is None:
            raise NoTicket(self._problem)
        asked = self._delegation.sign_in(self._account(person), spn, channel_binding)
        try:
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result().token
        except DelegationRefused as refusal:
            raise NoTicket(f"{refusal.failure.value}: {refusal.detail}") from None

    def _account(self, person: DomainAccount) -> Account:
        """As the mirror would have it, and whatever it says: the KDC shall speak for itself."""
        now = datetime.now(UTC)
        facts = DirectoryFacts(realm=self._realm, read_at=now)
        return Account(
            AccountId(0), person.name, "", "", AccountState.ENABLED, now, sid=person.sid, directory=facts
        )


def _read_keytab(settings: KerberosSettings) -> tuple[KeytabKey, ...] | str:
    assert settings.keytab is not None
    try:
        entries = read_key_table(settings.keytab)
    except KerberosSetupError as problem:
        return str(problem)
    return tuple(KeytabKey(str(one.principal), one.kvno, one.enctype) for one in entries)
