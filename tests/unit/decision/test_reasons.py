from __future__ import annotations

import re

import pytest

from handfast.decision.reasons import Reason
from handfast.identity.app_passwords import PasswordRefusal


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_found_by_its_value_and_tells_its_meaning(reason):
    assert Reason.from_value(reason.value) is reason
    assert reason.meaning
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.value), "logs, metrics and fail2ban read it"


def test_values_and_meanings_are_each_one():
    assert len({reason.meaning for reason in Reason}) == len(Reason)
    assert len({str(reason) for reason in Reason}) == len(Reason)


def test_an_unknown_value_is_none_of_ours():
    with pytest.raises(KeyError):
        Reason.from_value("because")


def test_refusals_of_app_passwords_have_reasons_of_their_name():
    for refusal in PasswordRefusal:
        assert Reason.from_value(refusal.value).value == refusal.value
