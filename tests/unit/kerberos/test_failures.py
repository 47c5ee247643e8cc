import pytest

from handfast.identity.directory.ports import DelegationFailure, TicketFailure
from handfast.kerberos.failures import (
    Step,
    delegation_failure,
    is_kdcs_answer,
    spoils_own_ticket,
    ticket_failure,
)
from handfast.kerberos.mechanism import MechanismError

OWN, USER, SERVICE = Step


@pytest.mark.parametrize(
    ("code", "at", "meant"),
    [
        (37, OWN, DelegationFailure.CLOCK_SKEW),
        (148, OWN, DelegationFailure.CLOCK_SKEW),
        (33, USER, DelegationFailure.CLOCK_SKEW),
        (11, SERVICE, DelegationFailure.CLOCK_SKEW),
        (156, OWN, DelegationFailure.UNAVAILABLE),
        (220, USER, DelegationFailure.UNAVAILABLE),
        (29, SERVICE, DelegationFailure.UNAVAILABLE),
        (60, SERVICE, DelegationFailure.UNAVAILABLE),
        (154, OWN, DelegationFailure.UNAVAILABLE),
        (154, SERVICE, DelegationFailure.UNAVAILABLE),
        (154, USER, DelegationFailure.REFUSED),
        (24, OWN, DelegationFailure.KEYTAB),
        (6, OWN, DelegationFailure.KEYTAB),
        (18, OWN, DelegationFailure.KEYTAB),
        (23, OWN, DelegationFailure.KEYTAB),
        (7, OWN, DelegationFailure.KEYTAB),
        (-1, OWN, DelegationFailure.KEYTAB),
        (6, USER, DelegationFailure.REFUSED),
        (7, USER, DelegationFailure.REFUSED),
        (18, USER, DelegationFailure.REFUSED),
        (1, USER, DelegationFailure.REFUSED),
        (12, USER, DelegationFailure.REFUSED),
        (7, SERVICE, DelegationFailure.SERVICE_UNKNOWN),
        (8, SERVICE, DelegationFailure.SERVICE_UNKNOWN),
        (13, SERVICE, DelegationFailure.REFUSED),
        (12, SERVICE, DelegationFailure.REFUSED),
        (-1, SERVICE, DelegationFailure.REFUSED),
    ],
)
def test_what_a_refusal_means_at_each_step(code, at, meant):
    assert delegation_failure(MechanismError(code, "said"), at) is meant


@pytest.mark.parametrize(
    ("code", "spoils"), [(20, True), (31, True), (32, True), (41, True), (13, False), (-1, False)]
)
def test_whether_our_own_ticket_may_be_what_was_refused(code, spoils):
    assert spoils_own_ticket(MechanismError(code, "")) is spoils


def test_tickets_of_clients():
    assert ticket_failure(MechanismError(34, "Request is a replay")) is TicketFailure.REPLAYED
    assert ticket_failure(MechanismError(37, "Clock skew too great")) is TicketFailure.REFUSED
    assert ticket_failure(MechanismError(-1, "", is_wrong_binding=True)) is TicketFailure.BINDING_WRONG


@pytest.mark.parametrize(
    ("code", "is_answer"), [(29, True), (60, True), (156, False), (220, False), (154, False)]
)
def test_what_a_kdc_itself_said(code, is_answer):
    assert is_kdcs_answer(MechanismError(code, "")) is is_answer
