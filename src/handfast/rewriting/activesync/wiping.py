"""How a device is told to erase itself, and how its acknowledgement is taken.

Whatever it asks, it is told that there is a wipe (HTTP 449 up to 12.1, Status 140 from 14.0); it then sends Provision,
is given the directive, sends Provision again with its acknowledgement, and erases itself. Nothing of this reaches a
server. Source: MS-ASPROV 3.1.5.1.2.2, 3.1.5.1.2.3, 3.2.5.1.1, 3.2.5.1.2.2; MS-ASCMD 2.2.2 (140).
"""

from __future__ import annotations

from handfast.decision.outcome import WipeOrder
from handfast.decision.ports import WipeProgress, WipeReport
from handfast.identity.records import WipeKind
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.provision_answer import ProvisionAnswer, encode_provision_answer
from handfast.protocols.activesync.provision_request import parse_provision_request
from handfast.protocols.activesync.remote_wipe import WipeAcknowledgement
from handfast.protocols.activesync.remote_wipe import WipeKind as Directive
from handfast.protocols.activesync.status_answer import CommonStatus
from handfast.protocols.errors import MalformedMessage
from handfast.rewriting.activesync.answers import (
    PROVISION_FIRST,
    can_carry_status,
    document,
    options_answer,
    status_document,
    status_line,
)
from handfast.rewriting.activesync.asking import Answer, NeedsBody, PhoneRequest, WipeStep

_PROVISION_SUCCESS = 1
_PROVISION_FAILED = 2
_DIRECTIVES = {WipeKind.DEVICE: Directive.FULL, WipeKind.ACCOUNT_ONLY: Directive.ACCOUNT_ONLY}


def answer_wiping(request: PhoneRequest, order: WipeOrder) -> Answer:
    """The next step towards the wipe; None where this phone can't be told, and is refused as a blocked one.

    An account-only wipe exists in 16.1 alone. A phone of another version is never given the other kind in its stead.
    """
    if request.known_command is Command.OPTIONS:
        return options_answer()
    directive = _DIRECTIVES.get(order.kind)
    if directive is None or (directive is Directive.ACCOUNT_ONLY and not request.speaks("16.1")):
        return None
    if request.known_command is Command.PROVISION:
        return _answer_provision(request, order, directive)
    if can_carry_status(request):
        return status_document(request, CommonStatus.REMOTE_WIPE_REQUESTED)
    return status_line(PROVISION_FIRST)


def _answer_provision(request: PhoneRequest, order: WipeOrder, directive: Directive) -> Answer:
    if request.body is None and not request.is_too_long:
        return NeedsBody()
    acknowledged = _find_acknowledgement(request.body or b"")
    if acknowledged is None or acknowledged.kind is not directive:
        report = WipeReport(order.note, WipeProgress.SENT)
        return WipeStep(report, document(_directive(_PROVISION_SUCCESS, directive)))
    report = WipeReport(order.note, _progress(acknowledged), status=acknowledged.status)
    if acknowledged.succeeded:
        return WipeStep(report, document(encode_provision_answer(ProvisionAnswer(_PROVISION_SUCCESS))))
    return WipeStep(report, document(_directive(_PROVISION_FAILED, directive)))


def _find_acknowledgement(body: bytes) -> WipeAcknowledgement | None:
    """What the phone acknowledges; a body that can't be read acknowledges nothing, and the phone is told again."""
    try:
        return parse_provision_request(body).wipe
    except MalformedMessage:
        return None


def _progress(acknowledged: WipeAcknowledgement) -> WipeProgress:
    return WipeProgress.ERASED if acknowledged.succeeded else WipeProgress.FAILED


def _directive(status: int, kind: Directive) -> bytes:
    return encode_provision_answer(ProvisionAnswer(status, wipe=kind))
