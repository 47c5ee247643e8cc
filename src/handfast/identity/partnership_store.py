"""A decision on a device and the records: what it reads first, and what it changes, in one transaction."""

from __future__ import annotations

from datetime import datetime

from handfast.identity.app_passwords import bind_password, record_misuse
from handfast.identity.audit import AuditEvent
from handfast.identity.device_rules import DeviceRefusal
from handfast.identity.names import principal_of
from handfast.identity.partnership_decision import PartnershipDecision, PartnershipFacts
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, AppPassword, Partnership, PartnershipState, RevocationScope
from handfast.identity.windows import lets_in

HELD_STATES = frozenset({PartnershipState.ALLOWED.value, PartnershipState.QUARANTINED.value})
"""What counts against the limit. A blocked phone does not: its owner needs another one now."""
PENDING_STATES = frozenset({PartnershipState.PENDING.value})


def read_facts(
    repositories: Repositories,
    account: Account,
    password: AppPassword | None,
    device_id: str,
    *,
    returned: bool,
) -> PartnershipFacts:
    """What `decide_partnership` needs; a known device costs one look-up."""
    known = repositories.partnerships.find(account.id, device_id)
    if known is not None:
        return PartnershipFacts(known=known, password=password, returned=returned)
    return PartnershipFacts(
        password=password,
        window=repositories.windows.find(account.id),
        held=repositories.partnerships.count(account.id, HELD_STATES),
        pending=repositories.partnerships.count(account.id, PENDING_STATES),
    )


def apply_partnership(
    repositories: Repositories,
    account: Account,
    password: AppPassword | None,
    device_id: str,
    decision: PartnershipDecision,
    now: datetime,
) -> PartnershipDecision:
    """Stores what was decided, in the caller's transaction; compare-and-set may still turn it into a refusal."""
    if decision.is_misuse and password is not None:
        record_misuse(repositories, account, password, device_id, now=now)
    if (
        decision.binds
        and password is not None
        and not bind_password(repositories, account, password, device_id, now=now)
    ):
        return PartnershipDecision(DeviceRefusal.OTHER_DEVICE, rule="binding", detail="lost the race")
    if decision.uses_window and not _use_window(repositories, account, device_id, now):
        return PartnershipDecision(DeviceRefusal.WINDOW_CLOSED, rule="mode window", detail="lost the race")
    if decision.partnership is not None:
        _store(repositories, decision.partnership, is_new=decision.is_new)
    if decision.event is not None:
        _record(repositories, account, device_id, decision, now)
    return decision


def _use_window(repositories: Repositories, account: Account, device_id: str, now: datetime) -> bool:
    if not repositories.windows.use(account.id, device_id, now):
        window = repositories.windows.find(account.id)
        return window is not None and lets_in(window, device_id, now)
    repositories.audit.append(
        AuditEvent.WINDOW_USED, now=now, actor="gateway", subject=f"{principal_of(account)} {device_id}"
    )
    return True


def _store(repositories: Repositories, partnership: Partnership, *, is_new: bool) -> None:
    if is_new:
        repositories.partnerships.add(partnership)
    else:
        repositories.partnerships.save(partnership)


def _record(
    repositories: Repositories,
    account: Account,
    device_id: str,
    decision: PartnershipDecision,
    now: datetime,
) -> None:
    assert decision.event is not None
    if decision.event is AuditEvent.DEVICE_QUARANTINED:
        repositories.revocations.publish(
            RevocationScope.PARTNERSHIP, now=now, account_id=account.id, device_id=device_id
        )
    partnership = decision.partnership
    repositories.audit.append(
        decision.event,
        now=now,
        actor="gateway",
        subject=f"{principal_of(account)} {device_id}",
        details={
            "type": partnership.device_type if partnership else "",
            "user_agent": partnership.user_agent if partnership else "",
            "source": partnership.last_source if partnership else "",
            "reason": decision.detail or decision.rule,
        },
    )
