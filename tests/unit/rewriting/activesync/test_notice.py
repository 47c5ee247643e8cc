from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.decision.reasons import Reason
from handfast.identity.policies import DevicePolicy
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.device_information import DeviceInformation, encode_device_information
from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.notice_mailbox import (
    EMPTY_INBOX_KEY,
    FOLDERS_KEY,
    FULL_INBOX_KEY,
    INBOX_ID,
)
from handfast.protocols.activesync.provision_answer import parse_provision_answer
from handfast.protocols.activesync.provision_request import (
    PolicyRequest,
    ProvisionRequest,
    encode_provision_request,
)
from handfast.protocols.activesync.settings_answer import parse_settings_answer
from handfast.protocols.activesync.status_answer import parse_status_answer
from handfast.protocols.activesync.wbxml import decode, encode
from handfast.rewriting.activesync import NeedsBody, PhoneAnswer, PhoneRequest, answer_for
from handfast.rewriting.activesync.asking import MAX_BODY_BYTES
from handfast.rewriting.activesync.notice import MAX_HOLD_SECONDS

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLICY = DevicePolicy(quarantine_message="Call Helen on 4711.\nShe lets you in.")
BODY_COMMANDS = ["Provision", "Settings", "FolderSync", "Sync", "Ping"]


def ask(command, body=b"", *, version="14.1", reason=Reason.DEVICE_PENDING, **more):
    request = PhoneRequest(
        command, version, body, at=AT, host="mail.contoso.lab", login="CONTOSO\\alice", **more
    )
    return answer_for(reason, request, POLICY)


def read(command, body=b"", **more):
    answer = ask(command, body, **more)
    assert isinstance(answer, PhoneAnswer)
    assert answer.status == 200
    return decode(answer.body), answer


def folder_sync(key):
    return encode(Element("FolderHierarchy", "FolderSync", (leaf("FolderHierarchy", "SyncKey", key),)))


def sync(key, *more):
    said = (leaf("AirSync", "SyncKey", key), leaf("AirSync", "CollectionId", INBOX_ID))
    collection = Element("AirSync", "Collection", said)
    return encode(Element("AirSync", "Sync", (*more, Element("AirSync", "Collections", (collection,)))))


@pytest.mark.parametrize("version", ["14.0", "14.1", "16.0", "16.1"])
@pytest.mark.parametrize("reason", [Reason.DEVICE_PENDING, Reason.DEVICE_QUARANTINED])
def test_the_owner_reads_one_message_and_nothing_else(version, reason):
    more = {"version": version, "reason": reason}
    folders, _ = read("FolderSync", folder_sync("0"), **more)
    assert folders.text_at("SyncKey") == FOLDERS_KEY
    assert [one.text_at("Type") for one in folders.first("Changes").all("Add")] == ["2"]
    first, _ = read("Sync", sync("0"), **more)
    assert first.text_at("Collections", "Collection", "SyncKey") == EMPTY_INBOX_KEY
    second, _ = read("Sync", sync(EMPTY_INBOX_KEY), **more)
    mails = list(second.first("Collections", "Collection", "Commands").all("Add"))
    assert len(mails) == 1
    mail = mails[0].first("ApplicationData")
    assert mail.text_at("Body", "Data") == "Call Helen on 4711.\r\nShe lets you in."
    assert mail.text_at("From") == "postmaster@mail.contoso.lab"
    assert mail.text_at("To") == "CONTOSO\\alice"
    assert mail.text_at("DateReceived") == "2026-03-02T09:00:00.000Z"
    third, answer = read("Sync", sync(FULL_INBOX_KEY), **more)
    assert third.first("Collections", "Collection", "Commands") is None
    assert answer.hold_seconds == 0


@pytest.mark.parametrize("command", BODY_COMMANDS)
def test_the_body_is_asked_for_once(command):
    assert ask(command, None) == NeedsBody()
    answer = ask(command, None, is_too_long=True)
    assert isinstance(answer, PhoneAnswer)
    assert parse_status_answer(Command(command), answer.body) == 101


@pytest.mark.parametrize("command", BODY_COMMANDS)
@given(body=st.binary(max_size=200))
def test_any_body_gets_an_answer(command, body):
    answer = ask(command, body)
    assert isinstance(answer, PhoneAnswer)
    assert answer.status == 200
    assert answer.hold_seconds <= MAX_HOLD_SECONDS


def test_provisioning_ends_well_without_a_policy():
    asked = ProvisionRequest(
        PolicyRequest("MS-EAS-Provisioning-WBXML"), device_information=DeviceInformation(model="x")
    )
    answer = ask("Provision", encode_provision_request(asked))
    said = parse_provision_answer(answer.body)
    assert (said.status, said.wipe, said.device_information_status) == (1, None, 1)
    assert (said.policy.status, said.policy.key) == (2, None)
    bare = parse_provision_answer(ask("Provision", b"").body)
    assert bare.device_information_status is None


def test_settings_takes_what_the_phone_says():
    said = parse_settings_answer(
        ask("Settings", encode_device_information(DeviceInformation(model="x"))).body
    )
    assert (said.status, said.device_information_status) == (1, 1)
    other = encode(Element("Settings", "Settings", (Element("Settings", "UserInformation"),)))
    assert parse_settings_answer(ask("Settings", other).body).device_information_status is None


def test_a_ping_waits_as_long_as_it_asked_for_and_no_longer_than_we_hold_it():
    def ping(seconds):
        return encode(Element("Ping", "Ping", (leaf("Ping", "HeartbeatInterval", seconds),)))

    for body, seconds in ((ping(120), 120), (ping(3540), MAX_HOLD_SECONDS), (b"", 60)):
        answer = ask("Ping", body)
        assert isinstance(answer, PhoneAnswer)
        assert answer.hold_seconds == seconds
        assert parse_status_answer(Command.PING, answer.body) == 1


def test_a_sync_that_waits_for_more_waits():
    _, answer = read("Sync", sync(FULL_INBOX_KEY, leaf("AirSync", "Wait", 2)))
    assert answer.hold_seconds == 120
    _, answer = read("Sync", sync(EMPTY_INBOX_KEY, leaf("AirSync", "Wait", 2)))
    assert answer.hold_seconds == 0, "there is something to say"


@pytest.mark.parametrize("command", ["SendMail", "Search", "ItemOperations", "MoveItems", "Find"])
def test_everything_else_is_refused(command):
    answer = ask(command)
    assert isinstance(answer, PhoneAnswer)
    assert parse_status_answer(Command(command), answer.body) == 129


@pytest.mark.parametrize("command", [*BODY_COMMANDS, "SendMail"])
@pytest.mark.parametrize("version", ["2.5", "12.1", ""])
def test_old_phones_are_told_by_http(command, version):
    assert ask(command, version=version) is None


def test_options_lets_the_phone_come_to_its_message():
    answer = ask("OPTIONS", version="")
    assert isinstance(answer, PhoneAnswer)
    assert (answer.status, answer.body) == (200, b"")


def test_odd_names_are_no_reason_to_fail():
    request = PhoneRequest("Sync", "14.1", sync(EMPTY_INBOX_KEY), host="\x00", login="a\r\nb" * 200)
    assert isinstance(answer_for(Reason.DEVICE_PENDING, request, POLICY), PhoneAnswer)


def test_a_message_with_a_nul_is_shown_without_it():
    policy = DevicePolicy(quarantine_message="Call\x00 us")
    request = PhoneRequest("Sync", "14.1", sync(EMPTY_INBOX_KEY), host="x", login="a")
    answer = answer_for(Reason.DEVICE_PENDING, request, policy)
    assert isinstance(answer, PhoneAnswer)
    assert b"Call us" in answer.body


EMPTY = {
    "Provision": ("Provision", "Policies"),
    "Settings": ("Settings", "Oof"),
    "FolderSync": ("FolderHierarchy", "Changes"),
    "Sync": ("AirSync", "Collection"),
    "Ping": ("Ping", "Folder"),
}


@pytest.mark.parametrize("command", BODY_COMMANDS)
def test_a_body_of_nothing_but_elements_is_not_read_to_its_end(command):
    """Each element costs a microsecond or two of the loop that all phones of a worker share."""
    page, name = EMPTY[command]
    body = encode(Element(page, command, tuple(Element(page, name) for _ in range(MAX_BODY_BYTES - 8))))
    assert 1000 < len(body) <= MAX_BODY_BYTES
    content, _ = read(command, body)
    assert content.text_at("Status") == "102"
