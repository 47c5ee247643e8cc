"""What the requests and answers of a rule go through beyond being passed on. Most rules have none of it.

Everything named here is a pure function or a sans-io reader: this room holds bytes for it, within limits, and does what
it says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from handfast.protocols.http1.head import RequestHead
from handfast.rewriting.answers import (
    AnswerRewriter,
    InspectedRequest,
    RefusedRequest,
    RequestInspector,
    WholeAnswer,
)


class PrefixReader(Protocol):
    """Reads the beginning of one request's body, until it has seen enough to let the rest pass unread."""

    def feed(self, pieces: Sequence[bytes], *, is_done: bool) -> RefusedRequest | bool:
        """True: all of it may pass. False: more is needed."""
        ...


BeginPrefix = Callable[[RequestHead], PrefixReader | RefusedRequest]
"""Begins the reading of one request with a body, or refuses it by its head."""
LocalAnswer = Callable[[InspectedRequest], WholeAnswer | RefusedRequest]
"""The gateway's own answer: the same for everybody who says the same, whoever it is said of. It sees no body."""


@dataclass(frozen=True, slots=True, eq=False)
class Handling:
    """How one rule's messages are looked at.

    `answers` speaks before sign-in, of the head alone: nothing of such a rule ever goes behind. `inspector` sees a
    whole request after sign-in and before a byte of it goes behind; `reads_prefix` the beginning of a streamed one.
    `rewriter` sees every whole answer; its requests are held whole too, up to `max_request_bytes` where there is no
    inspector.

    Raises: ValueError where the parts exclude each other.
    """

    answers: LocalAnswer | None = None
    inspector: RequestInspector | None = None
    reads_prefix: BeginPrefix | None = None
    rewriter: AnswerRewriter | None = None
    max_request_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        kinds = (
            self.answers is not None,
            self.reads_prefix is not None,
            self.inspector is not None or self.rewriter is not None,
        )
        if sum(kinds) != 1:
            raise ValueError("a rule is answered here, or read at its beginning, or held whole")
