from __future__ import annotations

import json
from datetime import UTC, datetime

from handfast.identity.administration.office import as_json, as_value
from handfast.identity.channels import Channel
from handfast.identity.records import Evaluation, StageTrace

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_a_record_becomes_json_with_what_is_nested_in_it():
    stages = (StageTrace("rule", "pass"), StageTrace("device", "deny", "device-blocked", "state"))
    record = Evaluation(
        "r1", NOW, "n", "mail", "out", "s", "c", "u", None, "P", "deny", "device-blocked", stages
    )
    row = json.loads(json.dumps(as_json(record, without=frozenset({"login"}))))
    assert "login" not in row
    assert row["at"] == "2026-03-02T09:00:00+00:00"
    assert row["account_id"] is None
    assert [stage["stage"] for stage in row["stages"]] == ["rule", "device"]


def test_values_take_the_form_that_json_knows():
    assert as_value(frozenset({Channel.EWS, Channel.ACTIVESYNC})) == ["activesync", "ews"]
    assert as_value(b"\x00\xff") == "00ff"
    assert as_value((1, "a")) == [1, "a"]
    assert as_value({1: NOW}) == {"1": NOW.isoformat()}
    assert as_value(3.5) == 3.5


async def test_what_is_not_found_says_where_to_look(desk):
    unknown = await desk.refused("account_show", account="ghost")
    assert "account list" in unknown.remedy
    missing = await desk.refused("device_show", account="alice", device_id="NONE")
    assert (missing.kind, "device list" in missing.remedy) == ("not-found", True)
    await desk("account_add", account_user="alice", domain="FABRIKAM")
    shown = await desk("account_show", account="alice")
    assert shown["upn"] == "alice@contoso.lab", "the default domain's account is meant"
