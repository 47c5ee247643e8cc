"""What `handfast explain` shows of a decision: each stage's word, and the request they spoke of."""

from __future__ import annotations

from datetime import datetime

from handfast.decision.access import AccessRequest
from handfast.decision.outcome import Challenge, Decision, Deny, StageResult
from handfast.decision.stages.credential import Authenticated
from handfast.identity.records import Evaluation, StageTrace

TEXT_LIMIT = 512
"""Characters of a claimed text that an evaluation keeps."""


def trace_stage(stage: str, result: StageResult) -> StageTrace:
    """What one stage said."""
    if isinstance(result, Deny):
        return StageTrace(stage, "deny", result.reason.value, result.rule, result.detail)
    if isinstance(result, Challenge):
        return StageTrace(stage, "challenge", result.reason.value, result.rule, result.detail)
    return StageTrace(stage, "pass", "", result.rule, result.detail)


def build_evaluation(
    request: AccessRequest, decision: Decision, now: datetime, authenticated: Authenticated | None
) -> Evaluation:
    """The record of one decision; what the client claimed is cut to `TEXT_LIMIT`."""
    return Evaluation(
        request_id=request.request_id,
        at=now,
        node=request.node,
        publication=request.publication,
        listener=request.listener,
        source=request.source,
        channel=request.channel.value,
        login=decision.login[:TEXT_LIMIT],
        account_id=None if authenticated is None else authenticated.account.id,
        device_id=None if request.device is None else request.device.device_id,
        outcome=decision.outcome.value,
        reason=decision.reason.value,
        stages=decision.stages,
        user_agent=request.facts.user_agent[:TEXT_LIMIT],
        request_line=request.request_line[:TEXT_LIMIT],
    )
