"""What a phone says of itself: read in a copy of a request that passes, after its answer began well, or in one refused.

The copy is bounded, and forgotten where the body is longer; the request streams past it untouched. Of a refused request
nothing goes behind; its body was collected to answer a phone whose credential was good and which has to wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from handfast.decision.outcome import Grant
from handfast.decision.ports import GatewayEvent
from handfast.identity.device_facts import DeviceFacts
from handfast.rewriting.activesync import MAX_FACTS_BYTES, facts_event, read_facts, waiting_facts_event

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
        return _event(b"".join(self._pieces), partial(facts_event, grant))


def waiting_facts(publication: str, note: bytes, body: bytes) -> GatewayEvent | None:
    """The report of the facts in a refused phone's body, None where there are none; `note` is `Decision.telling`."""
    return _event(body, partial(waiting_facts_event, publication, note))


def _event(body: bytes, build: Callable[[DeviceFacts], GatewayEvent]) -> GatewayEvent | None:
    try:
        facts = read_facts(body)
        return build(facts) if facts is not None else None
    except Exception:  # noqa: BLE001 - what is learned from a request must not spoil its answer
        _log.exception("a phone's facts could not be read")
        return None
