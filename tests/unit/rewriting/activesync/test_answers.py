from __future__ import annotations

from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.status_answer import parse_status_answer
from handfast.rewriting.activesync.answers import (
    can_carry_status,
    document,
    options_answer,
    status_document,
    status_line,
)
from handfast.rewriting.activesync.asking import PhoneRequest


def test_no_answer_carries_framing_and_all_name_our_version():
    for answer in (status_line(449), document(b"x"), options_answer()):
        names = {name.lower() for name, _ in answer.headers}
        assert b"ms-server-activesync" in names
        assert not names & {b"content-length", b"connection", b"transfer-encoding", b"date"}
        assert not answer.close


def test_a_status_needs_a_version_and_a_command_that_know_it():
    assert can_carry_status(PhoneRequest("Sync", "14.0"))
    for request in (
        PhoneRequest("Sync", "12.1"),
        PhoneRequest("GetAttachment", "14.1"),
        PhoneRequest("OPTIONS", "14.1"),
        PhoneRequest("Steal", "14.1"),
    ):
        assert not can_carry_status(request)


def test_the_status_stands_in_the_commands_own_answer():
    answer = status_document(PhoneRequest("Ping", "16.1"), 140)
    assert parse_status_answer(Command.PING, answer.body) == 140
