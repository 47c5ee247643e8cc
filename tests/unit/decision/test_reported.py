from __future__ import annotations

import pytest

from handfast.decision.ports import GatewayEvent
from handfast.decision.reasons import Reason
from handfast.decision.reported import (
    CONNECTION_EVENT,
    MAX_ID_CHARACTERS,
    REFUSED_EVENT,
    TEXT_LIMIT,
    parse_report,
    report_text,
)
from handfast.identity.recent_evaluations import is_report
from tests.fakes.one_phone import NOW


def parse(name=REFUSED_EVENT, count=1, **details):
    event = GatewayEvent(name, "mail", "192.0.2.1", count, tuple(details.items()))
    return parse_report("edge1", event, NOW, new_id="new")


def test_a_refusal_is_kept_as_that_gateway_claims_it():
    kept = parse(
        request_id="r1",
        reason="head-too-large",
        listener="outside",
        login="alice",
        device_id="P1",
        request_line="POST /x",
        detail="33000 bytes",
    )
    assert kept is not None
    assert (kept.request_id, kept.node, kept.source, kept.outcome) == ("r1", "edge1", "192.0.2.1", "deny")
    assert (kept.account_id, kept.device_id, kept.login) == (None, "P1", "alice")
    (stage,) = kept.stages
    assert (stage.reason, stage.rule, stage.detail) == ("head-too-large", "max_head_bytes", "33000 bytes")
    assert is_report(kept)


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [("credential-missing", "challenge"), ("ntlm-continue", "challenge"), ("credential-wrong", "deny")],
)
def test_asking_for_a_credential_is_no_refusal(reason, outcome):
    kept = parse(request_id="r1", reason=reason)
    assert kept is not None
    assert (kept.outcome, kept.device_id, kept.stages[0].rule) == (outcome, None, "")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_be_reported(reason):
    kept = parse(request_id="r1", reason=reason.value)
    assert kept is not None
    assert kept.reason == reason.value


def test_connections_closed_in_their_opening_get_an_id():
    kept = parse(CONNECTION_EVENT, count=40)
    assert kept is not None
    assert (kept.request_id, kept.reason) == ("new", "too-many-connections")
    assert kept.stages[0].detail == "40 connections"


@pytest.mark.parametrize(
    ("name", "details"),
    [
        (REFUSED_EVENT, {"reason": "head-too-large"}),
        (REFUSED_EVENT, {"request_id": "", "reason": "head-too-large"}),
        (REFUSED_EVENT, {"request_id": "x" * (MAX_ID_CHARACTERS + 1), "reason": "head-too-large"}),
        (REFUSED_EVENT, {"request_id": "r1"}),
        (REFUSED_EVENT, {"request_id": "r1", "reason": "because"}),
        ("backend-down", {"request_id": "r1", "reason": "head-too-large"}),
    ],
)
def test_what_reports_no_single_request_is_none(name, details):
    assert parse(name, **details) is None


def test_texts_are_short_ascii_whatever_a_client_sent():
    assert report_text("Grüße\r") == "Gr\\xfc\\xdfe\r"
    assert len(report_text("ü" * 1000)) == TEXT_LIMIT
    kept = parse(request_id="r1", reason="unknown-path", login="\udcff" * 999)
    assert kept is not None
    assert kept.login.isascii()
    assert len(kept.login) == TEXT_LIMIT
