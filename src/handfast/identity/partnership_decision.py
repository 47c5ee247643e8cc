"""What a decision on a device rests on, and what it says: values shared by all who decide and by who stores."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from handfast.identity.audit import AuditEvent
from handfast.identity.device_rules import DeviceRefusal
from handfast.identity.records import AppPassword, EnrolmentWindow, Partnership, PartnershipState

STATE_REFUSALS = MappingProxyType(
    {
        PartnershipState.PENDING: DeviceRefusal.PENDING,
        PartnershipState.QUARANTINED: DeviceRefusal.QUARANTINED,
        PartnershipState.BLOCKED: DeviceRefusal.BLOCKED,
        PartnershipState.WIPING: DeviceRefusal.WIPE_PENDING,
        PartnershipState.WIPED: DeviceRefusal.WIPED,
    }
)
"""What a device that is not allowed is told, by its state."""


@dataclass(frozen=True, slots=True)
class PartnershipFacts:
    """What the records say. `password` is None after a human-chosen secret.

    `returned` says that the id came from this network, then another, then this one again within the policy's window.
    """

    known: Partnership | None = None
    password: AppPassword | None = None
    window: EnrolmentWindow | None = None
    held: int = 0
    pending: int = 0
    returned: bool = False


@dataclass(frozen=True, slots=True)
class PartnershipDecision:
    """The answer (`refusal` None: passes) and what it changes.

    `partnership` is the record to store, new where `is_new`; `event` is what to audit; `binds` says that the app
    password becomes this device's; `uses_window` that the open window is spent; `is_misuse` that a password was used
    on a device it does not belong to. `is_provisional` lets the device in to say what it is, and not for long.
    """

    refusal: DeviceRefusal | None = None
    rule: str = ""
    detail: str = ""
    partnership: Partnership | None = None
    is_new: bool = False
    event: AuditEvent | None = None
    binds: bool = False
    uses_window: bool = False
    is_misuse: bool = False
    is_provisional: bool = False

    @property
    def changes_something(self) -> bool:
        """True where a record other than "last seen" would change."""
        return self.event is not None or self.binds or self.uses_window
