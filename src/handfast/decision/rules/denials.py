"""Refusals with a name: what is known to be an attack, or wanted by nobody outside, tried before anything may pass.

Nothing depends on these rules: what they name is refused by default as well. They are there so that the log and
`explain` say what a request was, and they stay in force where somebody widens what may pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from handfast.decision.reasons import Reason
from handfast.decision.rules.reading import forgiving_reading, raw_path


class Reading(StrEnum):
    """Which text of a target a denial is about."""

    FORGIVING = "forgiving"
    RAW_PATH = "raw-path"


@dataclass(frozen=True, slots=True)
class Denial:
    """One named refusal. `since` is the day it became known, `source` where; `pattern` is searched in lower-case text."""

    name: str
    since: date
    source: str
    why: str
    pattern: re.Pattern[str]
    reading: Reading = Reading.FORGIVING
    reason: Reason = Reason.PATH_DENIED


def find_denial(denials: Iterable[Denial], target: str) -> Denial | None:
    """The first denial that names a request target as sent."""
    texts = {Reading.FORGIVING: forgiving_reading(target), Reading.RAW_PATH: raw_path(target)}
    return next((denial for denial in denials if denial.pattern.search(texts[denial.reading])), None)
