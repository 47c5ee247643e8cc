"""How a phone is told that it may not: in the words its protocol version has for it.

Up to 12.1 there is the HTTP status alone. From 14.0 each command's answer has a Status that says why, and a client
shows something better than "can't connect". Source: MS-ASCMD 2.2.2 (status values common to all commands).
"""

from __future__ import annotations

from types import MappingProxyType

from handfast.decision.outcome import WipeOrder
from handfast.decision.reasons import Reason
from handfast.identity.policies import DevicePolicy, PhoneRefusals
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.status_answer import CommonStatus
from handfast.rewriting.activesync.answers import (
    PROVISION_FIRST,
    can_carry_status,
    status_document,
    status_line,
)
from handfast.rewriting.activesync.asking import Answer, PhoneRequest
from handfast.rewriting.activesync.notice import answer_waiting
from handfast.rewriting.activesync.wiping import answer_wiping

WAITING = frozenset({Reason.DEVICE_PENDING, Reason.DEVICE_QUARANTINED})
"""What the phone's owner can do something about: call, and be let in."""

STATUSES = MappingProxyType(
    {
        Reason.ACCOUNT_DISABLED: CommonStatus.ACCOUNT_DISABLED,
        Reason.ACCESS_REFUSED: CommonStatus.ACCESS_DENIED,
        Reason.CREDENTIAL_KIND_REFUSED: CommonStatus.ACCESS_DENIED,
        Reason.PROFILE_REFUSED: CommonStatus.ACCESS_DENIED,
        Reason.APP_PASSWORD_OTHER_DEVICE: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_UNKNOWN: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_PENDING: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_QUARANTINED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_BLOCKED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_WIPE_PENDING: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_WIPED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_TYPE_REFUSED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_MODEL_REFUSED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_OS_REFUSED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_IMEI_REFUSED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_PHONE_NUMBER_REFUSED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_FRIENDLY_NAME_REFUSED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.USER_AGENT_REFUSED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.PROTOCOL_VERSION_REFUSED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.WINDOW_CLOSED: CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER,
        Reason.DEVICE_LIMIT: CommonStatus.MAXIMUM_DEVICES_REACHED,
        Reason.DEVICE_PENDING_LIMIT: CommonStatus.MAXIMUM_DEVICES_REACHED,
    }
)
"""Reason -> Status, for refusals that come after the credential was found good; any other is answered by HTTP alone."""


def answer_for(
    reason: Reason, request: PhoneRequest, policy: DevicePolicy, order: WipeOrder | None = None
) -> Answer:
    """How the phone is told, or None where HTTP's own answer for that reason is right. See the package.

    `order` is the decision's: a device is told to erase itself with identity's word alone.
    """
    if reason is Reason.DEVICE_WIPE_PENDING and order is not None:
        answer = answer_wiping(request, order)
        if answer is not None:
            return answer
    if reason is Reason.DEVICE_FACTS_MISSING:
        return _ask_for_facts(request, policy)
    if policy.phone_refusals is PhoneRefusals.HTTP:
        return None
    if reason in WAITING and policy.quarantine_message:
        answer = answer_waiting(request, policy.quarantine_message)
        if answer is not None:
            return answer
    status = STATUSES.get(reason)
    if status is None or not can_carry_status(request):
        return None
    return status_document(request, status)


def _ask_for_facts(request: PhoneRequest, policy: DevicePolicy) -> Answer:
    """The phone is sent to provision, which is when it says what it is; from 14.1 on there is a Status for just that."""
    if request.known_command is Command.OPTIONS:
        return None
    if policy.phone_refusals is PhoneRefusals.HTTP or not can_carry_status(request):
        return status_line(PROVISION_FIRST)
    if request.speaks("14.1"):
        return status_document(request, CommonStatus.DEVICE_INFORMATION_REQUIRED)
    return status_document(request, CommonStatus.DEVICE_NOT_PROVISIONED)
