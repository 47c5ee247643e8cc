"""Every administrative call in one object."""

from __future__ import annotations

from handfast.identity.administration.accounts import AccountAdministration
from handfast.identity.administration.adoption import AdoptionAdministration
from handfast.identity.administration.bind_password import BindPasswordAdministration
from handfast.identity.administration.counters import CounterAdministration
from handfast.identity.administration.devices import DeviceAdministration
from handfast.identity.administration.passwords import AppPasswordAdministration
from handfast.identity.administration.policies import PolicyAdministration
from handfast.identity.administration.secrets import SecretAdministration
from handfast.identity.administration.trail import TrailAdministration


class Administration(
    AccountAdministration,
    AdoptionAdministration,
    AppPasswordAdministration,
    BindPasswordAdministration,
    DeviceAdministration,
    CounterAdministration,
    PolicyAdministration,
    SecretAdministration,
    TrailAdministration,
):
    """Every administrative call. Arguments are keyword-only JSON values plus `actor` ("uid:1000"); so are results.

    Raises: AdministrationError, Unavailable.
    """
