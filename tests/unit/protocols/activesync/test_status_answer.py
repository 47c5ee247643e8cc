"""Status answers, command by command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.status_answer import (
    CommonStatus,
    encode_status_answer,
    has_status,
    parse_status_answer,
)
from handfast.protocols.activesync.wbxml import encode
from handfast.protocols.errors import MalformedMessage

# Page, elements and Status as tokens of MS-ASWBXML 2.1.2.1; where they stand, by the response schemas of MS-ASCMD 6.
BODIES = {
    Command.SYNC: "45 4e",
    Command.FOLDER_SYNC: "00 07 56 4c",
    Command.FOLDER_CREATE: "00 07 53 4c",
    Command.FOLDER_DELETE: "00 07 54 4c",
    Command.FOLDER_UPDATE: "00 07 55 4c",
    Command.MOVE_ITEMS: "00 05 45 4b",
    Command.GET_ITEM_ESTIMATE: "00 06 45 4e",
    Command.MEETING_RESPONSE: "00 08 47 4a 4b",
    Command.SEARCH: "00 0f 45 4c",
    Command.SETTINGS: "00 12 45 46",
    Command.PING: "00 0d 45 47",
    Command.ITEM_OPERATIONS: "00 14 45 4d",
    Command.PROVISION: "00 0e 45 4b",
    Command.RESOLVE_RECIPIENTS: "00 0a 45 47",
    Command.VALIDATE_CERT: "00 0b 45 4a",
    Command.SEND_MAIL: "00 15 45 52",
    Command.SMART_FORWARD: "00 15 46 52",
    Command.SMART_REPLY: "00 15 47 52",
    Command.FIND: "00 19 45 4a",
}
WITHOUT = set(Command) - BODIES.keys()


@pytest.mark.parametrize("command", BODIES)
def test_where_each_command_says_its_status(command):
    ends = "01 01 01" if command is Command.MEETING_RESPONSE else "01 01"
    body = bytes.fromhex(f"03 01 6a 00 {BODIES[command]} 03 31 34 30 00 {ends}")
    assert has_status(command)
    assert encode_status_answer(command, CommonStatus.REMOTE_WIPE_REQUESTED) == body
    assert parse_status_answer(command, body) == 140


def test_the_commands_without_one():
    assert {
        Command.OPTIONS,
        Command.GET_ATTACHMENT,
        Command.GET_HIERARCHY,
        Command.CREATE_COLLECTION,
        Command.DELETE_COLLECTION,
        Command.MOVE_COLLECTION,
    } == WITHOUT
    for command in WITHOUT:
        assert not has_status(command)
        with pytest.raises(ValueError, match="carries no Status"):
            encode_status_answer(command, 1)
        with pytest.raises(ValueError, match="carries no Status"):
            parse_status_answer(command, b"")


@pytest.mark.parametrize("status", [0, -1, 65536])
def test_no_status(status):
    with pytest.raises(ValueError, match="outside 1-65535"):
        encode_status_answer(Command.SYNC, status)


@pytest.mark.parametrize("command", BODIES)
def test_another_commands_answer_is_refused(command):
    other = Command.PING if command is not Command.PING else Command.SYNC
    with pytest.raises(MalformedMessage, match="another command's answer"):
        parse_status_answer(command, encode_status_answer(other, 1))


def test_an_answer_may_have_none():
    assert parse_status_answer(Command.SYNC, encode(Element("AirSync", "Sync"))) is None


# Source: MS-ASCMD 2.2.2.
def test_common_values():
    assert {status.value for status in CommonStatus} == {
        *(101, 102, 103, 110, 111, 126, 129, 130, 131, 139, 140, 141, 142, 143, 144, 145, 165, 177)
    }
    assert CommonStatus.DEVICE_IS_BLOCKED_FOR_THIS_USER == 129


@given(st.sampled_from(sorted(BODIES)), st.integers(1, 65535))
def test_what_is_said_is_read_again(command, status):
    assert parse_status_answer(command, encode_status_answer(command, status)) == status
