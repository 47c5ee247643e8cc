from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.decision.outcome import WipeOrder
from handfast.decision.ports import WipeProgress
from handfast.decision.reasons import Reason
from handfast.identity.policies import DevicePolicy, PhoneRefusals
from handfast.identity.records import WipeKind
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.provision_answer import parse_provision_answer
from handfast.protocols.activesync.provision_request import (
    PolicyRequest,
    ProvisionRequest,
    encode_provision_request,
)
from handfast.protocols.activesync.remote_wipe import WipeAcknowledgement
from handfast.protocols.activesync.remote_wipe import WipeKind as Directive
from handfast.protocols.activesync.status_answer import has_status, parse_status_answer
from handfast.rewriting.activesync import NeedsBody, PhoneAnswer, PhoneRequest, WipeStep, answer_for
from handfast.rewriting.activesync.wiping import answer_wiping

FULL = WipeOrder(WipeKind.DEVICE, b"note")
ACCOUNT = WipeOrder(WipeKind.ACCOUNT_ONLY, b"note")
EMPTY = encode_provision_request(ProvisionRequest())


def ask(command="FolderSync", version="14.1", order=FULL, policy=None, **more):
    return answer_for(
        Reason.DEVICE_WIPE_PENDING, PhoneRequest(command, version, **more), policy or DevicePolicy(), order
    )


def provision(request, order=FULL, version="14.1"):
    step = ask("Provision", version, order, body=encode_provision_request(request))
    assert isinstance(step, WipeStep)
    assert step.report.note == b"note"
    assert step.answer.status == 200
    return step.report, parse_provision_answer(step.answer.body)


@pytest.mark.parametrize("mode", list(PhoneRefusals))
@pytest.mark.parametrize("version", ["14.0", "14.1", "16.0", "16.1"])
def test_every_command_of_a_new_phone_is_told_status_140(version, mode):
    for command in set(Command) - {Command.OPTIONS, Command.PROVISION}:
        answer = ask(command, version, policy=DevicePolicy(phone_refusals=mode))
        assert isinstance(answer, PhoneAnswer)
        if has_status(command):
            assert (answer.status, parse_status_answer(command, answer.body)) == (200, 140)
        else:
            assert (answer.status, answer.body) == (449, b"")


@pytest.mark.parametrize("version", ["2.5", "12.0", "12.1", "", "odd"])
def test_an_old_one_is_told_449(version):
    answer = ask(version=version)
    assert isinstance(answer, PhoneAnswer)
    assert (answer.status, answer.body) == (449, b"")
    assert (b"MS-Server-ActiveSync", b"15.1") in answer.headers


def test_options_is_answered_here_so_that_the_phone_goes_on():
    answer = ask("OPTIONS", "")
    assert isinstance(answer, PhoneAnswer)
    headers = dict(answer.headers)
    assert (answer.status, answer.body) == (200, b"")
    assert headers[b"MS-ASProtocolVersions"] == b"2.5,12.0,12.1,14.0,14.1,16.0,16.1"
    assert b"Provision" in headers[b"MS-ASProtocolCommands"].split(b",")
    assert b"OPTIONS" not in headers[b"MS-ASProtocolCommands"].split(b",")


@pytest.mark.parametrize("version", ["2.5", "12.1", "14.0", "16.1", ""])
def test_provision_gets_the_directive_and_then_its_thanks(version):
    assert ask("Provision", version) == NeedsBody()
    report, answer = provision(ProvisionRequest(), version=version)
    assert (report.progress, report.status) == (WipeProgress.SENT, 0)
    assert (answer.status, answer.wipe, answer.policy) == (1, Directive.FULL, None)
    done = ProvisionRequest(wipe=WipeAcknowledgement(Directive.FULL, 1))
    report, answer = provision(done, version=version)
    assert (report.progress, report.status) == (WipeProgress.ERASED, 1)
    assert (answer.status, answer.wipe) == (1, None)


def test_the_directive_is_byte_for_byte_what_the_specification_shows():
    step = ask("Provision", body=EMPTY)
    assert isinstance(step, WipeStep)
    assert step.answer.body == bytes.fromhex("03016a00000e454b033100010c01")


def test_a_phone_that_failed_is_told_again():
    report, answer = provision(ProvisionRequest(wipe=WipeAcknowledgement(Directive.FULL, 2)))
    assert (report.progress, report.status) == (WipeProgress.FAILED, 2)
    assert (answer.status, answer.wipe) == (2, Directive.FULL)


def test_a_phone_that_asks_for_a_policy_gets_the_directive_instead():
    report, answer = provision(ProvisionRequest(policy=PolicyRequest("MS-EAS-Provisioning-WBXML")))
    assert (report.progress, answer.wipe, answer.policy) == (WipeProgress.SENT, Directive.FULL, None)


def test_account_only_is_for_16_1_and_never_becomes_the_other_kind():
    _, answer = provision(ProvisionRequest(), ACCOUNT, "16.1")
    assert answer.wipe is Directive.ACCOUNT_ONLY
    report, answer = provision(ProvisionRequest(wipe=WipeAcknowledgement(Directive.FULL, 1)), ACCOUNT, "16.1")
    assert (report.progress, answer.wipe) == (WipeProgress.SENT, Directive.ACCOUNT_ONLY)
    for version in ("2.5", "12.1", "14.1", "16.0", ""):
        for command in set(Command) - {Command.OPTIONS}:
            assert answer_wiping(PhoneRequest(command, version, body=EMPTY), ACCOUNT) is None
    old = ask("FolderSync", "16.0", ACCOUNT)
    assert isinstance(old, PhoneAnswer)
    assert parse_status_answer(Command.FOLDER_SYNC, old.body) == 129


@pytest.mark.parametrize(
    "request_",
    [
        PhoneRequest("Provision", "14.1", is_too_long=True),
        PhoneRequest("Provision", "14.1", b""),
        PhoneRequest("Provision", "14.1", b"\x03\x01\x6a\x00\x00\x0e\x45\x4c\x01\x01"),
        PhoneRequest("provision", "14.1", b"<Provision/>"),
    ],
)
def test_what_cannot_be_read_acknowledges_nothing(request_):
    step = answer_wiping(request_, FULL)
    assert isinstance(step, WipeStep)
    assert step.report.progress is WipeProgress.SENT


@given(st.binary(max_size=300))
def test_any_body_gets_an_answer_and_none_ends_a_wipe_by_accident(body):
    step = answer_wiping(PhoneRequest("Provision", "14.1", body), FULL)
    assert isinstance(step, WipeStep)
    damaged = answer_wiping(PhoneRequest("Provision", "14.1", EMPTY + body), FULL)
    assert isinstance(damaged, WipeStep)
    assert damaged.report.progress is WipeProgress.SENT


def test_an_order_of_no_kind_orders_nothing():
    assert answer_wiping(PhoneRequest("Provision", "16.1", EMPTY), replace(FULL, kind=WipeKind.NONE)) is None
