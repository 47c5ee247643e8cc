"""`[publication.ews]`: what EWS requests may ask for beside the built-in lists, for a publication of kind "exchange"."""

from __future__ import annotations

from pydantic import field_validator

from handfast.decision.rules.ews_operations import ALLOWED_OPERATIONS
from handfast.protocols.ews.acting_for import find_acting_for
from handfast.settings.base import Section
from handfast.settings.values import ElementName, refuse


class EwsSettings(Section):
    """Operations are called as the SOAP Body spells them; the built-in lists are in docs/exchange-rules.md."""

    allow_operations: tuple[ElementName, ...] = ()
    """Operations that may be asked for beside the built-in list, e.g. "GetClientAccessToken" for Outlook's add-ins."""
    deny_operations: tuple[ElementName, ...] = ()
    """Operations of the built-in list that may not be asked for; wins."""
    allow_headers: tuple[ElementName, ...] = ()
    """SOAP header blocks of EWS that may be sent beside the built-in list. Those that ask to act for somebody else never
    pass."""
    binary_configuration: bool = False
    """True lets clients write `BinaryData` into user configurations (CVE-2021-42321): for patched servers alone."""

    @field_validator("deny_operations")
    @classmethod
    def _are_listed(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """A misspelt name would deny nothing."""
        unknown = [name for name in names if name not in ALLOWED_OPERATIONS]
        if unknown:
            refuse(
                f"{unknown[0]} is not on the built-in list, so it is not let through anyway", "take it out"
            )
        return names

    @field_validator("allow_headers")
    @classmethod
    def _act_for_nobody(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        found = find_acting_for(names)
        if found is not None:
            refuse(f"{found} asks to act for somebody else and never passes", "take it out")
        return names
