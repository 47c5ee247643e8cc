"""Kerberos in front and behind with everything real: a domain controller, `handfast serve`, servers that take tickets.

An app password outside becomes a Windows sign-in inside; nobody's domain password is used anywhere.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handfast.keys.pki import issue_demo_certificate
from tests.door import PATH, ask, connection, send
from tests.installation import HOST, Installation, prepare
from tests.servers.gssapi_peer import GssapiClient
from tests.servers.kdc_relay import TGS_REQ, KdcRelay
from tests.servers.kerberos_backend import DemandingBackend, Seen, apache_behind
from tests.servers.processes import server_directory, wait_until
from tests.servers.samba import DomainController
from tests.servers.samba_domain import PASSWORD, REALM

pytestmark = pytest.mark.needs("samba", "samba-tool", "ldbmodify", "kinit", "apache2")

SPN = "HTTP/fe.contoso.lab"
OURS = f"HTTP/gateway.contoso.lab@{REALM}"
APACHES = ("connection", "request")
KERBEROS = """
[kerberos]
keytab = "{keytab}"
principal = "svc-gw@{realm}"
kdcs = ["{kdc}"]
"""
PUBLICATION = """
[[publication]]
name = "{name}"
hosts = ["{name}.contoso.lab"]

[publication.backend]
urls = ["{url}"]
auth = "kerberos"
{options}
"""


def binding_of(certificate: Path) -> bytes:
    """The application data of the channel binding of a certificate that is signed with SHA-256. Source: RFC 5929 4.1."""
    first = certificate.read_text().partition("-----END CERTIFICATE-----")
    der = ssl.PEM_cert_to_DER_cert(first[0] + first[1] + "\n")
    return b"tls-server-end-point:" + hashlib.sha256(der).digest()


@dataclass
class World:
    """An installation of the domain with an outside and an inside listener, and the servers of its publications.

    `demanding` is behind the publication of the tests' own host and wants the right binding, `other` one that nobody has.
    """

    outside: Installation
    inside: Installation
    dc: DomainController
    relay: KdcRelay
    demanding: DemandingBackend
    other: DemandingBackend
    apaches: dict[str, Seen]

    def issue(self, user: str) -> str:
        return self.outside.issue(f"{user}@contoso.lab")


@pytest.fixture(scope="module")
def world(dc: DomainController) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(server_directory("behind-tls"))
        ca_file, issued = issue_demo_certificate(folder, ["fe.contoso.lab"], now=datetime.now(UTC))
        shown = issued.certificate, issued.key, dc.keytab("fe")
        right, wrong = binding_of(issued.certificate), b"tls-server-end-point:" + bytes(32)
        demanding, other = DemandingBackend(*shown, right), DemandingBackend(*shown, wrong)
        for server in (demanding, other):
            stack.enter_context(server.running())
        apaches = {per: stack.enter_context(apache_behind(*shown, ticket_per=per)) for per in APACHES}
        options = f'spn = "{SPN}"\nca_file = "{ca_file}"\nserver_name = "fe.contoso.lab"\n'
        urls = {"other": other.url, **{per: url for per, (url, _) in apaches.items()}}
        more = [
            PUBLICATION.format(
                name=name,
                url=url,
                options=options + ('ticket_per = "request"' if name == "request" else ""),
            )
            for name, url in urls.items()
        ]
        site = stack.enter_context(server_directory("handfast"))
        outside = prepare(
            site,
            backend=demanding.url,
            inside="max_head_bytes = 98304",
            backend_auth="kerberos",
            backend_options=options,
            workers=1,
            auth='["kerberos", "ntlm", "basic"]',
            publication='channel_binding = "require"',
        )
        relay = stack.enter_context(KdcRelay(dc.address))
        realm = KERBEROS.format(keytab=dc.keytab("gw"), realm=REALM, kdc=relay.address)
        outside.write_settings(more=dc.settings() + realm + "".join(more))
        stack.callback(outside.stop)
        outside.start()
        outside.wait_for_account("alice@contoso.lab")
        seen = {per: seen for per, (_, seen) in apaches.items()}
        yield World(outside, outside.indoors, dc, relay, demanding, other, seen)


@pytest.mark.parametrize("ticket_per", APACHES)
def test_an_app_password_outside_is_a_windows_sign_in_inside(world: World, ticket_per: str) -> None:
    password, host = world.issue("alice"), f"{ticket_per}.contoso.lab"
    with connection(world.outside) as phone:
        for _ in range(3):
            answer = send(phone, "CONTOSO\\alice", password, host=host)
            assert (answer.status, answer.body) == (200, b"alice@CONTOSO.LAB")
            assert "www-authenticate" not in answer.headers
    assert world.apaches[ticket_per].users == ["alice@CONTOSO.LAB"] * 3
    refused = ask(world.outside, "CONTOSO\\alice", PASSWORD, host=host)
    assert refused.status == 401, "the domain password is nobody's outside"
    assert world.dc.value("alice", "badPwdCount") in ("", "0")


def test_what_is_taken_from_an_account_takes_its_tickets(world: World) -> None:
    def questions() -> int:
        """To the KDC, until a request was signed in. A gateway may not have heard yet that its grant is gone."""
        before = world.relay.asked.count(TGS_REQ)
        ask_once = lambda: ask(world.outside, "CONTOSO\\smith(j)", password, host="request.contoso.lab")
        wait_until(lambda: ask_once().body == b"smith(j)@CONTOSO.LAB", "smith(j) is signed in")
        return world.relay.asked.count(TGS_REQ) - before

    password = world.issue("smith(j)")
    assert questions()
    assert not questions()
    for verb in ("disable", "enable"):
        assert world.outside.run("account", verb, "smith(j)@contoso.lab").returncode == 0
    assert questions()
    assert not questions()


def test_a_server_that_demands_bindings_gets_the_right_one_and_is_believed_by_its_proof(world: World) -> None:
    password, seen = world.issue("bob"), world.demanding.seen
    with connection(world.outside) as phone:
        for _ in range(3):
            assert send(phone, "CONTOSO\\bob", password).body == b"bob@CONTOSO.LAB"
    assert (seen.tickets, seen.bound) == ([True, False, False], [True])


def test_an_answer_with_a_wrong_proof_stays_here(world: World) -> None:
    password, world.demanding.proof = world.issue("grace"), b"nobody's"
    try:
        assert ask(world.outside, "CONTOSO\\grace", password).status == 503
    finally:
        world.demanding.proof = None
    assert world.outside.wait_for_log_line("backend-proof-wrong")


def test_a_server_that_wants_another_binding_refuses_once_and_not_again_and_again(world: World) -> None:
    password = world.issue("alice")
    answers = [ask(world.outside, "CONTOSO\\alice", password, host="other.contoso.lab") for _ in range(4)]
    assert [answer.status for answer in answers] == [503] * 4
    assert (world.other.seen.refused, world.other.seen.users) == (1, [])
    assert world.outside.wait_for_log_line("backend-ticket-refused")


@pytest.mark.parametrize("user", ["erin", "heidi"])
def test_who_may_not_be_delegated_gets_a_clear_reason_and_nothing_is_sent(world: World, user: str) -> None:
    before = len(world.demanding.seen.users)
    assert ask(world.outside, f"CONTOSO\\{user}", world.issue(user)).status == 503
    assert world.outside.wait_for_log_line("reason=delegation-refused", user)
    assert len(world.demanding.seen.users) == before


def negotiate(token: bytes) -> dict[str, str]:
    return {"Authorization": f"Negotiate {base64.b64encode(token).decode()}"}


def offered(site: Installation) -> list[str]:
    """The challenges of a request that presents nothing, in order."""
    with connection(site) as client:
        client.request("OPTIONS", PATH, headers={"Host": HOST})
        return client.getresponse().headers.get_all("WWW-Authenticate") or []


@pytest.fixture
def alice(dc: DomainController) -> GssapiClient:
    os.environ["KRB5_CONFIG"] = str(dc.krb5_conf)
    return GssapiClient(f"alice@{REALM}", PASSWORD)


@pytest.fixture
def ours(world: World) -> bytes:
    """The binding of our own certificate."""
    return binding_of(Path(world.inside.values["certificate"]))


def test_a_ticket_inside_signs_a_connection_in_and_we_prove_ourselves(
    world: World, alice: GssapiClient, ours: bytes
) -> None:
    assert offered(world.inside)[0] == "Negotiate"
    context = alice.context(OURS, ours)
    with connection(world.inside) as desk:
        first = send(desk, headers=negotiate(context.step()))
        assert (first.status, first.body) == (200, b"alice@CONTOSO.LAB")
        context.step(base64.b64decode(first.headers["www-authenticate"].removeprefix("Negotiate ")))
        assert context.complete
        again = send(desk)
        assert (again.body, "www-authenticate" in again.headers) == (b"alice@CONTOSO.LAB", False)


def test_every_ticket_that_is_not_good_gets_the_same_answer(
    world: World, alice: GssapiClient, ours: bytes
) -> None:
    used = alice.token(OURS, ours)
    assert ask(world.inside, headers=negotiate(used)).status == 200
    for wrong, reason in (
        (used, "ticket-replayed"),
        (alice.token(OURS), "channel-binding-missing"),
        (alice.token(OURS, ours + b"x"), "channel-binding-wrong"),
        (used[:-40] + bytes(40), "ticket-refused"),
    ):
        refused = ask(world.inside, headers=negotiate(wrong))
        assert (refused.status, refused.body) == (401, b"Sign-in required.\n")
        assert world.inside.wait_for_log_line(f"reason={reason}", refused.request_id)


def test_a_ticket_of_one_who_had_the_name_before_is_refused(
    world: World, alice: GssapiClient, ours: bytes
) -> None:
    """Good for hours after its account was deleted, and a new one of the same name is somebody else."""
    world.dc.samba_tool("user", "create", "judy", PASSWORD)
    first = GssapiClient(f"judy@{REALM}", PASSWORD)
    show = lambda client: ask(world.inside, headers=negotiate(client.token(OURS, ours)))
    is_known = lambda: world.outside.run("account", "show", "judy@contoso.lab").returncode == 0
    wait_until(is_known, "judy is mirrored", 20)
    assert show(first).status == 200
    sid = world.dc.value("judy", "objectSid")
    world.dc.samba_tool("user", "delete", "judy")
    wait_until(lambda: show(first).status == 403, "judy is gone", 20)
    world.dc.samba_tool("user", "create", "judy", PASSWORD)
    wait_until(lambda: show(first).status == 401, "another judy is mirrored", 20)
    refused = show(first)
    assert (refused.status, refused.body) == (401, b"Sign-in required.\n")
    assert world.inside.wait_for_log_line("reason=ticket-refused", refused.request_id)
    told = world.outside.run("explain", refused.request_id).stdout
    assert (
        f"the ticket is for {sid}, the account of that name is {world.dc.value('judy', 'objectSid')}" in told
    )
    assert show(GssapiClient(f"judy@{REALM}", PASSWORD)).status == 200


def test_outside_a_ticket_is_not_taken(world: World, alice: GssapiClient, ours: bytes) -> None:
    assert "Negotiate" not in offered(world.outside)
    refused = ask(world.outside, headers=negotiate(alice.token(OURS, ours)))
    assert refused.status == 401
    assert world.outside.wait_for_log_line("reason=method-not-offered", refused.request_id)


def test_an_account_that_is_disabled_is_refused_also_with_a_good_ticket(
    world: World, alice: GssapiClient, ours: bytes
) -> None:
    alice.token(OURS, ours)  # the ticket, which is good for hours; the KDC would give no other
    world.dc.samba_tool("user", "disable", "alice")
    try:
        is_refused = lambda: ask(world.inside, headers=negotiate(alice.token(OURS, ours))).status == 403
        wait_until(is_refused, "alice is refused", 20)
        assert world.inside.wait_for_log_line("reason=account-disabled-in-directory")
    finally:
        world.dc.samba_tool("user", "enable", "alice")
