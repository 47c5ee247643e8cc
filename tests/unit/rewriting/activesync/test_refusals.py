from __future__ import annotations

import pytest

from handfast.decision.outcome import WipeOrder
from handfast.decision.reasons import Reason
from handfast.identity.device_rules import DeviceRefusal
from handfast.identity.policies import DevicePolicy, PhoneRefusals
from handfast.identity.records import WipeKind
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.status_answer import has_status, parse_status_answer
from handfast.rewriting.activesync import PhoneAnswer, PhoneRequest, answer_for
from handfast.rewriting.activesync.refusals import STATUSES, WAITING

POLICY = DevicePolicy()
HTTP = DevicePolicy(phone_refusals=PhoneRefusals.HTTP, quarantine_message="call us")
ACCOUNT_AND_ACCESS = {
    Reason.ACCOUNT_DISABLED,
    Reason.PROFILE_REFUSED,
    Reason.ACCESS_REFUSED,
    Reason.CREDENTIAL_KIND_REFUSED,
}
AFTER_THE_CREDENTIAL = ACCOUNT_AND_ACCESS | {Reason.from_value(refusal.value) for refusal in DeviceRefusal}


def told(reason, command="FolderSync", version="14.1", policy=POLICY):
    """The Status a phone is told, or the HTTP status where there is none; None: as everybody is told."""
    answer = answer_for(reason, PhoneRequest(command, version), policy)
    if answer is None:
        return None
    assert isinstance(answer, PhoneAnswer)
    if not answer.body:
        return f"HTTP {answer.status}"
    assert dict(answer.headers)[b"Content-Type"] == b"application/vnd.ms-sync.wbxml"
    return parse_status_answer(Command(command), answer.body)


@pytest.mark.parametrize("version", ["14.0", "14.1", "16.0", "16.1"])
def test_new_phones_are_told_by_the_status_of_their_command(version):
    assert told(Reason.DEVICE_BLOCKED, version=version) == 129
    assert told(Reason.DEVICE_LIMIT, version=version) == 177
    assert told(Reason.ACCOUNT_DISABLED, version=version) == 131
    for command in Command:
        expected = 129 if has_status(command) else None
        assert told(Reason.DEVICE_BLOCKED, command, version) == expected


@pytest.mark.parametrize("version", ["2.5", "12.0", "12.1", "", "14.2", "x"])
def test_old_and_odd_ones_by_http(version):
    for reason in STATUSES:
        assert told(reason, version=version) is None


def test_options_stays_with_http():
    for reason in set(STATUSES) - WAITING:
        assert told(reason, "OPTIONS", "") is None


def test_a_policy_may_want_http_alone():
    for reason in STATUSES:
        assert told(reason, policy=HTTP) is None


def test_only_what_comes_after_a_good_credential_has_a_status():
    assert set(STATUSES) <= AFTER_THE_CREDENTIAL
    for reason in set(Reason) - AFTER_THE_CREDENTIAL:
        assert told(reason) is None
    missing = AFTER_THE_CREDENTIAL - set(STATUSES)
    assert missing == {
        Reason.APP_PASSWORD_UNBOUND,
        Reason.COMPANION_STALE,
        Reason.DEVICE_FACTS_MISSING,
    }, "no phone's command ends with the first two"


@pytest.mark.parametrize(
    ("version", "policy", "answer"),
    [
        ("16.1", POLICY, 165),
        ("14.1", POLICY, 165),
        ("14.0", POLICY, 142),
        ("12.1", POLICY, "HTTP 449"),
        ("2.5", POLICY, "HTTP 449"),
        ("14.1", HTTP, "HTTP 449"),
    ],
)
def test_a_phone_that_has_not_said_what_it_is_is_sent_to_provision(version, policy, answer):
    assert told(Reason.DEVICE_FACTS_MISSING, version=version, policy=policy) == answer
    assert told(Reason.DEVICE_FACTS_MISSING, "OPTIONS", version, policy) is None


def test_a_wipe_without_an_order_is_a_block():
    assert told(Reason.DEVICE_WIPE_PENDING) == 129
    order = WipeOrder(WipeKind.DEVICE, b"note")
    blocked = answer_for(Reason.DEVICE_BLOCKED, PhoneRequest("FolderSync", "14.1"), POLICY, order)
    assert isinstance(blocked, PhoneAnswer)
    assert parse_status_answer(Command.FOLDER_SYNC, blocked.body) == 129, "an order is for its reason alone"


def test_without_a_message_waiting_phones_are_told_the_status():
    for reason in WAITING:
        assert told(reason) == 129
