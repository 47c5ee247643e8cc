from types import SimpleNamespace

import pytest

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.gateway.refused_answer import encode_reply, outcome_of, seconds_to_wait


def reply(status=403, headers=(), body=b"no"):
    return SimpleNamespace(status=status, headers=headers, body=body, close=False)


def test_a_refusal_has_a_date_and_our_own_framing():
    headers = ((b"X-A", b"1"), (b"Content-Length", b"99"), (b"Connection", b"upgrade"), (b"Date", b"never"))
    assert encode_reply(reply(headers=headers), keep=True, version=1, seconds=0.9) == (
        b"HTTP/1.1 403 Forbidden\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("keep", "version", "says"),
    [
        (False, 1, b"\r\nConnection: close\r\n"),
        (False, 0, b"\r\nConnection: close\r\n"),
        (True, 0, b"\r\nConnection: keep-alive\r\n"),
    ],
)
def test_it_says_what_becomes_of_the_connection(keep, version, says):
    assert says in encode_reply(reply(), keep=keep, version=version)


def test_a_status_without_a_phrase_has_one_all_the_same():
    assert encode_reply(reply(status=418), keep=True, version=1).startswith(b"HTTP/1.1 418 Refused\r\n")


@pytest.mark.parametrize(
    ("elapsed", "delay", "quantum", "expected"),
    [
        (0.0, 0.0, 0.25, 0.25),
        (0.01, 0.0, 0.25, 0.24),
        (0.26, 0.0, 0.25, 0.24),
        (0.01, 1.0, 0.25, 1.24),
        (0.3, 1.5, 0.0, 1.5),
    ],
)
def test_refusals_leave_on_the_quantum(elapsed, delay, quantum, expected):
    assert seconds_to_wait(elapsed, delay, quantum) == pytest.approx(expected)


def test_a_challenge_is_no_denial():
    assert outcome_of(Reason.NTLM_CONTINUE) is Outcome.CHALLENGE
    assert outcome_of(Reason.CREDENTIAL_WRONG) is Outcome.DENY
