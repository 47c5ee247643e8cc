"""What all connections of one worker share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from handfast.decision.ports import AuditSink, BackendSignIn, Decider, DeviceReports
from handfast.decision.reasons import Reason
from handfast.gateway.grants import GrantCache
from handfast.gateway.identity_link import IdentityLink
from handfast.gateway.model import GatewayModel
from handfast.gateway.proof_counts import ProofCounts
from handfast.gateway.proving import SecretProofs
from handfast.gateway.recording import Recorder
from handfast.gateway.wheel import TimerWheel
from handfast.identity.channels import Channel

if TYPE_CHECKING:
    from handfast.gateway.downstream import DownstreamConnection


class RenderedReply(Protocol):
    """A finished answer."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]: ...
    @property
    def body(self) -> bytes: ...
    @property
    def close(self) -> bool: ...


class Renderer(Protocol):
    """Turns a reason into its channel's answer (`handfast.replies.http.render`)."""

    def __call__(
        self,
        reason: Reason,
        channel: Channel | None,
        *,
        challenges: Sequence[bytes] = (),
        retry_after: int | None = None,
        request_id: str,
        status: int | None = None,
        allow: Sequence[bytes] = (),
    ) -> RenderedReply: ...


class WorkerState:
    """Shared by every connection of a worker; `model` is swapped whole on reload."""

    __slots__ = (
        "audit",
        "connections",
        "decider",
        "grants",
        "is_stopping",
        "link",
        "loop",
        "model",
        "proof_counts",
        "proofs",
        "recorder",
        "render",
        "reports",
        "sign_in",
        "tasks",
        "wheel",
    )

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        wheel: TimerWheel,
        model: GatewayModel,
        decider: Decider,
        sign_in: BackendSignIn,
        audit: AuditSink,
        recorder: Recorder,
        render: Renderer,
        grants: GrantCache,
        link: IdentityLink,
        reports: DeviceReports,
    ) -> None:
        self.loop = loop
        self.wheel = wheel
        self.model = model
        self.decider = decider
        self.sign_in = sign_in
        self.audit = audit
        self.recorder = recorder
        self.render = render
        self.grants = grants
        self.link = link
        self.reports = reports
        self.proofs = SecretProofs(loop)
        self.proof_counts = ProofCounts(loop.time)
        self.tasks: set[asyncio.Task[Any]] = set()
        self.connections: set[DownstreamConnection] = set()
        self.is_stopping = False

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work that has to wait; held until it ends."""
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
