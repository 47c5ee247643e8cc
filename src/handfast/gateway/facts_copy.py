"""What a phone says of itself in a request that passes: a copy is read after its answer began well.

The copy is bounded, and forgotten where the body is longer; the request streams past it untouched.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from handfast.decision.outcome import Grant
from handfast.decision.ports import GatewayEvent
from handfast.rewriting.activesync import MAX_FACTS_BYTES, facts_event, read_facts

_log = logging.getLogger(__name__)


class BodyCopy:
    """The body of one request that may hold facts."""

    __slots__ = ("_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def keep(self, pieces: Sequence[bytes]) -> None:
        """What goes behind, as it goes."""
        self._size += sum(map(len, pieces))
        if self._size <= MAX_FACTS_BYTES:
            self._pieces += pieces
        else:
            self._pieces = []

    def facts(self, grant: Grant) -> GatewayEvent | None:
        """The report of the facts in the whole body, None where there are none."""
        if not 0 < self._size <= MAX_FACTS_BYTES:
            return None
        try:
            facts = read_facts(b"".join(self._pieces))
            return facts_event(grant, facts) if facts is not None else None
        except Exception:  # noqa: BLE001 - the request has passed; what is learned from it must not spoil its answer
            _log.exception("a phone's facts could not be read")
            return None
