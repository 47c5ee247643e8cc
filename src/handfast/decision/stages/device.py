"""Sixth stage: is this device a partner of the account, or may it become one?"""

from __future__ import annotations

from datetime import datetime

from handfast.decision.access import AccessRequest, ClaimedDevice
from handfast.decision.outcome import Deny, Pass, StageResult
from handfast.decision.publication import DevicePolicy
from handfast.decision.reasons import Reason
from handfast.identity.channels import DEVICE_CHANNELS, Channel
from handfast.identity.companions import decide_companion, decide_deviceless
from handfast.identity.device_rules import DeviceSighting
from handfast.identity.devices import decide_partnership
from handfast.identity.partnership_decision import PartnershipDecision
from handfast.identity.partnership_store import read_facts
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, AccountState, AppPassword, Partnership, PartnershipState

NAME = "device"
FACT_COMMANDS = frozenset({"Provision", "Settings"})
"""ActiveSync commands whose body may hold what a device says of itself."""
TELLING_COMMANDS = FACT_COMMANDS | {"OPTIONS"}
"""ActiveSync commands by which a device says what it is, or comes to that."""


def judge_device(
    repositories: Repositories,
    policy: DevicePolicy,
    request: AccessRequest,
    account: Account,
    password: AppPassword | None,
    *,
    returned: bool,
    now: datetime,
    proves_person: bool = False,
) -> PartnershipDecision:
    """What identity's rules say; nothing is stored yet. `returned`: see `identity.networks`.

    `proves_person` is True for a credential that no device need stand behind where the message names none (a ticket).
    """
    if request.device is None or request.channel not in DEVICE_CHANNELS:
        if proves_person:
            return decide_deviceless(policy, request.facts.user_agent)
        return _judge_without_device(repositories, policy, request, account, password, now)
    facts = read_facts(repositories, account, password, request.device.device_id, returned=returned)
    sighting = _sighting(request, request.device)
    return decide_partnership(policy, account, sighting, facts, now)


def _judge_without_device(
    repositories: Repositories,
    policy: DevicePolicy,
    request: AccessRequest,
    account: Account,
    password: AppPassword | None,
    now: datetime,
) -> PartnershipDecision:
    owner = None if password is None else password.owner_device_id
    known = None if owner is None else repositories.partnerships.find(account.id, owner)
    is_companion = request.channel not in DEVICE_CHANNELS
    return decide_companion(
        policy,
        request.facts.user_agent,
        password,
        known,
        passes_fresh=request.channel is Channel.AUTODISCOVER or request.command == "OPTIONS",
        needs_activity=is_companion,
        now=now,
    )


def _sighting(request: AccessRequest, device: ClaimedDevice) -> DeviceSighting:
    return DeviceSighting(
        device_id=device.device_id,
        device_type=device.device_type,
        user_agent=request.facts.user_agent,
        protocol_version=request.facts.protocol_version,
        source=request.source,
        listener=request.listener,
        may_tell=request.command in TELLING_COMMANDS,
    )


def find_wipe(
    repositories: Repositories, request: AccessRequest, account: Account, password: AppPassword | None
) -> Partnership | None:
    """The partnership that is to be wiped, where this very request proved to come from its device.

    Proof is the app password bound to that device, dead or alive, of an account in any state: what it buys is the order
    to erase, and nothing else. After a person's own secret the account must be enabled here; what the directory says of it
    keeps no phone from being erased. See docs/decisions/0010.
    """
    if request.channel is not Channel.ACTIVESYNC or request.device is None:
        return None
    device_id = request.device.device_id
    if password is None and account.state is not AccountState.ENABLED:
        return None
    if password is not None and not _is_bound(password, device_id):
        return None
    known = repositories.partnerships.find(account.id, device_id)
    return known if known is not None and known.state is PartnershipState.WIPING else None


def _is_bound(password: AppPassword, device_id: str) -> bool:
    return password.bound_device_id == device_id and Channel.ACTIVESYNC in password.channels


def refuse_for_wipe(known: Partnership) -> Deny:
    """The stage's word for a device that is to be wiped."""
    return Deny(Reason.DEVICE_WIPE_PENDING, rule="state", detail=f"wipe {known.wipe_kind}")


def render_device(decision: PartnershipDecision) -> StageResult:
    """The stage's word for what identity decided; both sides name refusals alike."""
    if decision.refusal is None:
        return Pass(rule=decision.rule, detail=decision.detail)
    return Deny(Reason.from_value(decision.refusal.value), rule=decision.rule, detail=decision.detail)
