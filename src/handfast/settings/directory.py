"""`[directory]` and `[kerberos]`: Active Directory, where the accounts are, and the keys Handfast has there."""

from __future__ import annotations

from pydantic import Field

from handfast.settings.base import Section
from handfast.settings.ldap_values import AccountFilter, BaseName
from handfast.settings.values import AbsolutePath, AccountPrincipal, CalledName, HostName, ServicePrincipal


class DomainControllerSettings(Section):
    """`[[directory.server]]`: one domain controller, reached by LDAP over TLS."""

    name: HostName
    """Its DNS name; its certificate must carry it."""
    address: CalledName | None = None
    """Where it is reached, if DNS does not say so from here."""
    port: int = Field(636, ge=1, le=65535)
    """Port of LDAP over TLS."""


class DirectorySettings(Section):
    """The domain whose accounts are mirrored. Without servers there is none, and accounts are local."""

    servers: tuple[DomainControllerSettings, ...] = Field((), alias="server")
    """Domain controllers, in order of preference."""
    ca_file: AbsolutePath | None = None
    """PEM with the CA of their certificates; None: the system's."""
    bind_user: str = ""
    """The account Handfast reads with, as UPN: any ordinary domain user, without further rights."""
    bind_password_file: AbsolutePath | None = None
    """File with its password, readable for identity alone."""
    base: BaseName = ""
    """Part of the directory whose accounts are mirrored (a distinguished name); empty: the whole domain."""
    account_filter: AccountFilter = ""
    """A further LDAP filter on them, e.g. "(mail=*)"; empty: every user account."""
    poll_seconds: float = Field(15.0, ge=1, le=300)
    """How soon a change in the directory counts here."""
    timeout_seconds: float = Field(5.0, ge=0.5, le=60)
    """For one answer of a domain controller; after that the next one is asked."""
    stale_minutes: float = Field(60.0, ge=1, le=1440)
    """How long the mirror is believed while no domain controller answers; after that mirrored accounts get 503."""
    max_missing_percent: float = Field(20.0, ge=0, le=100)
    """A reading by which more of the mirrored accounts than this (and more than 20) would be gone is not believed; 100: any is."""
    refuse_expired_passwords: bool = True
    """True refuses accounts whose domain password must be changed, as Windows does; False lets their app passwords work."""
    lockout_margin: int = Field(2, ge=1, le=10)
    """Domain passwords are no longer tried this many failures below the threshold at which the domain locks the account."""


class KerberosSettings(Section):
    """Identity's keys in the realm; nothing of this is told to a gateway."""

    keytab: AbsolutePath | None = None
    """Keytab of the service account, readable for identity alone; all nodes have the same. None: no Kerberos."""
    principal: AccountPrincipal = ""
    """The service account that signs people in behind (delegation), e.g. "svc-handfast@CONTOSO.LAB"."""
    accept: tuple[ServicePrincipal, ...] = ()
    """SPNs that clients inside get tickets for, e.g. "HTTP/mail.contoso.lab"; left out: every key of the keytab."""
    krb5_conf: AbsolutePath | None = None
    """A krb5.conf to use in place of the system's; None: one is made from `kdcs`, or the system's where that is empty."""
    kdcs: tuple[str, ...] = ()
    """KDCs as `host` or `host:port`; empty: found by DNS, as krb5.conf says."""
    deadline_seconds: float = Field(3.0, gt=0, le=30)
    """For one new ticket; after that the request gets 503."""
    threads: int = Field(8, ge=1, le=64)
    """Tickets asked for at the same time; of accounts of each other realm a quarter of that, beside."""
