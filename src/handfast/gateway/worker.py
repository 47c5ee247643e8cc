"""One gateway worker: its connections, its pools, its share of the listening sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from handfast.decision.ports import AuditSink, BackendSignIn, Decider, DeviceReports, RevocationSource
from handfast.gateway.acceptor import Acceptor
from handfast.gateway.config import BackendConfig, GatewayConfig
from handfast.gateway.grants import GrantCache, LiveGrant
from handfast.gateway.health import watch_backends
from handfast.gateway.identity_link import IdentityLink
from handfast.gateway.model import GatewayModel, build_model
from handfast.gateway.pool import BackendPool
from handfast.gateway.recording import Recorder
from handfast.gateway.revalidation import Revalidation
from handfast.gateway.state import Renderer, WorkerState
from handfast.gateway.wheel import TimerWheel
from handfast.replies.http import render as render_reply

START_POLL_SECONDS = 0.01
STOP_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Open connections by listener, whether identity is heard of, and whether each back end is well."""

    connections: dict[str, int]
    is_identity_reachable: bool
    backends: dict[str, bool]


class GatewayWorker:
    """Serves a configuration with the ports it is given. Usable inside any event loop."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        decider: Decider,
        sign_in: BackendSignIn,
        revocations: RevocationSource,
        audit: AuditSink,
        recorder: Recorder,
        reports: DeviceReports,
        render: Renderer = render_reply,
    ) -> None:
        self._config = config
        self._decider = decider
        self._sign_in = sign_in
        self._revocations = revocations
        self._audit = audit
        self._recorder = recorder
        self._reports = reports
        self._render = render
        self._acceptors: list[Acceptor] = []
        self._pools: dict[BackendConfig, BackendPool] = {}
        self._retired: list[BackendPool] = []
        self._health: dict[BackendConfig, asyncio.Task[None]] = {}
        self._link_task: asyncio.Task[None] | None = None
        self._revalidation: Revalidation | None = None
        self.state: WorkerState | None = None

    async def start(
        self, listening_sockets: Mapping[str, socket.socket], *, patience_seconds: float = 0.0
    ) -> None:
        """Serves the sockets, by listener name; before, it waits so long to hear of identity.

        Raises: OSError, ssl.SSLError, ValueError, KeyError (no such listener).
        """
        loop = asyncio.get_running_loop()
        wheel = TimerWheel(loop)
        grants = GrantCache(wheel)
        link = IdentityLink(
            self._revocations,
            grants,
            grace_seconds=self._config.grant_grace_seconds,
            pools=lambda: [*self._pools.values(), *self._retired],
            recheck=self._recheck,
        )
        state = WorkerState(
            loop=loop,
            wheel=wheel,
            model=self._build(self._config, loop, wheel),
            decider=self._decider,
            sign_in=self._sign_in,
            audit=self._audit,
            recorder=self._recorder,
            render=self._render,
            grants=grants,
            link=link,
            reports=self._reports,
        )
        self.state = state
        self._revalidation = Revalidation(state)
        grants.watcher = self._revalidation
        self._link_task = loop.create_task(link.run())
        ends = loop.time() + patience_seconds
        while not link.is_reachable and loop.time() < ends:  # noqa: ASYNC110 - once in a worker's life
            await asyncio.sleep(START_POLL_SECONDS)
        self._acceptors = [Acceptor(state, name, item) for name, item in listening_sockets.items()]
        for acceptor in self._acceptors:
            acceptor.listener()
            acceptor.start()

    async def reload(self, config: GatewayConfig) -> None:
        """Serves a new configuration from the next request on; connections and what runs stay.

        A listener of a socket we hold must still be there. Raises: OSError, ssl.SSLError, ValueError, KeyError; the old
        configuration then stays in force.
        """
        state = self._running()
        names = {item.name for item in config.listeners}
        gone = set(state.model.listeners) - names
        if gone:
            raise KeyError(f"listeners {sorted(gone)} can't be taken away while running")
        state.model = self._build(config, state.loop, state.wheel)
        self._config = config
        state.link.set_grace(config.grant_grace_seconds)
        # Policy may have changed: what was decided under the old one is decided anew.
        for live in state.grants.forget_all():
            self._recheck(live)

    async def stop(self, deadline_seconds: float) -> None:
        """Accepts nothing more, lets requests in flight end, and cuts them at the deadline."""
        state = self._running()
        state.is_stopping = True
        for acceptor in self._acceptors:
            acceptor.stop()
        for connection in tuple(state.connections):
            connection.drain_for_stop()
        ends = state.loop.time() + deadline_seconds
        # Who owes nothing any more is not waited for: an idle phone answers the end of its TLS whenever it wakes up.
        while _still_owes(state) and state.loop.time() < ends:  # noqa: ASYNC110 - not worth an event of its own
            await asyncio.sleep(STOP_POLL_SECONDS)
        for connection in tuple(state.connections):
            connection.cut_for_stop()
        # One turn, in which the last answers leave; who does not take them by then is not waited for.
        await asyncio.sleep(STOP_POLL_SECONDS)
        for connection in tuple(state.connections):
            connection.abort()
        await self._end_tasks(state)
        state.link.stop()
        for pool in (*self._pools.values(), *self._retired):
            pool.close_idle()
        state.wheel.stop()
        await asyncio.sleep(0)

    def status(self) -> WorkerStatus:
        """How things stand, for metrics. Raises: RuntimeError before `start`."""
        state = self._running()
        return WorkerStatus(
            connections={acceptor.name: len(acceptor.open) for acceptor in self._acceptors},
            is_identity_reachable=state.link.is_reachable,
            backends={
                backend.authority: backend.is_well
                for pool in self._pools.values()
                for backend in pool.backends
            },
        )

    async def _end_tasks(self, state: WorkerState) -> None:
        tasks = [*state.tasks, *self._health.values()]
        if self._link_task is not None:
            tasks.append(self._link_task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _running(self) -> WorkerState:
        if self.state is None:
            raise RuntimeError("the worker has not been started")
        return self.state

    def _recheck(self, live: LiveGrant) -> None:
        if self._revalidation is not None:
            self._revalidation.recheck(live)

    def _build(
        self, config: GatewayConfig, loop: asyncio.AbstractEventLoop, wheel: TimerWheel
    ) -> GatewayModel:
        """The model with its pools: those of unchanged servers go on, the others are new; the rest are retired."""
        wanted = {item.backend for item in config.publications}
        pools = {
            item: self._pools[item] if item in self._pools else BackendPool(item, loop, wheel)
            for item in wanted
        }
        model = build_model(config, pools)
        self._retired = [pool for pool in self._retired if any(item.connections for item in pool.backends)]
        for old in set(self._pools) - wanted:
            self._pools[old].close_idle()
            self._retired.append(self._pools[old])
            self._health.pop(old).cancel()
        for new in wanted - set(self._health):
            self._health[new] = loop.create_task(watch_backends(pools[new]))
        self._pools = pools
        return model


def _still_owes(state: WorkerState) -> bool:
    return not all(connection.owes_nothing for connection in state.connections)
