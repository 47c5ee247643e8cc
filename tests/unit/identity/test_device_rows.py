from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from handfast.identity.device_rows import COLUMNS, RowProblem, build_index, encode_row, parse_row
from handfast.identity.records import AccountId, PartnershipState, WipeKind
from tests.fakes.one_phone import ALICE, KNOWN, NOW

ANN = replace(ALICE, id=AccountId(2), user="ann", upn="ann@contoso.lab", display_name="Ann Bee")
TWIN = replace(ANN, id=AccountId(3), user="ann2", upn="ann2@contoso.lab")
INDEX = build_index([ALICE, ANN, TWIN])
ROW = {"account": "ann@contoso.lab", "device_id": "P1"}


def test_our_own_rows_are_read_back_exactly():
    partnership = replace(KNOWN, account_id=ANN.id, os="iOS 17", state_reason="=1+1", last_source="192.0.2.1")
    row = encode_row(partnership, ANN)
    assert tuple(row) == COLUMNS
    assert parse_row(row, INDEX, NOW) == partnership


@pytest.mark.parametrize(
    "name",
    ["ann", "ANN@contoso.lab", "contoso\\Ann", " ann ", "contoso.lab/Users/ann", "x/y/ann@contoso.lab"],
)
def test_a_row_finds_its_account_by_any_name(name):
    assert parse_row({**ROW, "account": name}, INDEX, NOW).account_id == ANN.id


def test_an_account_without_domain_is_found_by_its_name():
    bare = replace(ALICE, domain="", user="solo")
    assert build_index([bare]).find("SOLO") == ALICE.id


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"account": "ghost"}, "no account is called 'ghost'"),
        ({"account": "Ann Bee"}, "2 accounts"),
        ({"account": ""}, "names no account"),
        ({"device_id": " "}, "names no device"),
        ({"device_id": "a b"}, "is no device id"),
        ({"device_id": "\ud800"}, "is no device id"),
        ({"state": "happy"}, "known are"),
        ({"model": "x" * 257}, "model is longer than 256"),
        ({"last_seen_at": "soon"}, "is no time"),
    ],
)
def test_a_row_that_can_not_be_taken_says_why(changed, problem):
    with pytest.raises(RowProblem, match=problem):
        parse_row({**ROW, **changed}, INDEX, NOW)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-01-31T08:05:00+02:00", datetime(2026, 1, 31, 6, 5, tzinfo=UTC)),
        ("2026-01-31 08:05:00", datetime(2026, 1, 31, 8, 5, tzinfo=UTC)),
        ("1/31/2026 8:05:00 PM", datetime(2026, 1, 31, 20, 5, tzinfo=UTC)),
        ("31.01.2026 08:05:00", datetime(2026, 1, 31, 8, 5, tzinfo=UTC)),
        ("31/01/2026 08:05:00", datetime(2026, 1, 31, 8, 5, tzinfo=UTC)),
        ("", NOW),
    ],
)
def test_times_are_read_as_administrators_sessions_write_them(text, read):
    assert parse_row({**ROW, "FirstSyncTime": text}, INDEX, NOW).first_seen_at == read


def test_what_was_never_seen_since_was_last_seen_first():
    parsed = parse_row({**ROW, "first_seen_at": "2020-01-01T00:00:00"}, INDEX, NOW)
    assert parsed.last_seen_at == parsed.first_seen_at


def test_ours_wins_over_exchanges_name_and_the_upn_over_the_display_path():
    row = {**ROW, "DeviceId": "OTHER", "DeviceType": "iPhone", "UserDisplayName": "contoso.lab/Users/Alice"}
    parsed = parse_row(row, INDEX, NOW)
    assert (parsed.device_id, parsed.device_type, parsed.account_id) == ("P1", "iPhone", ANN.id)
    exchange = {
        "DeviceId": "p1",
        "UserDisplayName": "contoso.lab/Users/Ann Bee",
        "UserPrincipalName": "ann@contoso.lab",
    }
    assert parse_row(exchange, INDEX, NOW).account_id == ANN.id


@pytest.mark.parametrize(
    ("text", "state"), [("", "allowed"), ("DeviceDiscovery", "quarantined"), ("Blocked", "blocked")]
)
def test_a_row_says_its_state_unless_the_caller_does(text, state):
    assert parse_row({**ROW, "state": text}, INDEX, NOW).state == PartnershipState(state)
    overridden = parse_row({**ROW, "state": text}, INDEX, NOW, PartnershipState.PENDING)
    assert overridden.state is PartnershipState.PENDING


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("wipe_kind", "everything", "wipe_kind"),
        ("wipe_status", "-1", "wipe_status"),
        ("wipe_status", "99999", "wipe_status"),
        ("wipe_requested_at", "yesterday", "no time"),
    ],
)
def test_an_odd_wipe_is_reported(column, value, problem):
    row = {"account": "alice", "device_id": "P1", "state": "wiping", column: value}
    with pytest.raises(RowProblem, match=problem):
        parse_row(row, build_index([ALICE]), NOW)


def test_a_wipe_without_a_record_of_it_means_the_whole_device_now():
    row = {"account": "alice", "device_id": "P1", "state": "wiped"}
    wiped = parse_row(row, build_index([ALICE]), NOW)
    assert (wiped.wipe_kind, wiped.wipe_requested_at, wiped.wipe_acknowledged_at) == (
        WipeKind.DEVICE,
        NOW,
        NOW,
    )
    allowed = parse_row({**row, "state": "allowed", "wipe_kind": "device"}, build_index([ALICE]), NOW)
    assert (allowed.wipe_kind, allowed.wipe_requested_at) == (WipeKind.NONE, None)


def test_what_exchange_knows_of_a_phone_is_taken():
    row = {
        "UserPrincipalName": "alice",
        "DeviceId": "P1",
        "DeviceImei": "356938035643809",
        "DeviceOSLanguage": "de-DE",
        "DevicePhoneNumber": "+41",
        "DeviceMobileOperator": "Example",
    }
    taken = parse_row(row, build_index([ALICE]), NOW)
    assert (taken.imei, taken.os_language, taken.phone_number, taken.mobile_operator) == (
        "356938035643809",
        "de-DE",
        "+41",
        "Example",
    )
