from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.decision.outcome import Grant
from handfast.identity.device_facts import FACT_NAMES, DeviceFacts
from handfast.identity.records import AccountId
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.device_information import DeviceInformation, encode_device_information
from handfast.protocols.activesync.provision_request import (
    PolicyRequest,
    ProvisionRequest,
    encode_provision_request,
)
from handfast.rewriting.activesync import (
    MAX_FACTS_BYTES,
    facts_event,
    may_hold_facts,
    read_facts,
    waiting_facts_event,
)

SAID = DeviceInformation(
    "iPhone12C1",
    "356938035643809",
    "Alice's phone",
    "iOS 17.1 21B74",
    "de-DE",
    "+41 44 000 00 00",
    "Apple-iPhone12C1/2101.74",
    "Example",
)
FACTS = DeviceFacts(**{name: getattr(SAID, name) for name in FACT_NAMES})


def test_only_provision_and_settings_can_tell():
    assert {command for command in Command if may_hold_facts(command)} == {
        Command.PROVISION,
        Command.SETTINGS,
    }


@pytest.mark.parametrize(
    "body",
    [
        encode_device_information(SAID),
        encode_provision_request(
            ProvisionRequest(PolicyRequest("MS-EAS-Provisioning-WBXML"), device_information=SAID)
        ),
    ],
)
def test_what_the_phone_says_is_read(body):
    assert read_facts(body) == FACTS


@pytest.mark.parametrize(
    "body",
    [
        b"",
        encode_provision_request(ProvisionRequest()),
        encode_device_information(DeviceInformation()),
        b"\x03\x01\x6a\x00" + b"x" * MAX_FACTS_BYTES,
        b"<Settings/>",
    ],
)
def test_nothing_said_is_none(body):
    assert read_facts(body) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_facts_or_none(body):
    facts = read_facts(body)
    assert facts is None or isinstance(facts, DeviceFacts)


def test_the_event_names_the_grant_and_what_was_said():
    grant = Grant("g1", "mail", AccountId(1), "alice", 1, 300.0, device_id="P1")
    event = facts_event(grant, DeviceFacts(model="Pixel", os="Android 14"))
    assert (event.name, event.publication) == ("device-facts", "mail")
    assert event.details == (("grant_id", "g1"), ("model", "Pixel"), ("os", "Android 14"))


def test_of_a_phone_that_waits_the_event_brings_the_note_and_shows_nothing_of_a_person():
    event = waiting_facts_event("mail", b"\x00sealed", DeviceFacts(model="Pixel", imei="356938035643809"))
    assert (event.name, event.publication) == ("device-facts", "mail")
    assert event.details == (("note", "007365616c6564"), ("model", "Pixel"), ("imei", "356938035643809"))
    assert "356938035643809" not in repr(event)
