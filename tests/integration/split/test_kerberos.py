"""Kerberos on two machines: the ticket crosses the link between them, and nothing that makes tickets does."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handfast.keys.pki import issue_demo_certificate
from handfast.protocols.kerberos.keytab import parse_keytab
from tests.door import connection, send
from tests.servers.kerberos_backend import DemandingBackend
from tests.servers.namespaces import inside
from tests.servers.processes import descendants, wait_until
from tests.servers.samba import DomainController
from tests.servers.samba_domain import REALM, service_password
from tests.split_installation import SplitSite, needs_root, split_site

pytestmark = pytest.mark.needs("ip", "samba", "samba-tool", "ldbmodify", "kinit")

KERBEROS = """
[kerberos]
keytab = "{keytab}"
principal = "svc-gw@{realm}"
kdcs = ["{kdc}"]
"""


@dataclass
class World:
    """Both machines, the domain controller and the demanding server on the LAN, and alice's app password."""

    site: SplitSite
    dc: DomainController
    server: DemandingBackend
    password: str


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    needs_root()
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(split_site(workers=1, starts_gateway=False))
        lan = site.network.lan
        with inside(lan):
            dc = stack.enter_context(DomainController())
        dc.keytab("gw").chmod(0o600)
        ca_file, shown = issue_demo_certificate(site.folder / "fe", ["fe.contoso.lab"], now=datetime.now(UTC))
        with inside(lan):
            server = DemandingBackend(
                shown.certificate,
                shown.key,
                dc.keytab("fe"),
                binding_of(shown.certificate),
                site.network.links["exchange"].lan_address,
            )
            stack.enter_context(server.running())
        behind = {
            "backends": f'["{server.url}"]',
            "backend_auth": "kerberos",
            "backend_options": f'ca_file = "{ca_file}"\nserver_name = "fe.contoso.lab"',
        }
        spn = '\nspn = "HTTP/fe.contoso.lab"'
        realm = KERBEROS.format(keytab=dc.keytab("gw"), realm=REALM, kdc=dc.address)
        site.identity.stop()
        site.identity.write_settings(
            **{**behind, "backend_options": behind["backend_options"] + spn, "more": dc.settings() + realm}
        )
        site.identity.start()
        site.gateway.write_settings(**behind)
        site.gateway.start()
        wait_until(
            lambda: site.identity.run("account", "show", "alice@contoso.lab").returncode == 0, "mirrored", 30
        )
        yield World(site, dc, server, site.identity.issue("alice@contoso.lab"))


def binding_of(certificate: Path) -> bytes:
    """Source: RFC 5929 4.1."""
    first = certificate.read_text().partition("-----END CERTIFICATE-----")
    der = ssl.PEM_cert_to_DER_cert(first[0] + first[1] + "\n")
    return b"tls-server-end-point:" + hashlib.sha256(der).digest()


def test_a_ticket_of_the_lan_is_bound_to_a_connection_of_the_dmz(world: World) -> None:
    with inside(world.site.network.dmz), connection(world.site.gateway) as phone:
        for _ in range(3):
            answer = send(phone, "CONTOSO\\alice", world.password)
            assert (answer.status, answer.body) == (200, b"alice@CONTOSO.LAB"), world.site.gateway.log_lines(
                "reason="
            )
    assert (world.server.seen.tickets, world.server.seen.bound) == ([True, False, False], [True])


def test_the_dmz_has_no_keytab_no_key_and_no_ticket_cache(world: World) -> None:
    """Searched: its files, and what its processes have mapped, opened, in their environment and in their memory."""
    keytab = world.dc.keytab("gw")
    keys = [entry.key for entry in parse_keytab(keytab.read_bytes())]
    assert keys
    secrets = [
        *keys,
        keytab.read_bytes(),
        service_password("svc-gw").encode(),
        service_password("svc-read").encode(),
    ]
    for path in filter(Path.is_file, world.site.gateway.folder.rglob("*")):
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret in content], path
        assert b"keytab" not in content, path
    assert world.site.gateway.process is not None
    ours = world.site.gateway.process.pid
    for pid in (ours, *descendants(ours)):
        proc = Path(f"/proc/{pid}")
        assert not re.search(r"gssapi|krb5|kerberos", proc.joinpath("maps").read_text()), (
            "the library is not loaded"
        )
        assert b"KRB5" not in proc.joinpath("environ").read_bytes()
        opened = [os.readlink(one) for one in proc.joinpath("fd").iterdir()]
        assert not [path for path in opened if "keytab" in path or "krb5" in path]
        assert not [secret for secret in secrets if is_in_memory(pid, secret)]
    identity = world.site.identity.process
    assert identity is not None
    holders = [pid for pid in (identity.pid, *descendants(identity.pid)) if is_in_memory(pid, keys[0])]
    assert holders, "the search finds them where they are"


def is_in_memory(pid: int, wanted: bytes) -> bool:
    """Whether the bytes stand in writable memory of a process."""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if "w" not in rights:
                continue
            first, last = (int(one, 16) for one in span.split("-"))
            with contextlib.suppress(OSError, ValueError):
                memory.seek(first)
                if wanted in memory.read(last - first):
                    return True
    return False


def test_keys_at_the_edge_are_refused(world: World) -> None:
    gateway = world.site.gateway
    before = gateway.values["more"]
    gateway.write_settings(more=KERBEROS.format(keytab="/etc/handfast.keytab", realm=REALM, kdc="127.0.0.1"))
    try:
        done = gateway.run("settings", "check")
        assert done.returncode != 0
        assert "only there a keytab has a place" in done.stdout + done.stderr
    finally:
        gateway.write_settings(more=before)
