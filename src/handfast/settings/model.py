"""The whole file."""

from __future__ import annotations

from pydantic import Field

from handfast.settings.access import AccessSettings, RoleSettings
from handfast.settings.base import Section
from handfast.settings.directory import DirectorySettings, KerberosSettings
from handfast.settings.gateway import GatewaySettings, ListenerSettings
from handfast.settings.identity import IdentitySettings
from handfast.settings.operations import LogSettings, MetricsSettings
from handfast.settings.publication import LockoutSettings, PolicySettings, PublicationSettings


class Settings(Section):
    """One settings file. Arrays of tables keep their singular TOML name: `[[listener]]`, `[[publication]]`, `[[policy]]`."""

    identity: IdentitySettings = IdentitySettings()
    """Records, keys, and where identity is reached."""
    gateway: GatewaySettings = GatewaySettings()
    """What all listeners share."""
    listeners: tuple[ListenerSettings, ...] = Field((), alias="listener")
    """Addresses that clients connect to."""
    publications: tuple[PublicationSettings, ...] = Field((), alias="publication")
    """What is published."""
    policies: tuple[PolicySettings, ...] = Field((PolicySettings(),), alias="policy")
    """Which devices may pair, and how."""
    access: tuple[AccessSettings, ...] = ()
    """Who may use which publication, by account and group."""
    roles: tuple[RoleSettings, ...] = Field((), alias="role")
    """Who may administer."""
    directory: DirectorySettings = DirectorySettings()
    """Active Directory, where accounts come from."""
    kerberos: KerberosSettings = KerberosSettings()
    """Identity's keys in the realm."""
    lockout: LockoutSettings = LockoutSettings()
    """When guessing stops being evaluated."""
    log: LogSettings = LogSettings()
    """Where log lines go."""
    metrics: MetricsSettings = MetricsSettings()
    """Where Prometheus reads."""
