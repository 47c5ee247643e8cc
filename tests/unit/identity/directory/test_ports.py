from __future__ import annotations

import inspect

import pytest

from handfast.decision.reasons import Reason
from handfast.identity.directory import ports
from handfast.identity.directory.ports import (
    AcceptedTicket,
    DelegatedToken,
    DelegationFailure,
    DelegationRefused,
    TicketFailure,
    TicketRefused,
)
from tests.fakes.directory import FakeDirectory


@pytest.mark.parametrize("failure", [*DelegationFailure, *TicketFailure])
def test_every_failure_is_a_reason(failure):
    assert Reason.from_value(failure.value).meaning


def test_the_directory_of_tests_has_every_call_of_the_port():
    wanted = {
        name: list(inspect.signature(method).parameters)
        for name, method in vars(ports.Directory).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    assert wanted.keys() >= {"changes", "find", "lockout", "check_password"}
    fake = FakeDirectory()
    assert {name: list(inspect.signature(getattr(fake, name)).parameters) for name in wanted} == {
        name: parameters[1:] for name, parameters in wanted.items()
    }


def test_what_was_refused_is_for_the_answer_and_its_words_for_administrators():
    delegation = DelegationRefused(DelegationFailure.CLOCK_SKEW, "37 minutes")
    assert (delegation.failure, delegation.detail) == (DelegationFailure.CLOCK_SKEW, "37 minutes")
    ticket = TicketRefused(TicketFailure.REPLAYED)
    assert (ticket.failure, ticket.detail) == (TicketFailure.REPLAYED, "")
    assert (str(delegation), str(ticket)) == ("clock-skew: 37 minutes", "ticket-replayed: ")


def test_no_token_stands_in_a_repr():
    for value in (
        DelegatedToken(b"SECRET", "h1"),
        AcceptedTicket("alice", "CONTOSO.LAB", "S-1-5-21-1", b"SECRET"),
    ):
        assert "SECRET" not in repr(value)
