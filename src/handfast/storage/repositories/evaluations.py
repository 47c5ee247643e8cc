"""Decisions kept for `explain`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from handfast.identity.records import Evaluation, StageTrace
from handfast.storage.schema import evaluations
from handfast.storage.statements import Row, Transaction

_c = evaluations.c
_COLUMNS = (
    "request_id",
    "at",
    "node",
    "publication",
    "listener",
    "source",
    "channel",
    "login",
    "account_id",
    "device_id",
    "outcome",
    "reason",
    "stages",
    "user_agent",
    "request_line",
)
_STAGE = tuple(field.name for field in fields(StageTrace))
_EVALUATION = select(*(_c[name] for name in _COLUMNS))
_ADD = insert(evaluations).values({name: bindparam(name) for name in _COLUMNS})
_FIND = _EVALUATION.where(_c.request_id == bindparam("request_id")).order_by(_c.id.desc()).limit(1)
_RECENT = _EVALUATION.order_by(_c.id.desc()).limit(bindparam("page"))
_SWEEP = delete(evaluations).where(_c.at < bindparam("before"))


def _evaluation(row: Row) -> Evaluation:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["stages"] = tuple(StageTrace(**stage) for stage in json.loads(values["stages"]))
    return Evaluation(**values)


class SqlEvaluations:
    """Fits `identity.ports.EvaluationRepository`. A request id seen twice keeps both rows; `find` gives the newer."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def add(self, evaluation: Evaluation) -> None:
        values = {name: getattr(evaluation, name) for name in _COLUMNS}
        values["stages"] = json.dumps(
            [{name: getattr(stage, name) for name in _STAGE} for stage in evaluation.stages]
        )
        self._t.run(_ADD, **values)

    def find(self, request_id: str) -> Evaluation | None:
        row = self._t.first(_FIND, request_id=request_id)
        return None if row is None else _evaluation(row)

    def list_recent(self, *, limit: int) -> Sequence[Evaluation]:
        """Newest first."""
        return [_evaluation(row) for row in self._t.all(_RECENT, page=limit)]

    def sweep(self, *, before: datetime) -> int:
        return self._t.run(_SWEEP, before=before)
