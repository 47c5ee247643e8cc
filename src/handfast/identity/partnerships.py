"""What people decide about devices: approve, block, unblock, remove. Each is audited, and what takes away is revoked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handfast.identity.audit import AuditEvent
from handfast.identity.names import principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, Partnership, PartnershipState, RevocationScope

APPROVABLE = frozenset({PartnershipState.PENDING, PartnershipState.QUARANTINED, PartnershipState.ALLOWED})
"""A blocked device is unblocked, not approved: two words, so that nobody lifts a block by habit."""

SHUT_STATES = frozenset({PartnershipState.WIPING, PartnershipState.WIPED})
"""What a block adds nothing to; only cancelling the wipe, or removing the device, leads out of these."""


class WrongState(Exception):
    """The partnership's state does not admit that step."""


def approve_partnership(
    repositories: Repositories, account: Account, known: Partnership, *, now: datetime, actor: str
) -> Partnership:
    """Lets a pending or quarantined device in. Raises: WrongState.

    After a quarantine type and model are learned anew: whoever approved meant the phone in its owner's hand, which may
    be the one that was always there, or the one that contradicted it.
    """
    if known.state not in APPROVABLE:
        raise WrongState(f"the device is {known.state}")
    if known.state is PartnershipState.QUARANTINED:
        known = replace(known, device_type="", model="", reported_model="")
    return _change(
        repositories,
        account,
        known,
        PartnershipState.ALLOWED,
        AuditEvent.DEVICE_APPROVED,
        now=now,
        actor=actor,
    )


def unblock_partnership(
    repositories: Repositories, account: Account, known: Partnership, *, now: datetime, actor: str
) -> Partnership:
    """Lets a blocked device in again. Raises: WrongState."""
    if known.state is not PartnershipState.BLOCKED:
        raise WrongState(f"the device is {known.state}, not blocked")
    return _change(
        repositories,
        account,
        known,
        PartnershipState.ALLOWED,
        AuditEvent.DEVICE_UNBLOCKED,
        now=now,
        actor=actor,
    )


def block_partnership(
    repositories: Repositories,
    account: Account,
    known: Partnership,
    *,
    reason: str,
    now: datetime,
    actor: str,
) -> Partnership:
    """Shuts one account on the device, and cuts what it has open. Raises: WrongState (a wipe is more than a block)."""
    if known.state in SHUT_STATES:
        raise WrongState(f"the device is {known.state}, which is refused as a blocked one is")
    blocked = _change(
        repositories,
        account,
        known,
        PartnershipState.BLOCKED,
        AuditEvent.DEVICE_BLOCKED,
        reason=reason,
        now=now,
        actor=actor,
    )
    _revoke(repositories, known, now)
    return blocked


def block_device_everywhere(
    repositories: Repositories, device_id: str, *, reason: str, now: datetime, actor: str
) -> int:
    """Blocks every partnership of the device but those that are being wiped; how many. One revocation covers all."""
    count = 0
    for known in repositories.partnerships.list_of_device(device_id):
        account = repositories.accounts.find(known.account_id)
        if account is None or known.state in SHUT_STATES:
            continue
        _change(
            repositories,
            account,
            known,
            PartnershipState.BLOCKED,
            AuditEvent.DEVICE_BLOCKED,
            reason=reason,
            now=now,
            actor=actor,
        )
        count += 1
    repositories.revocations.publish(RevocationScope.DEVICE, now=now, device_id=device_id)
    return count


def remove_partnership(
    repositories: Repositories, account: Account, known: Partnership, *, now: datetime, actor: str
) -> None:
    """Forgets the device. A password bound to it opens nothing any more: it needs a new one to come back."""
    repositories.partnerships.remove(known.account_id, known.device_id)
    _revoke(repositories, known, now)
    _record(repositories, account, known, AuditEvent.DEVICE_REMOVED, "", now, actor)


def _change(
    repositories: Repositories,
    account: Account,
    known: Partnership,
    state: PartnershipState,
    event: AuditEvent,
    *,
    now: datetime,
    actor: str,
    reason: str = "",
) -> Partnership:
    changed = replace(known, state=state, state_reason=reason)
    repositories.partnerships.save(changed)
    _record(repositories, account, known, event, reason, now, actor)
    return changed


def _revoke(repositories: Repositories, known: Partnership, now: datetime) -> None:
    repositories.revocations.publish(
        RevocationScope.PARTNERSHIP, now=now, account_id=known.account_id, device_id=known.device_id
    )


def _record(
    repositories: Repositories,
    account: Account,
    known: Partnership,
    event: AuditEvent,
    reason: str,
    now: datetime,
    actor: str,
) -> None:
    repositories.audit.append(
        event,
        now=now,
        actor=actor,
        subject=f"{principal_of(account)} {known.device_id}",
        details={"before": known.state.value, "reason": reason},
    )
