"""Refusals a gateway made by itself, as identity keeps them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handfast.decision.ports import GatewayEvent
from handfast.decision.reasons import Reason
from handfast.decision.reported import (
    MAX_ID_CHARACTERS,
    REFUSED_EVENT,
    TEXT_LIMIT,
    parse_report,
    report_text,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def event(**details: str) -> GatewayEvent:
    return GatewayEvent(REFUSED_EVENT, "mail", "192.0.2.1", details=tuple(details.items()))


def test_a_refusal_becomes_an_evaluation_with_the_gateway_s_stage():
    told = parse_report(
        "edge1",
        event(
            request_id="r1",
            reason="backend-timeout",
            listener="outside",
            channel="activesync",
            login="alice",
            device_id="ABC",
            request_line="POST /x",
            detail="10.0.0.9:443",
        ),
        NOW,
        new_id="unused",
    )
    assert told is not None
    assert (told.request_id, told.node, told.outcome, told.reason) == (
        "r1",
        "edge1",
        "deny",
        "backend-timeout",
    )
    assert (told.publication, told.source, told.login, told.device_id) == (
        "mail",
        "192.0.2.1",
        "alice",
        "ABC",
    )
    [stage] = told.stages
    assert (stage.stage, stage.rule, stage.detail) == ("gateway", "answer_timeout_seconds", "10.0.0.9:443")


def test_a_challenge_is_told_as_one():
    told = parse_report("edge1", event(request_id="r1", reason="ntlm-continue"), NOW, new_id="")
    assert told is not None
    assert (told.outcome, told.device_id) == ("challenge", None)


@pytest.mark.parametrize(
    "other",
    [
        event(reason="backend-timeout"),
        event(request_id="", reason="backend-timeout"),
        event(request_id="x" * 65, reason="backend-timeout"),
        event(request_id="r1", reason="no-such-reason"),
        event(request_id="r1"),
        GatewayEvent("backend-sign-in-refused", details=(("request_id", "r1"),)),
    ],
)
def test_what_names_no_request_or_no_reason_is_none(other):
    assert parse_report("edge1", other, NOW, new_id="n") is None


def test_connections_that_never_became_requests_get_an_id():
    told = parse_report(
        "edge1", GatewayEvent("too-many-connections", source="192.0.2.1", count=12), NOW, new_id="n1"
    )
    assert told is not None
    assert (told.request_id, told.reason) == ("n1", Reason.TOO_MANY_CONNECTIONS.value)
    assert told.stages[0].detail == "12 connections"


def test_texts_are_short_and_plain():
    assert report_text("caf\xe9\ud800\n") == "caf\\xe9\\ud800\n"
    assert len(report_text("\u20ac" * 500)) == TEXT_LIMIT


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_be_reported(reason):
    kept = parse_report("edge1", event(request_id="r1", reason=reason.value), NOW, new_id="new")
    assert kept is not None
    assert kept.reason == reason.value
    assert (kept.account_id, kept.device_id) == (None, None), "a gateway's report names nobody"


def test_an_id_longer_than_ours_is_no_requests():
    told = event(request_id="x" * (MAX_ID_CHARACTERS + 1), reason="head-too-large")
    assert parse_report("edge1", told, NOW, new_id="new") is None


def test_the_rule_that_refused_is_told_where_no_setting_spoke():
    named = parse_report(
        "edge1", event(request_id="r1", reason="path-denied", rule="proxyshell"), NOW, new_id="n"
    )
    assert named.stages[0].rule == "proxyshell"
    limited = parse_report(
        "edge1", event(request_id="r1", reason="body-too-large", rule="ews"), NOW, new_id="n"
    )
    assert limited.stages[0].rule == "max_body_bytes"


def test_what_the_gateway_answered_by_itself_is_no_refusal():
    told = parse_report(
        "edge1", event(request_id="r1", reason="answered-here", rule="autodiscover-json"), NOW, new_id="n"
    )
    assert (told.outcome, told.stages[0].rule) == ("allow", "autodiscover-json")
