"""exchangelib, a client of Exchange Web Services, as its users configure it, in a world where published names are loopback.

Of exchangelib itself nothing is replaced but what it lets its users set: its HTTP adapter (which trusts the test's CA and
goes to a port that isn't 443) and the name server it asks. URLs, Host headers, TLS names and certificates are real.
"""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import exchangelib.autodiscover.cache
import requests.adapters
from exchangelib import DELEGATE, Account, Configuration, Credentials
from exchangelib.autodiscover import Autodiscovery, autodiscover_cache
from exchangelib.protocol import BaseProtocol, CachingProtocol, FailFast
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from tests.servers.name_server import name_server

HTTPS_PORT = 443
NOBODY_LISTENS = 1


class _World:
    """Where the published names are: the one place the classes below look."""

    port = 0
    ca_file = ""
    asked_again = 0
    """How often a whole credential was answered with another request for one."""


class _Connection(HTTPSConnection):
    """Goes to loopback, whatever the name; TLS and HTTP go on with the name."""

    def _new_conn(self) -> socket.socket:
        port = _World.port if self.port == HTTPS_PORT else NOBODY_LISTENS
        return socket.create_connection(("127.0.0.1", port), timeout=20)


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class LoopbackAdapter(requests.adapters.HTTPAdapter):
    """For `BaseProtocol.HTTP_ADAPTER_CLS`."""

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def send(self, request, **kwargs):
        if request.url.startswith("http:"):
            raise requests.exceptions.ConnectionError("nobody listens on port 80")
        kwargs.update(verify=_World.ca_file, proxies={})
        answer = super().send(request, **kwargs)
        _World.asked_again += answer.status_code == 401 and _is_whole(
            request.headers.get("Authorization", "")
        )
        return answer


def _is_whole(credential: str) -> bool:
    """Basic, or NTLM's last message, whose type is 3. Source: MS-NLMP 2.2.1.3."""
    scheme, _, token = credential.partition(" ")
    return scheme == "Basic" or (scheme in ("NTLM", "Negotiate") and base64.b64decode(token)[8] == 3)


@contextlib.contextmanager
def exchangelib_world(
    *, port: int, ca_file: Path, names: tuple[str, ...], folder: Path, services: dict[str, str] | None = None
) -> Iterator[type[_World]]:
    """exchangelib with empty caches, for which `names` are at `port` of this machine. One at a time."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(name_server(names, services))
        resolver = {"nameservers": ["127.0.0.1"], "port": server.port, "timeout": 2}
        for owner, attribute, value in (
            (BaseProtocol, "HTTP_ADAPTER_CLS", LoopbackAdapter),
            (BaseProtocol, "USERAGENT", "exchangelib/5.6.0 (python-requests)"),
            (Autodiscovery, "DNS_RESOLVER_KWARGS", {"configure": False}),
            (Autodiscovery, "DNS_RESOLVER_ATTRS", resolver),
            (exchangelib.autodiscover.cache, "AUTODISCOVER_PERSISTENT_STORAGE", folder / "autodiscover"),
        ):
            stack.enter_context(mock.patch.object(owner, attribute, value))
        _World.port, _World.ca_file, _World.asked_again = port, str(ca_file), 0
        try:
            yield _World
        finally:
            autodiscover_cache.clear()
            CachingProtocol.clear_cache()


def discovered(address: str, login: str, password: str) -> Account:
    """An account of which only the address, the login and the password are known."""
    credentials = Credentials(login, password)
    return Account(address, credentials=credentials, autodiscover=True, access_type=DELEGATE)


def configured(host: str, address: str, login: str, password: str, access_type: str = DELEGATE) -> Account:
    """An account whose server is known."""
    config = Configuration(
        server=host, credentials=Credentials(login, password), retry_policy=FailFast(), max_connections=1
    )
    return Account(address, config=config, autodiscover=False, access_type=access_type)
