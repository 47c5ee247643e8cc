"""A gateway worker: the data plane, connected to identity by a socket and nothing else."""

from __future__ import annotations

import asyncio
import os
import socket

from handfast.app.data_plane import build_gateway_config
from handfast.app.runtime_sockets import GATEWAY_SOCKET, runtime_socket
from handfast.gateway.worker import GatewayWorker
from handfast.identity_api.client import IdentityClient
from handfast.keys.mutual_tls import build_node_context
from handfast.observability import metrics
from handfast.observability.decisions import DecisionLog
from handfast.observability.log_output import LogOutput
from handfast.observability.logging import event_log
from handfast.observability.record_decision import DecisionRecorder
from handfast.settings.model import Settings

LISTENERS_VARIABLE = "HANDFAST_LISTENERS"
"""NAME=FD,... of the listening sockets the supervisor hands down."""
PATIENCE_SECONDS = 3.0
"""How long a new worker waits to hear of identity before it serves without: 503, which clients understand."""

GAUGE_SECONDS = 1.0

_LOG = event_log("gateway")


class GatewayProcess:
    """One worker process. Listening sockets come from the supervisor by descriptor."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._output = LogOutput(settings.log.file)
        self._log = DecisionLog(self._output, form=settings.log.format)
        self._client = connect_identity(settings)

    async def start(self) -> None:
        """Serves when it returns; identity may still be on its way (503 until then). Raises: OSError, ValueError."""
        self._worker = GatewayWorker(
            build_gateway_config(self._settings),
            decider=self._client,
            sign_in=self._client,
            revocations=self._client,
            audit=self._client,
            recorder=DecisionRecorder(self._log, self._client),
            reports=self._client,
        )
        # A worker that took connections before it has heard of identity would refuse them; another worker, or this
        # one in a moment, can serve them.
        await self._worker.start(inherited_listeners(), patience_seconds=PATIENCE_SECONDS)
        self._gauging = asyncio.get_running_loop().create_task(self._gauge())
        _LOG.info("gateway-serving", listeners=[listener.name for listener in self._settings.listeners])

    async def _gauge(self) -> None:
        """Shows how things stand, each second."""
        while True:
            status = self._worker.status()
            for listener, count in status.connections.items():
                metrics.CONNECTIONS.labels(listener).set(count)
            metrics.IDENTITY_REACHABLE.labels(self._settings.gateway.node).set(status.is_identity_reachable)
            for backend, is_well in status.backends.items():
                metrics.BACKEND_UP.labels(backend).set(is_well)
            await asyncio.sleep(GAUGE_SECONDS)

    async def reload(self, settings: Settings) -> None:
        """New connections see the new certificates, new requests the new publications; nothing is dropped."""
        await self._worker.reload(build_gateway_config(settings))
        self._output.reopen()
        self._settings = settings
        _LOG.info("gateway-reloaded")

    async def stop(self) -> None:
        """Takes nothing new, lets what is in flight finish until the deadline, and cuts the rest."""
        self._gauging.cancel()
        await self._worker.stop(self._settings.gateway.stop_deadline_seconds)
        await self._client.close()
        self._log.flush()


def connect_identity(settings: Settings) -> IdentityClient:
    """Over the Unix socket of this machine, or mutual TLS. Raises: OSError, ssl.SSLError, ValueError."""
    link = settings.gateway.identity
    if link is None:
        return IdentityClient.over_unix(runtime_socket(settings, GATEWAY_SOCKET), node=settings.gateway.node)
    context = build_node_context(link.certificate, link.key, link.ca_file)
    return IdentityClient.over_tls(link.url, context, node=settings.gateway.node)


def inherited_listeners() -> dict[str, socket.socket]:
    """The sockets named in the environment. Raises: OSError where a descriptor is none."""
    named = os.environ.pop(LISTENERS_VARIABLE, "")
    listeners = {}
    for part in filter(None, named.split(",")):
        name, _, descriptor = part.partition("=")
        listeners[name] = socket.socket(fileno=int(descriptor))
    return listeners
