"""Looks at every domain controller of the settings, each alone: reached, verified, bound, read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from cryptography import x509

from handfast.directory.controllers import Controller, Link
from handfast.directory.findings import Seen, Step
from handfast.directory.own_account import OwnAccount
from handfast.directory.password_settings import read_all
from handfast.directory.reading import read_domain, sees_deleted
from handfast.directory.scope import Scope
from handfast.directory.session import BindRefused, CertificateRefused
from handfast.identity.ports import Unavailable

BIND_PATIENCE_SECONDS = 120.0
"""How long a controller waits while others are asked about the password: each of them answers within its own timeout."""


async def examine(controllers: Sequence[Controller], account: OwnAccount, scope: Scope) -> list[Seen]:
    """All at the same time, in the order given."""
    return await asyncio.gather(*(_examine_one(one, account, scope) for one in controllers))


async def reach(controller: Controller) -> Seen:
    """One controller without signing in."""
    name = controller.address.name
    try:
        async with controller.link(None) as link:
            certificate = await link.call(lambda session: session.peer_certificate())
            return Seen(name, Step.DONE, certificate_ends=_end_of(certificate))
    except CertificateRefused as refused:
        return Seen(name, Step.CERTIFICATE, str(refused))
    except Unavailable as failure:
        return Seen(name, Step.CONNECT, str(failure))


async def _examine_one(controller: Controller, account: OwnAccount, scope: Scope) -> Seen:
    name = controller.address.name
    began = time.monotonic()
    step = Step.CONNECT
    ends = None
    try:
        async with controller.link(None) as link:
            step = Step.BIND
            ends = _end_of(await link.call(lambda session: session.peer_certificate()))
            await account.sign_in(partial(_send, link, account.user), BIND_PATIENCE_SECONDS)
            step = Step.READ
            return await _read(link, scope, began, ends)
    except CertificateRefused as refused:
        return Seen(name, Step.CERTIFICATE, str(refused))
    except BindRefused as refused:
        return Seen(name, Step.BIND, str(refused), certificate_ends=ends)
    except Unavailable as failure:
        return Seen(name, step, str(failure), certificate_ends=ends)


async def _send(link: Link, user: str, password: str) -> None:
    await link.call(lambda session: session.sign_in(user, password))


async def _read(link: Link, scope: Scope, began: float, ends: datetime | None) -> Seen:
    domain = await read_domain(link)
    seconds = time.monotonic() - began
    skew = domain.root.now - datetime.now(UTC).replace(microsecond=0)
    base = scope.within(domain.root.naming_context)
    has_base = await link.read(base, ("objectClass",)) is not None
    has_accounts = False
    if has_base:
        page = await link.page(base, scope.query(), ("objectSid",), page_size=1)
        has_accounts = bool(page.entries)
    is_told = await sees_deleted(link, domain.root.naming_context)
    return Seen(
        link.name,
        Step.DONE,
        seconds=round(seconds, 3),
        certificate_ends=ends,
        domain=domain,
        skew=skew,
        has_base=has_base,
        has_accounts=has_accounts,
        policies=await read_all(link, domain.root.naming_context),
        sees_deleted=is_told,
    )


def _end_of(certificate: bytes) -> datetime | None:
    return x509.load_der_x509_certificate(certificate).not_valid_after_utc if certificate else None
