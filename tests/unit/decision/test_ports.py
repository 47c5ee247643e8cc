from __future__ import annotations

from handfast.decision.ports import BackendAuthorization, BackendSignInRefused, GatewayEvent
from handfast.decision.reasons import Reason


def test_a_refused_sign_in_says_why():
    refused = BackendSignInRefused(Reason.BACKEND_SECRET_SUSPENDED)
    assert refused.reason is Reason.BACKEND_SECRET_SUSPENDED
    assert str(refused) == "backend-secret-suspended"


def test_what_signs_in_behind_us_stands_in_no_log():
    authorization = BackendAuthorization(((b"Authorization", b"Basic SECRET"),), version="3")
    assert "SECRET" not in repr(authorization)
    assert "3" in repr(authorization)


def test_an_event_counts_once_unless_it_says_more():
    assert GatewayEvent("request-refused").count == 1


def test_what_an_event_tells_of_a_person_stands_in_no_log():
    event = GatewayEvent("device-facts", "mail", details=(("imei", "356938035643809"),))
    assert "356938035643809" not in repr(event)
    assert "device-facts" in repr(event)
