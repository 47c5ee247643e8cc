"""Whether a device may use an account, and what its sighting changes: one pure decision, applied in one transaction.

A device id is a claim. It stops the reuse of a leaked password elsewhere; against somebody who has both password and
id it proves nothing, so what contradicts the record (another type, another model, two networks at once) quarantines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from handfast.identity.app_passwords import bind_password, record_misuse
from handfast.identity.audit import AuditEvent
from handfast.identity.device_rules import (
    DeviceRefusal,
    DeviceSighting,
    find_rule_hit,
    find_user_agent_hit,
    model_of,
)
from handfast.identity.names import principal_of
from handfast.identity.policies import DevicePolicy, PartnershipMode
from handfast.identity.ports import Repositories
from handfast.identity.records import (
    Account,
    AppPassword,
    EnrolmentWindow,
    Partnership,
    PartnershipState,
    RevocationScope,
)
from handfast.identity.windows import lets_in

HELD_STATES = frozenset({PartnershipState.ALLOWED.value, PartnershipState.QUARANTINED.value})
"""What counts against the limit. A blocked phone does not: its owner needs another one now."""
PENDING_STATES = frozenset({PartnershipState.PENDING.value})

_STATE_REFUSALS = {
    PartnershipState.PENDING: DeviceRefusal.PENDING,
    PartnershipState.QUARANTINED: DeviceRefusal.QUARANTINED,
    PartnershipState.BLOCKED: DeviceRefusal.BLOCKED,
    PartnershipState.WIPING: DeviceRefusal.WIPED,
    PartnershipState.WIPED: DeviceRefusal.WIPED,
}


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
    on a device it does not belong to.
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

    @property
    def changes_something(self) -> bool:
        """True where a record other than "last seen" would change."""
        return self.event is not None or self.binds or self.uses_window


def decide_partnership(
    policy: DevicePolicy,
    account: Account,
    sighting: DeviceSighting,
    facts: PartnershipFacts,
    now: datetime,
) -> PartnershipDecision:
    """The answer to one request that names its device.

    Whose password it is comes first, then what the record says, then the rules; only an id without a record, with a
    password that is still fresh, may pair.
    """
    password = facts.password
    if password is not None and _belongs_elsewhere(password, sighting.device_id):
        return PartnershipDecision(DeviceRefusal.OTHER_DEVICE, rule="binding", is_misuse=True)
    if facts.known is not None:
        return _decide_known(policy, sighting, facts, facts.known, now)
    if password is not None and password.bound_device_id is not None:
        return PartnershipDecision(
            DeviceRefusal.UNKNOWN, rule="binding", detail="the device of this password was removed"
        )
    return _decide_new(policy, account, sighting, facts, now)


def _belongs_elsewhere(password: AppPassword, device_id: str) -> bool:
    owner = password.bound_device_id or password.reserved_device_id
    return owner is not None and owner != device_id


def _decide_known(
    policy: DevicePolicy,
    sighting: DeviceSighting,
    facts: PartnershipFacts,
    known: Partnership,
    now: datetime,
) -> PartnershipDecision:
    binds = facts.password is not None and facts.password.bound_device_id is None
    if known.state is not PartnershipState.ALLOWED:
        return PartnershipDecision(
            _STATE_REFUSALS[known.state],
            rule="state",
            detail=known.state_reason,
            binds=binds and known.state is PartnershipState.PENDING,
        )
    contradiction = _find_contradiction(policy, sighting, facts, known)
    if contradiction:
        quarantined = replace(
            _seen(known, sighting, now), state=PartnershipState.QUARANTINED, state_reason=contradiction
        )
        return PartnershipDecision(
            DeviceRefusal.QUARANTINED,
            rule="quarantine",
            detail=contradiction,
            partnership=quarantined,
            event=AuditEvent.DEVICE_QUARANTINED,
        )
    hit = find_rule_hit(policy, sighting)
    if hit is not None:
        return PartnershipDecision(hit.refusal, rule=hit.rule)
    return PartnershipDecision(rule="paired", partnership=_seen(known, sighting, now), binds=binds)


def _find_contradiction(
    policy: DevicePolicy, sighting: DeviceSighting, facts: PartnershipFacts, known: Partnership
) -> str:
    """What the device says now that its record can't agree with; "" where nothing.

    A type or model that one side does not know contradicts nothing; neither does another build of the system.
    """
    if _differs(known.device_type, sighting.device_type):
        return f"type changed from {known.device_type} to {sighting.device_type}"
    model = model_of(sighting)
    if _differs(known.model, model):
        return f"model changed from {known.model} to {model}"
    if facts.returned and policy.two_networks_window:
        return f"in use from two networks at once, {known.last_source} and {sighting.source}"
    return ""


def _differs(known: str, claimed: str) -> bool:
    return bool(known and claimed) and known.casefold() != claimed.casefold()


def _seen(known: Partnership, sighting: DeviceSighting, now: datetime) -> Partnership:
    return replace(
        known,
        last_seen_at=max(known.last_seen_at, now),
        last_source=sighting.source or known.last_source,
        device_type=sighting.device_type or known.device_type,
        user_agent=sighting.user_agent or known.user_agent,
        model=model_of(sighting) or known.model,
    )


def _decide_new(
    policy: DevicePolicy, account: Account, sighting: DeviceSighting, facts: PartnershipFacts, now: datetime
) -> PartnershipDecision:
    hit = find_rule_hit(policy, sighting)
    if hit is not None:
        return PartnershipDecision(hit.refusal, rule=hit.rule)
    barrier = _find_barrier(policy, sighting, facts, now)
    if barrier is not None:
        return PartnershipDecision(barrier, rule=f"mode {policy.mode}")
    if facts.held >= policy.device_limit:
        return PartnershipDecision(DeviceRefusal.LIMIT, rule=f"device_limit {policy.device_limit}")
    fresh = facts.password is not None
    if policy.mode is PartnershipMode.APPROVAL:
        if facts.pending >= policy.pending_limit:
            return PartnershipDecision(
                DeviceRefusal.PENDING_LIMIT, rule=f"pending_limit {policy.pending_limit}"
            )
        return PartnershipDecision(
            DeviceRefusal.PENDING,
            rule="mode approval",
            partnership=_new(account, sighting, PartnershipState.PENDING, now),
            is_new=True,
            event=AuditEvent.DEVICE_PENDING,
            binds=fresh,
        )
    return PartnershipDecision(
        rule=f"mode {policy.mode}",
        partnership=_new(account, sighting, PartnershipState.ALLOWED, now),
        is_new=True,
        event=AuditEvent.DEVICE_PAIRED,
        binds=fresh,
        uses_window=policy.mode is PartnershipMode.WINDOW,
    )


def _find_barrier(
    policy: DevicePolicy, sighting: DeviceSighting, facts: PartnershipFacts, now: datetime
) -> DeviceRefusal | None:
    """Why the mode lets this new device not even ask."""
    match policy.mode:
        case PartnershipMode.LISTED:
            return DeviceRefusal.UNKNOWN
        case PartnershipMode.INSIDE:
            return None if sighting.listener in policy.inside_listeners else DeviceRefusal.UNKNOWN
        case PartnershipMode.WINDOW:
            is_open = facts.window is not None and lets_in(facts.window, sighting.device_id, now)
            return None if is_open else DeviceRefusal.WINDOW_CLOSED
        case PartnershipMode.FIRST_USE | PartnershipMode.APPROVAL:
            return None


def _new(account: Account, sighting: DeviceSighting, state: PartnershipState, now: datetime) -> Partnership:
    return Partnership(
        account_id=account.id,
        device_id=sighting.device_id,
        state=state,
        device_type=sighting.device_type,
        user_agent=sighting.user_agent,
        first_seen_at=now,
        last_seen_at=now,
        last_source=sighting.source,
        model=model_of(sighting),
    )


def decide_companion(
    policy: DevicePolicy,
    user_agent: str,
    password: AppPassword | None,
    known: Partnership | None,
    *,
    passes_fresh: bool,
    needs_activity: bool,
    now: datetime,
) -> PartnershipDecision:
    """The answer to a request that names no device: never pairs, never binds, and keeps nothing alive.

    A bound (or reserved) password gets its partnership's answer. A fresh one passes only where `passes_fresh` (a bare
    OPTIONS, Autodiscover). `needs_activity` is True on companion channels: they are open only while the phone itself
    was seen within `companion_window`.
    """
    owner = None if password is None else password.bound_device_id or password.reserved_device_id
    if owner is None or (known is None and password is not None and password.bound_device_id is None):
        if passes_fresh:
            return PartnershipDecision(rule="fresh")
        return PartnershipDecision(DeviceRefusal.UNBOUND, rule="fresh")
    if known is None:
        return PartnershipDecision(DeviceRefusal.UNKNOWN, rule="binding")
    if known.state is not PartnershipState.ALLOWED:
        return PartnershipDecision(_STATE_REFUSALS[known.state], rule="state", detail=known.state_reason)
    hit = find_user_agent_hit(policy, user_agent)
    if hit is not None:
        return PartnershipDecision(hit.refusal, rule=hit.rule)
    if needs_activity and now - known.last_seen_at > policy.companion_window:
        return PartnershipDecision(DeviceRefusal.COMPANION_STALE, rule="companion_window")
    return PartnershipDecision(rule="paired")


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
