"""`[[access]]` and `[[role]]`: who may use what, by account and group."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from handfast.settings.base import Section
from handfast.settings.values import Network


class AccessSettings(Section):
    """One rule. For each publication the first rule that fits decides; where some name it and none fits, nobody gets in. A
    publication that no rule names is open to every account, with its own `policy`.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """How `explain` and `policy check` call it."""
    allow: bool = True
    """False makes it a refusal."""
    publications: tuple[str, ...] = Field(min_length=1)
    """Publications it speaks of."""
    groups: tuple[str, ...] = ()
    """Groups it speaks of, by SID or as "DOMAIN\\name" (nested membership counts); with `accounts`: either fits. Both left
    out: everybody."""
    accounts: tuple[str, ...] = ()
    """Accounts it speaks of, by UPN, "DOMAIN\\user" or user name."""
    listeners: tuple[str, ...] = ()
    """Listeners it speaks of; left out: all."""
    networks: tuple[Network, ...] = ()
    """Source networks it speaks of; left out: all."""
    credentials: tuple[Literal["app-password", "pin", "domain-password", "kerberos"], ...] = ()
    """Kinds of credential it takes; left out: those the publication takes. Any other is refused."""
    policy: str = ""
    """Name of the `[[policy]]` for its devices; empty: the publication's."""


class RoleSettings(Section):
    """Who may administer, beside root and the service itself, which may everything."""

    name: Literal["administrator", "helpdesk", "auditor"]
    """`administrator`: everything; `helpdesk`: devices, app passwords and windows of accounts; `auditor`: reads alone."""
    groups: tuple[str, ...] = ()
    """Groups whose members have it, by SID or as "DOMAIN\\name"."""
    accounts: tuple[str, ...] = ()
    """Accounts that have it, by UPN, "DOMAIN\\user" or user name."""
