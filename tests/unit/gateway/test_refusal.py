from __future__ import annotations

import pytest

from handfast.decision.reasons import Reason
from handfast.gateway.refusal import Refusal, refusal_of
from handfast.protocols.errors import MalformedMessage


def test_a_refusal_says_which_rule_of_what():
    app = object()
    refusal = Refusal(Reason.PATH_DENIED, rule="proxyshell", app=app, path="/x", detail="why")
    assert (refusal.rule, refusal.app, refusal.path, refusal.detail) == ("proxyshell", app, "/x", "why")
    assert str(refusal) == "path-denied"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (MalformedMessage("http", "head", "x"), Reason.MALFORMED_REQUEST),
        (MalformedMessage("http", "head", "x", status=431), Reason.HEAD_TOO_LARGE),
        (MalformedMessage("activesync", "Cmd", "x"), Reason.COMMAND_REFUSED),
    ],
)
def test_a_fault_of_the_peer_has_its_reason_and_its_text_for_the_log(fault, reason):
    refusal = refusal_of(fault)
    assert refusal.reason is reason
    assert refusal.detail == str(fault)
    assert (refusal.rule, refusal.app, refusal.path) == ("", None, "")
