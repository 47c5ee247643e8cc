import pytest

from handfast.identity.directory.ports import DelegationFailure, TicketFailure
from handfast.kerberos.failures import (
    Step,
    Verdict,
    spoils_own_ticket,
    ticket_failure,
    verdict_on,
)
from handfast.kerberos.mechanism import MechanismError, Unidentified

OWN, USER, IDENTITY, SERVICE = Step


@pytest.mark.parametrize(
    ("code", "at", "meant"),
    [
        (37, OWN, Verdict.CLOCK_SKEW),
        (148, OWN, Verdict.CLOCK_SKEW),
        (33, USER, Verdict.CLOCK_SKEW),
        (37, IDENTITY, Verdict.CLOCK_SKEW),
        (11, SERVICE, Verdict.CLOCK_SKEW),
        (29, OWN, Verdict.UNABLE),
        (60, USER, Verdict.UNABLE),
        (29, SERVICE, Verdict.UNABLE),
        (60, SERVICE, Verdict.UNABLE),
        (156, OWN, Verdict.SILENCE),
        (154, OWN, Verdict.SILENCE),
        (220, OWN, Verdict.SILENCE),
        (156, USER, Verdict.SILENCE),
        (220, USER, Verdict.SILENCE),
        (154, USER, Verdict.REFUSED),
        (156, SERVICE, Verdict.UNABLE),
        (154, SERVICE, Verdict.SERVICE_UNKNOWN),
        (220, SERVICE, Verdict.SERVICE_UNKNOWN),
        (24, OWN, Verdict.KEYTAB),
        (6, OWN, Verdict.KEYTAB),
        (18, OWN, Verdict.KEYTAB),
        (23, OWN, Verdict.KEYTAB),
        (7, OWN, Verdict.KEYTAB),
        (-1, OWN, Verdict.KEYTAB),
        (6, USER, Verdict.REFUSED),
        (7, USER, Verdict.REFUSED),
        (18, USER, Verdict.REFUSED),
        (1, USER, Verdict.REFUSED),
        (12, USER, Verdict.REFUSED),
        (44, IDENTITY, Verdict.KEYTAB),
        (31, IDENTITY, Verdict.KEYTAB),
        (-1, IDENTITY, Verdict.KEYTAB),
        (7, SERVICE, Verdict.SERVICE_UNKNOWN),
        (8, SERVICE, Verdict.SERVICE_UNKNOWN),
        (13, SERVICE, Verdict.REFUSED),
        (12, SERVICE, Verdict.REFUSED),
        (-1, SERVICE, Verdict.REFUSED),
    ],
)
def test_what_a_refusal_means_at_each_step(code, at, meant):
    assert verdict_on(MechanismError(code, "said"), at) is meant


@pytest.mark.parametrize(
    ("code", "spoils"), [(20, True), (31, True), (32, True), (41, True), (13, False), (-1, False)]
)
def test_whether_our_own_ticket_may_be_what_was_refused(code, spoils):
    assert spoils_own_ticket(MechanismError(code, "")) is spoils


def test_tickets_of_clients():
    assert ticket_failure(MechanismError(34, "Request is a replay")) is TicketFailure.REPLAYED
    assert ticket_failure(MechanismError(37, "Clock skew too great")) is TicketFailure.REFUSED
    assert ticket_failure(MechanismError(-1, "", is_wrong_binding=True)) is TicketFailure.BINDING_WRONG


def test_evidence_that_does_not_say_whose_it_is():
    assert verdict_on(Unidentified("no PAC"), IDENTITY) is Verdict.UNIDENTIFIED


def test_to_the_account_a_kdc_that_cannot_and_one_that_is_silent_are_the_same():
    assert Verdict.SILENCE.failure is Verdict.UNABLE.failure is DelegationFailure.UNAVAILABLE
    assert {one.failure for one in Verdict} == set(DelegationFailure)
