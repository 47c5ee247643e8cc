import json

import pytest

from handfast.cli.explain import describe
from handfast.cli.next_steps import NEXT_STEPS
from handfast.decision.reasons import Reason


def test_every_reason_has_a_next_step():
    assert set(NEXT_STEPS) == set(Reason)
    assert all(len(one) > 10 for one in NEXT_STEPS.values())


@pytest.mark.parametrize("reason", list(Reason))
def test_explain_tells_stages_meaning_and_next_step(line, reason):
    line.administration.answers["explain"] = {
        "request_id": "r1",
        "at": "2026-03-01T12:00:00+00:00",
        "outcome": "deny",
        "reason": reason.value,
        "source": "192.0.2.1",
        "user_agent": "\x1b[31m",
        "stages": [
            {"stage": "source", "outcome": "pass", "reason": "", "rule": "all", "detail": ""},
            {
                "stage": "device",
                "outcome": "deny",
                "reason": reason.value,
                "rule": "mode=window",
                "detail": "none open",
            },
        ],
    }
    result = line("explain", "r1")
    assert result.exit_code == 0
    for text in (reason.value, reason.meaning, NEXT_STEPS[reason], "mode=window", "none open", "192.0.2.1"):
        assert text in result.stdout
    assert "\x1b" not in result.stdout
    told = json.loads(line("explain", "r1", "--json").stdout)
    assert (told["meaning"], told["next_step"]) == (reason.meaning, NEXT_STEPS[reason])
    assert line.administration.calls[0] == ("explain", {"request_id": "r1"})


def test_a_reason_of_a_later_version():
    assert "does not know" in describe("too-new")[0]


def test_an_unknown_request(line, refusal):
    line.administration.answers["explain"] = refusal(
        "not-found", "no decision has that id", "ids are kept 14 days"
    )
    assert line("explain", "r0").exit_code == 4
