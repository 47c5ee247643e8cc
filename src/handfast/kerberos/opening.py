"""Kerberos, opened from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from handfast.kerberos.acceptance import KerberosAcceptance
from handfast.kerberos.delegation import KerberosDelegation
from handfast.kerberos.key_table import KeyTableFile
from handfast.kerberos.krb5_conf import CONF_NAME, KdcOrder, render_krb5_conf, set_environment
from handfast.kerberos.mechanism import Mechanism
from handfast.kerberos.needed_keys import NeededKeys
from handfast.kerberos.service_account import ServiceKeys
from handfast.kerberos.setup_error import KerberosSetupError
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.kerberos.principal import Principal, parse_principal
from handfast.settings.check_files import is_there
from handfast.settings.directory import KerberosSettings


@dataclass(frozen=True, slots=True)
class Kerberos:
    """Both sides. `delegation` is None without `kerberos.principal`."""

    delegation: KerberosDelegation | None
    acceptance: KerberosAcceptance

    async def close(self) -> None:
        """Drops tickets and ends idle threads; waits for no KDC."""
        if self.delegation is not None:
            await self.delegation.close()
        await self.acceptance.close()


def open_kerberos(settings: KerberosSettings, runtime_dir: Path) -> Kerberos | None:
    """None without `kerberos.keytab`. Sets this process's environment, so it is called once and early.

    No KDC is asked: one that is away must not keep identity from starting. Raises: KerberosSetupError.
    """
    if settings.keytab is None:
        return None
    principal = _own_principal(settings)
    needed = NeededKeys(principal, settings.accept)
    file = KeyTableFile(settings.keytab, needed.check)
    _check_conf(settings)
    realm = _realm_of_our_conf(settings, principal)
    conf, order = settings.krb5_conf, None
    if realm is not None:
        conf = runtime_dir / CONF_NAME
        order = KdcOrder(conf, realm, settings.kdcs, settings.deadline_seconds)
    set_environment(conf, runtime_dir)
    mechanism = load_mechanism()
    acceptance = KerberosAcceptance(mechanism, file, needed, deadline_seconds=settings.deadline_seconds)
    if principal is None:
        return Kerberos(None, acceptance)
    keys = ServiceKeys(mechanism, file, str(principal), settings.deadline_seconds / 2)
    delegation = KerberosDelegation(
        mechanism,
        keys,
        principal.realm,
        deadline_seconds=settings.deadline_seconds,
        threads=settings.threads,
        on_silence=order.move_on if order is not None else None,
    )
    return Kerberos(delegation, acceptance)


def check_setup(settings: KerberosSettings) -> None:
    """Whether `open_kerberos` would take these settings; nothing is written, and no KDC asked. The library is loaded without
    the environment it is to have: not in a process that opens Kerberos later. Raises: KerberosSetupError.
    """
    if settings.keytab is None:
        return
    principal = _own_principal(settings)
    KeyTableFile(settings.keytab, NeededKeys(principal, settings.accept).check)
    _check_conf(settings)
    realm = _realm_of_our_conf(settings, principal)
    if realm is not None:
        render_krb5_conf(realm, settings.kdcs, settings.deadline_seconds)
    load_mechanism()


def load_mechanism() -> Mechanism:
    """The Kerberos library. Raises: KerberosSetupError where it isn't installed."""
    try:
        from handfast.kerberos.gssapi_mechanism import GssapiMechanism  # noqa: PLC0415 - an extra, loaded late
    except ImportError as error:
        raise KerberosSetupError(
            f"python-gssapi can't be loaded ({error})",
            "Run `pip install 'handfast[kerberos]'`; it builds against libkrb5-dev",
        ) from error
    return GssapiMechanism()


def _own_principal(settings: KerberosSettings) -> Principal | None:
    if not settings.principal:
        return None
    try:
        return parse_principal(settings.principal)
    except MalformedMessage as error:
        raise KerberosSetupError(
            f"`kerberos.principal` is no principal ({error})", 'Write e.g. "svc-handfast@CONTOSO.LAB"'
        ) from None


def _realm_of_our_conf(settings: KerberosSettings, principal: Principal | None) -> str | None:
    """The realm of a krb5.conf of our own making; None where `krb5_conf` or the system's is used."""
    if settings.krb5_conf is not None or not settings.kdcs or principal is None:
        return None
    return principal.realm


def _check_conf(settings: KerberosSettings) -> None:
    if settings.krb5_conf is not None and not is_there(settings.krb5_conf):
        raise KerberosSetupError(
            f"there is no file {settings.krb5_conf}, or its folder can't be entered",
            "Correct `kerberos.krb5_conf`, or let identity's user in",
        )
