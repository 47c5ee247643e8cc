"""A request that is not served: why, and what its answer needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.decision.reasons import Reason
from handfast.protocols.errors import MalformedMessage

if TYPE_CHECKING:
    from handfast.gateway.published import PublishedApp


class Refusal(Exception):
    """Ends the handling of a request. `status` overrides the reason's own; the rest is for the log alone.

    `rule` is what refused, by name, and `app` and `path` what it was asked of: there is no route where none was found.
    """

    def __init__(
        self,
        reason: Reason,
        *,
        status: int | None = None,
        detail: str = "",
        allow: tuple[bytes, ...] = (),
        rule: str = "",
        app: PublishedApp | None = None,
        path: str = "",
    ) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.status = status
        self.detail = detail
        self.allow = allow
        self.rule = rule
        self.app = app
        self.path = path


_COMMAND_FIELDS = frozenset({"Cmd", "command code"})
_REASON_BY_STATUS = {431: Reason.HEAD_TOO_LARGE, 413: Reason.BODY_TOO_LARGE, 405: Reason.METHOD_REFUSED}


def refusal_of(fault: MalformedMessage) -> Refusal:
    """The refusal for a peer's malformed message; its text goes to the log, never to the peer."""
    reason = _REASON_BY_STATUS.get(fault.status, Reason.MALFORMED_REQUEST)
    if fault.protocol == "activesync" and fault.field in _COMMAND_FIELDS:
        reason = Reason.COMMAND_REFUSED
    return Refusal(reason, status=fault.status, detail=str(fault))
