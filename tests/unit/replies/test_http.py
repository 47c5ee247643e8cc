from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.replies import http
from handfast.replies.families import Family, family_of
from handfast.replies.http import Reply, render

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "replies"
CHANNELS: list[Channel | None] = [None, *Channel]
REFUSALS = [reason for reason in Reason if family_of(reason) is not Family.ALLOWED]


def _render(reason: Reason, channel: Channel | None, **more) -> Reply:
    return render(
        reason,
        channel,
        challenges=(b'Basic realm="Handfast"',),
        allow=(b"OPTIONS", b"POST"),
        request_id="01hq.test-1",
        **more,
    )


def _as_table(reply: Reply) -> dict:
    return {
        "status": reply.status,
        "headers": [[name.decode(), value.decode()] for name, value in reply.headers],
        "body": reply.body.decode(),
        "close": reply.close,
    }


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda c: c.value if c else "none")
def test_every_reason_has_the_answer_of_the_golden_file(channel):
    """`HANDFAST_REGENERATE=1 pytest tests/unit/replies` writes the files anew; reviewing the diff is the test."""
    table = {r.value: _as_table(_render(r, channel)) for r in REFUSALS}
    path = GOLDEN / f"{channel.value if channel else 'none'}.json"
    if os.environ.get("HANDFAST_REGENERATE"):
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    assert table == json.loads(path.read_text(encoding="utf-8"))


def test_an_allowed_request_has_no_refusal():
    with pytest.raises(ValueError, match="forwarded"):
        _render(Reason.ALLOWED, None)


def test_every_wrong_credential_looks_the_same():
    first = Reason.CREDENTIAL_MISSING
    group = list(Reason)
    group = group[group.index(first) : group.index(Reason.ACCOUNT_DISABLED)]
    assert len(group) == 21
    assert len({_render(reason, Channel.ACTIVESYNC) for reason in group}) == 1
    assert _render(first, Channel.ACTIVESYNC).status == 401


def test_activesync_says_401_for_the_credential_alone_and_500_never():
    statuses = {r: _render(r, Channel.ACTIVESYNC).status for r in REFUSALS}
    assert 500 not in statuses.values()
    devices = list(Reason)
    devices = devices[devices.index(Reason.ACCOUNT_DISABLED) : devices.index(Reason.GRANT_EXPIRED)]
    assert {statuses[reason] for reason in devices} == {403}


def test_retry_after_stands_beside_every_503():
    for reason in REFUSALS:
        reply = _render(reason, Channel.ACTIVESYNC, retry_after=7)
        if reply.status == 503:
            assert (b"Retry-After", b"7") in reply.headers
    reply = _render(Reason.OVERLOADED, None)
    assert (b"Retry-After", b"30") in reply.headers
    assert (b"Retry-After", b"0") in _render(Reason.OVERLOADED, None, retry_after=-3).headers


def test_challenges_go_with_401_and_allow_with_405_only():
    for reason in REFUSALS:
        reply = _render(reason, None)
        names = [name for name, _ in reply.headers]
        assert (b"WWW-Authenticate" in names) == (reply.status == 401)
        assert (b"Allow" in names) == (reply.status == 405)


def test_a_malformed_request_gets_the_status_its_specification_names():
    assert _render(Reason.MALFORMED_REQUEST, None, status=501).status == 501
    assert _render(Reason.MALFORMED_REQUEST, None, status=505).close
    assert _render(Reason.UNKNOWN_HOST, None, status=501).status == 404
    with pytest.raises(ValueError, match="200"):
        _render(Reason.MALFORMED_REQUEST, None, status=200)


@pytest.mark.parametrize("bad", ["", "a\r\nX: y", "ä", "x" * 129])
def test_a_request_id_can_not_break_out_of_its_header(bad):
    with pytest.raises(ValueError, match="request id"):
        render(Reason.OVERLOADED, None, request_id=bad)


def test_what_no_table_knows_is_a_mistake_of_the_program_and_never_an_answer():
    with pytest.raises(AssertionError):
        _render(Reason.OVERLOADED, "fax")
    with pytest.raises(AssertionError):
        http._answer("whatever")
