from __future__ import annotations

import pytest

from handfast.decision.reasons import Reason
from handfast.replies.families import Family, family_of


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_family(reason):
    assert family_of(reason) in Family


def test_no_family_is_without_a_reason():
    assert {family_of(reason) for reason in Reason} == set(Family)


def test_nobody_learns_whether_the_name_the_secret_or_the_counter_was_at_fault():
    alike = (
        Reason.CREDENTIAL_WRONG,
        Reason.ACCOUNT_UNKNOWN,
        Reason.ACCOUNT_LOCKED_OUT,
        Reason.DOMAIN_PASSWORD_NOT_TRIED,
        Reason.APP_PASSWORD_REVOKED,
        Reason.CREDENTIAL_MISSING,
    )
    assert {family_of(reason) for reason in alike} == {Family.CREDENTIAL}


def test_a_reason_that_is_none_of_ours_is_a_mistake_of_the_program():
    with pytest.raises(AssertionError):
        family_of("because")
