"""`handfast explain` for the reasons that there are in a domain alone: each is produced for real, then explained by its id."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from handfast.decision.reasons import Reason
from handfast.protocols.ntlm.filetime import filetime_from_datetime
from tests.door import ask
from tests.fakes.kerberos import in_spnego, ticket
from tests.installation import HOST, Installation, installation
from tests.integration.administering.test_explain import IN_A_DOMAIN, check_explained
from tests.lab_server import lab_server
from tests.servers import gssapi_peer
from tests.servers.gssapi_peer import GssapiClient
from tests.servers.kdc_relay import AS_REQ, TGS_REQ, KdcRelay
from tests.servers.pac_remover import WITHOUT_FAST, PacRemover, encrypting_key
from tests.servers.processes import wait_until
from tests.servers.samba import DomainController
from tests.servers.samba_domain import PASSWORD, REALM

pytestmark = pytest.mark.needs("samba", "samba-tool", "ldbmodify", "kinit")

OURS = f"HTTP/gateway.contoso.lab@{REALM}"
MORE = """
[kerberos]
keytab = "{keytab}"
principal = "svc-gw@{realm}"
kdcs = ["{kdc}"]

[[publication]]
name = "nobody"
hosts = ["nobody.contoso.lab"]

[publication.backend]
urls = ["{url}"]
auth = "kerberos"
spn = "HTTP/nobody.contoso.lab"

[[publication]]
name = "ruled"
hosts = ["ruled.contoso.lab"]
domain_password_listeners = ["outside"]

[publication.backend]
urls = ["{url}"]
auth = "header"

[[access]]
name = "sales-by-ticket"
publications = ["ruled"]
groups = ['CONTOSO\\Sales']
credentials = ["kerberos", "domain-password"]
"""


@dataclass
class World:
    """An installation of the domain, and a KDC that can be made to err."""

    site: Installation
    dc: DomainController
    relay: KdcRelay

    def refused(self, user: str, host: str = HOST, *, status: int = 403) -> str:
        """A phone of that user with a good app password."""
        return self.asked(user, self.site.issue(f"{user}@contoso.lab"), host, status)

    def asked(self, user: str, password: str, host: str = HOST, status: int = 403) -> str:
        """One request of that user."""
        answer = ask(self.site, f"CONTOSO\\{user}", password, host=host)
        assert answer.status == status, answer
        return answer.request_id

    def changed(self, user: str, change: Callable[[DomainController], object], reason: Reason) -> str:
        """A user whose account changes in the directory after the app password was made."""
        password = self.site.issue(f"{user}@contoso.lab")
        change(self.dc)
        seen: list[str] = []

        def is_refused() -> bool:
            answer = ask(self.site, f"CONTOSO\\{user}", password)
            seen.append(answer.request_id)
            return answer.status == 403 and bool(
                self.site.log_lines(f"reason={reason.value} ", answer.request_id)
            )

        wait_until(is_refused, f"{user}: {reason.value}", 20)
        return seen[-1]

    def erring(self, kind: int, code: int, user: str) -> str:
        """The same, while the KDC answers requests of that kind with an error."""
        self.relay.errors = {kind: code}
        try:
            return self.refused(user, status=503)
        finally:
            self.relay.errors = {}

    def shown(self, token: bytes, status: int = 401, **fields: str) -> str:
        """A client with a ticket."""
        value = f"Negotiate {base64.b64encode(token).decode()}"
        answer = ask(self.site, headers={"Authorization": value, **fields})
        assert answer.status == status, answer
        return answer.request_id


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    before = gssapi_peer.environment()
    with (
        DomainController(smb_options=WITHOUT_FAST) as dc,
        KdcRelay(dc.address) as relay,
        lab_server() as server,
    ):
        os.environ["KRB5_CONFIG"] = str(dc.krb5_conf)
        dc.keytab("gw").chmod(0o600)
        more = MORE.format(keytab=dc.keytab("gw"), realm=REALM, kdc=relay.address, url=server.url)
        with installation(
            backend=server.url,
            backend_auth="kerberos",
            backend_options='spn = "HTTP/fe.contoso.lab"',
            auth='["basic", "kerberos"]',
            listener="inside = true\nmax_head_bytes = 98304",
            gateway="denial_quantum_ms = 0",
            workers=1,
            more=dc.settings() + more,
        ) as site:
            site.wait_for_account("alice@contoso.lab")
            yield World(site, dc, relay)
    gssapi_peer.restore(before)


def replayed(world: World) -> str:
    token = GssapiClient(f"alice@{REALM}", PASSWORD).token(OURS)
    world.shown(token, status=503)  # it is good; what stands behind wants no Kerberos
    return world.shown(token)


def without_pac(world: World) -> str:
    """A KDC that leaves the PAC out of what it gives our service account."""
    world.relay.change = PacRemover(encrypting_key(world.dc.keytab("gw"), "svc-gw"))
    try:
        return world.refused("grace", status=503)
    finally:
        world.relay.change = None


def renamed_elsewhere(world: World) -> str:
    """A KDC where somebody else has bob's name, of which the controller that is mirrored does not know yet."""
    mirrored = world.relay.kdc
    with DomainController() as other:
        for user, name in (("bob", "bob2"), ("alice", "bob")):
            other.set_user(user, sAMAccountName=name, userPrincipalName=f"{name}@contoso.lab")
        world.relay.kdc = other.address, 88
        try:
            return world.refused("bob", status=503)
        finally:
            world.relay.kdc = mirrored


def keytab_refused(world: World) -> str:
    """Our own ticket is got once for hours: only a process that has none yet asks for one."""
    world.site.stop()
    world.relay.errors = {AS_REQ: 24}  # KDC_ERR_PREAUTH_FAILED
    world.site.start()
    try:
        return world.refused("grace", status=503)
    finally:
        world.relay.errors = {}


def not_tried(world: World) -> str:
    """Under a policy of its own, which an ordinary user may not read."""
    policy = ("domain", "passwordsettings", "pso")
    world.dc.samba_tool(*policy, "create", "strict", "1", "--account-lockout-threshold=3")
    world.dc.samba_tool(*policy, "apply", "strict", "alice")
    try:
        return world.asked("alice", PASSWORD, "ruled.contoso.lab", 401)
    finally:
        world.dc.samba_tool(*policy, "delete", "strict")


def directory_unavailable(world: World) -> str:
    """A domain password, and no domain controller to ask about it."""
    world.dc.stop()
    try:
        return world.asked("alice", PASSWORD, "ruled.contoso.lab", 503)
    finally:
        world.dc.start()


R = Reason
CASES: dict[Reason, Callable[[World], str]] = {
    R.TICKET_REFUSED: lambda w: w.shown(in_spnego(ticket("alice"))),
    R.TICKET_REPLAYED: replayed,
    R.PROXIED_TICKET: lambda w: w.shown(in_spnego(ticket("alice")), 403, Via="1.1 proxy"),
    R.DELEGATION_REFUSED: lambda w: w.refused("erin", status=503),
    R.SERVICE_UNKNOWN_TO_KDC: lambda w: w.refused("bob", "nobody.contoso.lab", status=503),
    R.TICKET_UNIDENTIFIED: without_pac,
    R.TICKET_OF_OTHER_ACCOUNT: renamed_elsewhere,
    R.CLOCK_SKEW: lambda w: w.erring(TGS_REQ, 37, "smith(j)"),
    R.KDC_UNAVAILABLE: lambda w: w.erring(TGS_REQ, 29, "back"),
    R.ACCOUNT_DISABLED_IN_DIRECTORY: lambda w: w.refused("carol"),
    R.ACCOUNT_EXPIRED: lambda w: w.refused("dave"),
    R.DOMAIN_PASSWORD_EXPIRED: lambda w: w.refused("frank"),
    R.ACCOUNT_LOCKED_IN_DIRECTORY: lambda w: w.changed(
        "bob",
        lambda dc: dc.set_user("bob", lockoutTime=filetime_from_datetime(datetime.now(UTC))),
        R.ACCOUNT_LOCKED_IN_DIRECTORY,
    ),
    R.ACCOUNT_GONE: lambda w: w.changed(
        "heidi", lambda dc: dc.samba_tool("user", "delete", "heidi"), R.ACCOUNT_GONE
    ),
    R.ACCESS_REFUSED: lambda w: w.refused("grace", "ruled.contoso.lab"),
    R.CREDENTIAL_KIND_REFUSED: lambda w: w.refused("alice", "ruled.contoso.lab"),
    R.DOMAIN_PASSWORD_NOT_TRIED: not_tried,
    R.KEYTAB_REFUSED: keytab_refused,
    R.DIRECTORY_UNAVAILABLE: directory_unavailable,
}
"""In this order: a KDC that could not be reached is not asked for a while, and the last ones restart us and it."""


@pytest.mark.parametrize("reason", list(CASES))
def test_explain_tells_every_reason_of_a_domain(reason: Reason, world: World) -> None:
    check_explained(world.site, CASES[reason](world), reason)


def test_every_reason_of_a_domain_has_its_case() -> None:
    assert set(CASES) == IN_A_DOMAIN
