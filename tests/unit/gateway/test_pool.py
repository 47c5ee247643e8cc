"""Refused sign-ins that a worker remembers."""

from handfast.decision.reasons import Reason
from handfast.gateway import pool
from handfast.gateway.pool import REFUSED_SECONDS, RefusedSignIns


def test_a_refusal_is_remembered_for_seconds_and_in_little_room(monkeypatch):
    monkeypatch.setattr(pool, "MAX_REFUSED", 2)
    refused = RefusedSignIns()
    for number in (1, 2, 3):
        refused.keep(number, "mail", Reason.DELEGATION_REFUSED, 0.0)
    found = [refused.find(number, "mail", REFUSED_SECONDS - 0.1) for number in (1, 2, 3)]
    assert found == [None, Reason.DELEGATION_REFUSED, Reason.DELEGATION_REFUSED]
    assert refused.find(3, "web", 1.0) is None
    assert refused.find(3, "mail", REFUSED_SECONDS) is None
