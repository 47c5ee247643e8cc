"""A Handfast on two machines: identity and Exchange on the LAN, the gateway in the DMZ, mutual TLS between them.

The two machines are network namespaces; certificates, settings and processes are made as an administrator makes them.
The firewall is two links: `identity` and `exchange`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handfast.keys.key_file import create_key_file
from handfast.keys.pki import issue_demo_certificate
from tests.installation import HOST, Installation
from tests.lab_server import LabServer, lab_server
from tests.scenarios.site import Site
from tests.servers.namespaces import Network, inside, two_machines
from tests.servers.processes import server_directory

NODE = "edge1"
IDENTITY_PORT = 7443
GATEWAY_PORT = 8443
METRICS_PORT = 9464
CLIENTS_ADDRESS = "127.0.0.1"

PUBLICATION = """
[[publication]]
name = "mail"
hosts = ["{host}"]
auth = ["basic", "ntlm"]
{publication}

[publication.backend]
urls = {backends}
auth = "{backend_auth}"
{backend_options}

[[policy]]
name = "default"
mode = "first-use"
phone_refusals = "http"

[metrics]
address = "127.0.0.1:{metrics_port}"

{more}
"""

IDENTITY = (
    """
[identity]
database = "sqlite:///{folder}/handfast.db"
key_file = "{folder}/handfast.key"
runtime_dir = "{folder}/run"
default_domain = "CONTOSO"

[identity.listen]
address = "{identity_address}:{identity_port}"
certificate = "{folder}/identity.crt"
key = "{folder}/identity.key"
ca_file = "{folder}/pki/ca.crt"

[gateway]
stop_deadline_seconds = 2
"""
    + PUBLICATION
)

GATEWAY = (
    """
[identity]
runtime_dir = "{folder}/run"

[gateway]
node = "{node}"
workers = {workers}
stop_deadline_seconds = 2
grant_grace_seconds = {grace}

[gateway.identity]
url = "https://{identity_address}:{identity_port}"
certificate = "{node_certificate}"
key = "{node_key}"
ca_file = "{folder}/ca.crt"

[[listener]]
name = "outside"
address = "127.0.0.1:{port}"
certificate = "{certificate}"
key = "{key}"
"""
    + PUBLICATION
)


@dataclass
class SplitSite(Site):
    """A site whose gateway and identity are two installations on two machines."""

    network: Network
    folder: Path

    def pki(self, *words: str) -> Any:
        """`handfast pki ...` on the LAN."""
        return self.identity.cli("pki", *words)

    def issue_node(self, name: str, *publications: str, days: int = 30) -> tuple[Path, Path]:
        """A node certificate by the command line, (certificate, key)."""
        named = [word for publication in publications for word in ("--publication", publication)]
        into = self.folder / "issued"
        self.pki("issue", name, *named, "--days", str(days), "--into", str(into))
        return into / f"{name}.crt", into / f"{name}.key"


def needs_root() -> None:
    """Namespaces are root's; with CI=true the skip is a failure."""
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces")


@contextlib.contextmanager
def split_site(*, grace: float = 60, workers: int = 2, starts_gateway: bool = True) -> Iterator[SplitSite]:
    """Both machines, running. Without `starts_gateway` the gateway is prepared and left to the test."""
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(two_machines("identity", "exchange"))
        with inside(network.lan):  # the thread of the simulated Exchange is made, and stays, there
            exchange = stack.enter_context(lab_server(host=network.links["exchange"].lan_address))
        folder = stack.enter_context(server_directory("split"))
        site = _prepare(folder, network, exchange, grace=grace, workers=workers)
        stack.callback(site.identity.stop)
        site.identity.start()
        stack.callback(site.gateway.stop)
        if starts_gateway:
            site.gateway.start()
        yield site


def _prepare(folder: Path, network: Network, exchange: LabServer, **gateway: Any) -> SplitSite:
    lan, dmz = folder / "lan", folder / "dmz"
    lan.mkdir()
    dmz.mkdir()
    create_key_file(lan / "handfast.key", now=datetime.now(UTC))
    ca_file, server = issue_demo_certificate(dmz / "tls", [HOST, CLIENTS_ADDRESS], now=datetime.now(UTC))
    shared = {
        "host": HOST,
        "identity_address": network.links["identity"].lan_address,
        "identity_port": IDENTITY_PORT,
        "backends": json.dumps([exchange.url]),
        "backend_auth": "header",
        "backend_options": "",
        "metrics_port": METRICS_PORT,
        "publication": "",
        "more": "",
    }
    identity = _installation(lan, network.lan, IDENTITY, "identity", ca_file, shared)
    identity.write_settings()
    at_the_edge = {
        "certificate": server.certificate,
        "key": server.key,
        "port": GATEWAY_PORT,
        "node": NODE,
        "node_certificate": dmz / f"{NODE}.crt",
        "node_key": dmz / f"{NODE}.key",
        **gateway,
    }
    gateway_node = _installation(dmz, network.dmz, GATEWAY, "gateway", ca_file, {**shared, **at_the_edge})
    gateway_node.write_settings()
    site = SplitSite(gateway_node, identity, exchange, network=network, folder=folder)
    _certify(site, lan, dmz)
    return site


def _installation(
    folder: Path, namespace: str, template: str, verb: str, ca_file: Path, values: dict[str, Any]
) -> Installation:
    return Installation(
        folder=folder,
        settings=folder / "handfast.toml",
        port=GATEWAY_PORT,
        metrics_port=METRICS_PORT,
        ca_file=ca_file,
        values={"folder": folder, **values},
        log=folder / "handfast.log",
        template=template,
        verb=verb,
        address=CLIENTS_ADDRESS,
        namespace=namespace,
    )


def _certify(site: SplitSite, lan: Path, dmz: Path) -> None:
    """As docs tell: a CA on the LAN, a certificate for identity, one for the node, carried over with `ca.crt`."""
    site.pki("init")
    address = site.network.links["identity"].lan_address
    site.pki("issue", "identity", "--identity", "--host", address, "--into", str(lan))
    site.pki("issue", NODE, "--publication", "mail", "--into", str(dmz))
    shutil.copy(lan / "pki" / "ca.crt", dmz / "ca.crt")
