"""The domain controller of our tests is what it claims to be."""

from __future__ import annotations

import socket
import ssl
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.servers.samba import NEEDS, REALM, DomainController
from tests.servers.samba_domain import PASSWORD

pytestmark = NEEDS


@pytest.fixture(scope="module")
def dc() -> Iterator[DomainController]:
    with DomainController() as dc:
        yield dc


def handshake(dc: DomainController, name: str, seconds: float = 3.0) -> str:
    """The TLS version agreed on; verified against its CA and `name`."""
    context = ssl.create_default_context(cafile=str(dc.ca_file))
    with socket.create_connection((dc.address, 636), timeout=seconds) as raw:
        with context.wrap_socket(raw, server_hostname=name) as tls:
            return tls.version() or ""


def test_its_certificate_is_verified_by_chain_and_name(dc: DomainController) -> None:
    assert handshake(dc, "dc1.contoso.lab") in ("TLSv1.2", "TLSv1.3")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(dc, "dc2.contoso.lab")


def test_a_frozen_one_answers_nobody_and_goes_on_once_thawed(dc: DomainController) -> None:
    with dc.frozen(), pytest.raises(TimeoutError):
        handshake(dc, dc.name, seconds=0.3)
    assert handshake(dc, dc.name)


def test_people_and_services_get_tickets(dc: DomainController) -> None:
    subprocess.run(["kinit", f"alice@{REALM}"], input=PASSWORD, env=dc.env, check=True, text=True)
    for keytab, principal in (("gw", "svc-gw"), ("gw", "HTTP/gateway.contoso.lab"), ("fe", "svc-fe")):
        listed = subprocess.run(
            ["klist", "-kte", dc.keytab(keytab)], env=dc.env, check=True, text=True, capture_output=True
        ).stdout
        assert f"{principal}@{REALM}" in listed
        assert "aes256-cts" in listed
    subprocess.run(["kinit", "-kt", dc.keytab("gw"), "svc-gw"], env=dc.env, check=True)
    subprocess.run(["kvno", "-U", "alice", "-P", "HTTP/fe.contoso.lab"], env=dc.env, check=True)


def test_tools_change_it_while_it_runs_and_while_it_is_stopped(dc: DomainController) -> None:
    dc.samba_tool("user", "disable", "bob")
    assert dc.value("bob", "userAccountControl") == "514"
    dc.stop()
    dc.set_user("bob", userAccountControl=512, mail="robert@contoso.com")
    dc.start()
    assert dc.value("bob", "mail") == "robert@contoso.com"


def test_two_at_the_same_time(dc: DomainController) -> None:
    with DomainController("dc2.contoso.lab", authority=dc.authority, invocation_id=uuid.uuid4()) as other:
        assert other.address != dc.address
        assert handshake(other, "dc2.contoso.lab")
        assert "dc2" in dc.settings(other)
