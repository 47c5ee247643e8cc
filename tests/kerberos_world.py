"""Kerberos opened against a real domain controller, as identity does it, and accounts to sign in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handfast.identity.directory.ports import DelegationRefused
from handfast.identity.records import Account, AccountId, AccountState, DirectoryFacts
from handfast.kerberos import Kerberos, open_kerberos
from handfast.settings.directory import KerberosSettings
from tests.servers.samba import REALM, DomainController

SPN = "HTTP/fe.contoso.lab"
BINDING = b"tls-server-end-point:" + bytes(range(32))
NOBODYS_SID = "S-1-5-21-1-2-3-1101"
_sids: dict[str, str] = {}
"""Of the domain's accounts, by name: every controller begins with a copy of the same one."""


def account(
    user: str, number: int | None = None, *, realm: str = REALM, is_delegable: bool = True, sid: str = ""
) -> Account:
    """As the mirror has it; with another `sid` than the domain's, as it has it too early or too late."""
    now = datetime.now(UTC)
    facts = DirectoryFacts(realm, now, is_delegable=is_delegable)
    account_id = AccountId(number if number is not None else sum(map(ord, user)))
    sid = sid or _sids.get(user.casefold(), NOBODYS_SID)
    return Account(account_id, user, "CONTOSO", "", AccountState.ENABLED, now, sid=sid, directory=facts)


@contextlib.asynccontextmanager
async def opened(
    dc: DomainController, runtime: Path, *, keytab: Path | None = None, kdcs: tuple[str, ...] = (), **more
) -> AsyncIterator[Kerberos]:
    values = {
        "keytab": keytab or dc.keytab("gw"),
        "principal": f"svc-gw@{REALM}",
        "kdcs": kdcs or (dc.address,),
        **more,
    }
    if not _sids:
        _sids.update(dc.sids())
    kerberos = open_kerberos(KerberosSettings(**values), runtime)
    assert kerberos is not None
    try:
        yield kerberos
    finally:
        await kerberos.close()


async def failure(kerberos: Kerberos, user: str | Account, spn: str = SPN) -> DelegationRefused:
    """How a sign-in that must not work ends."""
    who = account(user) if isinstance(user, str) else user
    with pytest.raises(DelegationRefused) as refused:
        await kerberos.delegation.sign_in(who, spn, b"")
    return refused.value
