"""The whole file."""

from __future__ import annotations

from pydantic import Field

from handfast.settings.base import Section
from handfast.settings.gateway import GatewaySettings, ListenerSettings
from handfast.settings.identity import IdentitySettings
from handfast.settings.operations import LogSettings, MetricsSettings
from handfast.settings.publication import LockoutSettings, PolicySettings, PublicationSettings


class Settings(Section):
    """One settings file. Arrays of tables keep their singular TOML name: `[[listener]]`, `[[publication]]`, `[[policy]]`."""

    identity: IdentitySettings = IdentitySettings()
    gateway: GatewaySettings = GatewaySettings()
    listeners: tuple[ListenerSettings, ...] = Field((), alias="listener")
    publications: tuple[PublicationSettings, ...] = Field((), alias="publication")
    policies: tuple[PolicySettings, ...] = Field((PolicySettings(),), alias="policy")
    lockout: LockoutSettings = LockoutSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
