from __future__ import annotations

from dataclasses import replace

from handfast.decision.access import BasicCredential, Facts
from handfast.decision.evaluations import TEXT_LIMIT, build_evaluation, trace_stage
from handfast.decision.outcome import Challenge, Decision, Deny, Outcome, Pass
from handfast.decision.reasons import Reason
from handfast.decision.stages.credential import Authenticated
from handfast.identity.records import StageTrace
from tests.fakes.identity_process import IdentityProcess
from tests.fakes.one_phone import ALICE, NOW


def test_each_word_of_a_stage_is_traced():
    assert trace_stage("device", Pass("paired", "d")) == StageTrace("device", "pass", "", "paired", "d")
    denied = trace_stage("device", Deny(Reason.DEVICE_BLOCKED, "state", "lost"))
    assert denied == StageTrace("device", "deny", "device-blocked", "state", "lost")
    asked = trace_stage("credential", Challenge(Reason.CREDENTIAL_MISSING))
    assert asked == StageTrace("credential", "challenge", "credential-missing")


def test_an_evaluation_holds_who_and_why_and_never_the_secret():
    request = IdentityProcess().request(BasicCredential("alice", "SECRET"), request_line="POST /x")
    decision = Decision(Outcome.DENY, Reason.DEVICE_BLOCKED, login="alice")
    kept = build_evaluation(request, decision, NOW, Authenticated(ALICE, None))
    assert (kept.account_id, kept.device_id, kept.reason) == (ALICE.id, "PHONE1", "device-blocked")
    assert (kept.outcome, kept.login, kept.request_line) == ("deny", "alice", "POST /x")
    assert "SECRET" not in repr(kept)


def test_of_nobody_neither_account_nor_device_is_made_up():
    request = IdentityProcess().request(BasicCredential("x", "y"), device=None)
    kept = build_evaluation(request, Decision(Outcome.DENY, Reason.ACCOUNT_UNKNOWN), NOW, None)
    assert (kept.account_id, kept.device_id) == (None, None)


def test_claimed_texts_are_cut():
    long = "x" * 10_000
    request = IdentityProcess().request(BasicCredential(long, "y"), request_line=long)
    request = replace(request, facts=Facts(user_agent=long))
    decision = Decision(Outcome.DENY, Reason.ACCOUNT_UNKNOWN, login=long)
    kept = build_evaluation(request, decision, NOW, None)
    assert {len(kept.login), len(kept.user_agent), len(kept.request_line)} == {TEXT_LIMIT}
