"""Remote wipe: ordered by an administrator, told by the gateway, acknowledged by the device.

States: any state but WIPING and WIPED, then WIPING (the device is refused everything but the order), then WIPED for
good. A cancelled wipe leaves the device blocked: nobody knows what it was told meanwhile. Who comes back after a wipe
is removed first and pairs anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from handfast.identity.audit import AuditEvent
from handfast.identity.names import principal_of
from handfast.identity.partnerships import WrongState
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, Partnership, PartnershipState, RevocationScope, WipeKind

ERASED = 1
"""What a device that succeeded says; 2 is a failure. Source: MS-ASPROV 2.2.2.54.3."""


def request_wipe(
    repositories: Repositories,
    account: Account,
    known: Partnership,
    kind: WipeKind,
    *,
    now: datetime,
    actor: str,
) -> Partnership:
    """Orders the device erased, and cuts what it has open. A wipe under way may change its kind. Raises: WrongState."""
    if known.state is PartnershipState.WIPED:
        raise WrongState("the device is wiped already")
    if known.state is PartnershipState.WIPING and known.wipe_kind is kind:
        return known
    wiping = replace(
        known,
        state=PartnershipState.WIPING,
        state_reason="",
        wipe_kind=kind,
        wipe_requested_at=now,
        wipe_requested_by=actor,
        wipe_sent_at=None,
        wipe_acknowledged_at=None,
        wipe_status=None,
    )
    _store(repositories, account, wiping, AuditEvent.WIPE_REQUESTED, now, actor, before=known.state.value)
    _revoke(repositories, known, now)
    return wiping


def cancel_wipe(
    repositories: Repositories, account: Account, known: Partnership, *, now: datetime, actor: str
) -> Partnership:
    """Takes the order back, and leaves the device blocked. Raises: WrongState where it is not waiting to be wiped."""
    if known.state is not PartnershipState.WIPING:
        raise WrongState(f"the device is {known.state}, not waiting to be wiped")
    was_sent = "" if known.wipe_sent_at is None else known.wipe_sent_at.isoformat()
    blocked = replace(
        known,
        state=PartnershipState.BLOCKED,
        state_reason="wipe cancelled after it was sent" if was_sent else "wipe cancelled",
        wipe_kind=WipeKind.NONE,
        wipe_requested_at=None,
        wipe_requested_by="",
        wipe_sent_at=None,
        wipe_status=None,
    )
    _store(repositories, account, blocked, AuditEvent.WIPE_CANCELLED, now, actor, sent=was_sent)
    return blocked


def note_sent(
    repositories: Repositories, account: Account, known: Partnership, *, now: datetime, actor: str
) -> Partnership:
    """The device is being told: recorded once for each order, however often it asks."""
    if known.wipe_sent_at is not None:
        return known
    sent = replace(known, wipe_sent_at=now, last_seen_at=max(known.last_seen_at, now))
    _store(repositories, account, sent, AuditEvent.WIPE_SENT, now, actor)
    return sent


def note_acknowledged(
    repositories: Repositories,
    account: Account,
    known: Partnership,
    status: int,
    *,
    now: datetime,
    actor: str,
) -> Partnership:
    """What the device says of its erasing. A success ends it; a failure is recorded once, and the order stands."""
    if status != ERASED:
        if known.wipe_status == status:
            return known
        failed = replace(known, wipe_status=status)
        _store(repositories, account, failed, AuditEvent.WIPE_FAILED, now, actor)
        return failed
    wiped = replace(
        known, state=PartnershipState.WIPED, wipe_acknowledged_at=now, wipe_status=status, last_seen_at=now
    )
    _store(repositories, account, wiped, AuditEvent.WIPE_ACKNOWLEDGED, now, actor)
    _revoke(repositories, known, now)
    return wiped


def _store(
    repositories: Repositories,
    account: Account,
    changed: Partnership,
    event: AuditEvent,
    now: datetime,
    actor: str,
    **details: str,
) -> None:
    repositories.partnerships.save(changed)
    said: Mapping[str, str] = {
        "kind": changed.wipe_kind.value,
        "status": "" if changed.wipe_status is None else str(changed.wipe_status),
        "source": changed.last_source,
    }
    repositories.audit.append(
        event,
        now=now,
        actor=actor,
        subject=f"{principal_of(account)} {changed.device_id}",
        details={**said, **details},
    )


def _revoke(repositories: Repositories, known: Partnership, now: datetime) -> None:
    repositories.revocations.publish(
        RevocationScope.PARTNERSHIP, now=now, account_id=known.account_id, device_id=known.device_id
    )
