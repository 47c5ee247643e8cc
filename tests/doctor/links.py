"""Cases: a gateway node and identity on two machines, and the certificates between them."""

from __future__ import annotations

import itertools
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from handfast.doctor.findings import FindingId
from handfast.keys import pki
from handfast.keys.key_file import create_key_file
from tests.doctor.case import case, handfast_command, run_commands, run_here, wait_for
from tests.installation import HOST, Installation
from tests.servers.processes import free_port, wait_until
from tests.split_installation import GATEWAY, IDENTITY

F = FindingId
BACKDATED = timedelta(minutes=5)
ADDRESS = "127.0.0.1"


class Link:
    """Identity, which runs, and a gateway's settings and files; the machine between them is this one's loopback."""

    def __init__(self, folder: Path, backend: str) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        lan, dmz = folder / "lan", folder / "dmz"
        lan.mkdir()
        dmz.mkdir()
        create_key_file(lan / "handfast.key", now=datetime.now(UTC))
        shared = {
            "host": HOST,
            "identity_address": ADDRESS,
            "identity_port": free_port(),
            "backends": json.dumps([backend]),
            "backend_auth": "header",
            "backend_options": "",
            "publication": "",
            "more": "",
        }
        self.identity = _installation(lan, IDENTITY, "identity", shared)
        ca_file, server = pki.issue_demo_certificate(dmz / "tls", [HOST, ADDRESS], now=datetime.now(UTC))
        edge = {"certificate": server.certificate, "key": server.key, "port": free_port(), "node": "edge1"}
        named = {
            "node_certificate": dmz / "none.crt",
            "node_key": dmz / "none.key",
            "workers": 1,
            "grace": 60,
        }
        self.gateway = _installation(dmz, GATEWAY, "gateway", {**shared, **edge, **named})
        self.gateway.ca_file = ca_file
        run_here(self.identity, "pki", "init")
        shutil.copy(self.authority / "ca.crt", dmz / "ca.crt")
        self.put_identity(self.issue("identity", identity=True, hosts=[ADDRESS]))

    @property
    def authority(self) -> Path:
        """The folder of the node CA."""
        return self.identity.folder / "pki"

    def fresh(self) -> Path:
        """A folder nobody has used."""
        folder = self.folder / f"issued{next(self._numbers)}"
        folder.mkdir()
        return folder

    def issue(self, name: str, *, authority: Path | None = None, **how: Any) -> pki.IssuedCertificate:
        """A certificate as `handfast pki issue` makes it, at any time."""
        now = how.pop("now", datetime.now(UTC))
        return pki.issue(authority or self.authority, name, now=now, into=self.fresh(), **how)

    def node(self, **how: Any) -> pki.IssuedCertificate:
        """Gives the gateway a certificate under a name of its own; all is well unless `how` says otherwise."""
        node = f"edge{next(self._numbers)}"
        made = self.issue(how.pop("name", node), **{"publications": ["mail"], **how})
        self.gateway.write_settings(node=node, node_certificate=made.certificate, node_key=made.key)
        return made

    def put_identity(self, made: pki.IssuedCertificate) -> None:
        """Puts identity's files in place."""
        shutil.copy(made.certificate, self.identity.folder / "identity.crt")
        shutil.copy(made.key, self.identity.folder / "identity.key")

    def follow(self, remedy: str, **named: str) -> pki.IssuedCertificate:
        """Runs the remedy's `handfast pki issue` on identity's machine, as it stands there."""
        into = self.fresh()
        run_here(self.identity, *handfast_command(remedy, DIR=str(into), **named))
        [certificate] = into.glob("*.crt")
        return pki.IssuedCertificate(certificate, certificate.with_suffix(".key"), "", datetime.now(UTC))

    def renew_node(self, remedy: str) -> None:
        """As a node's remedies say: issued there, put in place here."""
        made = self.follow(remedy)
        shutil.copy(made.certificate, self.gateway.values["node_certificate"])
        shutil.copy(made.key, self.gateway.values["node_key"])

    def renew_identity(self, remedy: str) -> None:
        """As identity's remedies say: issued, put in place, restarted."""
        self.put_identity(self.follow(remedy))
        self.restart()

    def restart(self) -> None:
        """Identity reads its certificate when it starts."""
        self.identity.stop()
        self.identity.start()


def _installation(folder: Path, template: str, verb: str, values: dict[str, Any]) -> Installation:
    port = free_port()
    site = Installation(
        folder=folder,
        settings=folder / "handfast.toml",
        port=0,
        metrics_port=port,
        ca_file=folder / "ca.crt",
        values={"folder": folder, "metrics_port": port, **values},
        log=folder / "handfast.log",
        template=template,
        verb=verb,
    )
    site.write_settings()
    return site


@case(F.NODE_CERTIFICATE_UNREADABLE, "No such file", remedy="pki issue")
def a_node_has_no_certificate_yet(world):
    link = world.make_link()
    made = link.node()
    made.certificate.unlink()
    made.key.unlink()
    [told] = yield link.gateway
    link.renew_node(told["remedy"])


@case(F.NODE_CERTIFICATE_UNREADABLE, "must hold PEM", remedy="pki issue")
def a_node_s_certificate_is_broken(world):
    link = world.make_link()
    link.node().certificate.write_bytes(b"nothing\n")
    [told] = yield link.gateway
    link.renew_node(told["remedy"])


@case(F.NODE_CERTIFICATE_EXPIRED, "[gateway.identity]", "edge", remedy="pki issue edge")
def a_node_s_certificate_has_ended(world):
    link = world.make_link()
    link.node(now=datetime.now(UTC) - timedelta(days=3), days=1)
    [told] = yield link.gateway
    link.renew_node(told["remedy"])


@case(F.NODE_CERTIFICATE_EXPIRED, "[identity.listen]", remedy=f"--host {ADDRESS}")
def identity_s_certificate_has_ended(world):
    link = world.make_link()
    past = datetime.now(UTC) - timedelta(days=3)
    link.put_identity(link.issue("identity", identity=True, hosts=[ADDRESS], now=past, days=1))
    [told] = yield link.identity
    link.renew_identity(told["remedy"])


@case(F.NODE_CERTIFICATE_EXPIRES_SOON, "in 9 days", remedy="pki issue edge", severity="warning")
def a_node_s_certificate_ends_soon(world):
    link = world.make_link()
    link.node(days=10)
    [told] = yield link.gateway
    link.renew_node(told["remedy"])


@case(F.NODE_CERTIFICATE_NOT_YET_VALID, "edge", remedy="or wait")
def a_node_s_certificate_has_not_begun(world):
    link = world.make_link()
    begins = datetime.now(UTC) + world.patience
    link.node(now=begins + BACKDATED)
    yield link.gateway
    wait_for(begins)


@case(F.NODE_CERTIFICATE_CHAIN, "edge", remedy="pki issue edge")
def a_node_s_certificate_is_of_a_foreign_ca(world):
    link = world.make_link()
    foreign = link.fresh() / "pki"
    run_here(link.identity, "pki", "init", "--directory", str(foreign))
    link.node(authority=foreign)
    [told] = yield link.gateway
    link.renew_node(told["remedy"])


@case(F.NODE_CERTIFICATE_NAMES, "of node another", remedy="pki issue edge")
def a_node_has_another_s_certificate(world):
    link = world.make_link()
    link.node(name="another")
    [told] = yield link.gateway
    link.renew_node(told["remedy"])


@case(F.NODE_CERTIFICATE_NAMES, "publication mail", remedy="--publication mail")
def a_node_may_not_serve_what_it_publishes(world):
    link = world.make_link()
    link.node(publications=["calendar"])
    [told] = yield link.gateway
    link.renew_node(told["remedy"])


@case(F.NODE_CERTIFICATE_NAMES, "[identity.listen]", "not one for identity", remedy="--identity")
def identity_has_a_node_s_certificate(world):
    link = world.make_link()
    link.put_identity(link.issue("edge", publications=["mail"]))
    [told] = yield link.identity
    link.renew_identity(told["remedy"])


@case(F.NODE_KEY_UNREADABLE, "no PEM key", remedy="pki issue edge")
def a_node_s_key_is_broken(world):
    link = world.make_link()
    link.node().key.write_bytes(b"nothing\n")
    [told] = yield link.gateway
    link.renew_node(told["remedy"])


@case(F.NODE_KEY_MISMATCH, remedy="pki issue edge")
def a_node_s_key_is_another_s(world):
    link = world.make_link()
    made, other = link.node(), link.issue("other", publications=["mail"])
    shutil.copy(other.key, made.key)
    [told] = yield link.gateway
    link.renew_node(told["remedy"])


@case(F.NODE_KEY_MODE, "0644", remedy="chmod 600")
def a_node_s_key_is_open_to_all(world):
    link = world.make_link()
    link.node().key.chmod(0o644)
    [told] = yield link.gateway
    run_commands(told["remedy"])


@case(F.NODE_KEY_MODE, "[identity.listen]", remedy="chmod 600")
def identity_s_key_is_open_to_all(world):
    link = world.make_link()
    (link.identity.folder / "identity.key").chmod(0o644)
    [told] = yield link.identity
    run_commands(told["remedy"])


@case(F.NODE_REFUSED, "does not let node", remedy="`handfast pki list`")
def a_node_was_revoked(world):
    link = world.make_link()
    link.node()
    node = link.gateway.values["node"]
    assert link.gateway.run("doctor").returncode == 0, "it was let in until now"
    run_here(link.identity, "pki", "revoke-node", node)
    [told] = yield link.gateway
    [listed] = [
        one for one in json.loads(run_here(link.identity, "pki", "list", "--json")) if one["name"] == node
    ]
    assert listed["revoked_at"]
    made = link.follow(told["remedy"], NEW=f"{node}-new")
    link.gateway.write_settings(node=f"{node}-new", node_certificate=made.certificate, node_key=made.key)


@case(F.IDENTITY_CERTIFICATE, "does not verify", remedy=f"--host {ADDRESS}")
def identity_is_certified_for_another_name(world):
    link = world.make_link()
    link.node()
    link.put_identity(link.issue("identity", identity=True, hosts=["elsewhere.lan"]))
    link.restart()
    [told] = yield link.gateway
    link.renew_identity(told["remedy"])


@case(F.IDENTITY_UNREACHABLE, "[gateway.identity]", remedy="start identity")
def identity_is_stopped(world):
    link = world.make_link()
    link.node()
    link.identity.stop()
    yield link.gateway
    link.identity.start()
    wait_until(link.identity.is_healthy, "identity serves")
