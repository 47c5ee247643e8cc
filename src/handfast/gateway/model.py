"""What a worker serves at one moment. Reload builds a new model and swaps it whole; a request keeps the one it began with."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from handfast.gateway.config import BackendConfig, GatewayConfig, ListenerConfig
from handfast.gateway.pool import BackendPool
from handfast.gateway.published import PublishedApp
from handfast.gateway.routing import Router
from handfast.gateway.tls import ServerTls, load_server_tls


@dataclass(frozen=True, slots=True, eq=False)
class ListenerModel:
    """One listener with its certificates and its routes. `tls` is None where it speaks plain HTTP."""

    config: ListenerConfig
    tls: ServerTls | None
    router: Router

    @property
    def context(self) -> ssl.SSLContext | None:
        """The context a new connection begins its handshake with."""
        return self.tls.context if self.tls is not None else None


@dataclass(frozen=True, slots=True, eq=False)
class GatewayModel:
    """Listeners by name, every published host name, and the configuration they were made from."""

    config: GatewayConfig
    listeners: Mapping[str, ListenerModel]
    hosts: frozenset[str]
    backends: Mapping[BackendConfig, BackendPool]


def build_model(config: GatewayConfig, backends: Mapping[BackendConfig, BackendPool]) -> GatewayModel:
    """Loads certificates and connects publications with their pools (one for each distinct back-end configuration).

    Raises: OSError, ssl.SSLError where a certificate can't be read.
    """
    apps = [PublishedApp(item, backends[item.backend]) for item in config.publications]
    listeners = {
        item.name: ListenerModel(
            item, load_server_tls(item.certificates) if item.certificates else None, Router(item.name, apps)
        )
        for item in config.listeners
    }
    hosts = frozenset(host.lower() for item in config.publications for host in item.publication.hosts)
    return GatewayModel(config, listeners, hosts, dict(backends))
