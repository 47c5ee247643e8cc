"""From an app password outside to a mailbox inside, with everything real: a domain, Apache by tickets, SOGo behind it.

The person's domain password is drawn anew and told to nobody: whatever works, works without it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.door import ask
from tests.installation import HOST, Installation, installation
from tests.servers.activesync_client import ActiveSyncClient, CommandRefused
from tests.servers.apache_gssapi import KerberosDoor, kerberos_door
from tests.servers.samba import AUDIT, DomainController, service_password
from tests.servers.samba_domain import PASSWORD, REALM, USERS
from tests.servers.sogo import ACTIVESYNC_PATH, FIRST_MAIL, DirectoryUsers, SogoServer, sogo

pytestmark = [
    pytest.mark.needs("samba", "samba-tool", "ldbmodify", "kinit", "apache2"),
    pytest.mark.needs("sogod", "dovecot", "memcached", "pg_ctlcluster", "xml2wbxml"),
]

KERBEROS = """
[kerberos]
keytab = "{keytab}"
principal = "svc-gw@{realm}"
kdcs = ["{kdc}"]
"""
BEHIND = f"""
path = "{ACTIVESYNC_PATH}"
spn = "HTTP/fe.contoso.lab"
ticket_per = "request"
"""


@dataclass
class Place:
    """All that stands between a phone and its mailbox."""

    dc: DomainController
    server: SogoServer
    door: KerberosDoor
    gateway: Installation

    def phone(self, user: str, password: str) -> ActiveSyncClient:
        """It goes to the address and asks for the published name."""
        url = f"{self.gateway.url}/Microsoft-Server-ActiveSync"
        device = f"{user}PHONE1"
        tls = self.gateway.context()
        return ActiveSyncClient(url, f"CONTOSO\\{user}", password, device, tls=tls, host=HOST)

    def failed_sign_ins(self, user: str) -> list[str]:
        """What the domain counted against somebody."""
        return [
            self.dc.value(user, name) or "0" for name in ("badPwdCount", "lockoutTime", "badPasswordTime")
        ]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with DomainController(log_level=AUDIT) as dc:
        dc.set_certificate(dc.name, dc.address)  # SOGo knows no name for it
        dc.restart()
        account = f"svc-read@{REALM.lower()}"
        users = DirectoryUsers(
            f"ldaps://{dc.address}:636", USERS, account, service_password("svc-read"), dc.ca_file
        )
        for user in ("alice", "bob"):
            dc.samba_tool("user", "setpassword", user, f"--newpassword={secrets.token_urlsafe(24)}1!aA")
        realm = KERBEROS.format(keytab=dc.keytab("gw"), realm=REALM, kdc=dc.address)
        with sogo({}, trust_header=True, directory_users=users) as server:
            for user in ("alice", "bob"):
                server.add_mailbox(user)
            with (
                kerberos_door(dc.keytab("fe"), server.url) as door,
                installation(
                    backend=door.url,
                    auth='["basic"]',
                    backend_auth="kerberos",
                    backend_options=BEHIND,
                    more=dc.settings() + realm,
                ) as gateway,
            ):
                gateway.wait_for_account("alice")
                yield Place(dc, server, door, gateway)


def test_a_phone_reads_its_mailbox_and_the_domain_password_was_used_nowhere(place: Place) -> None:
    phone = place.phone("alice", place.gateway.issue("alice@contoso.lab"))
    assert phone.options()[0] == 200
    inbox = phone.find_inbox()
    _, subjects = phone.catch_up(inbox)
    assert subjects == [FIRST_MAIL]
    place.server.deliver("alice", "News for Alice")
    _, subjects = phone.catch_up(inbox)
    assert subjects == [FIRST_MAIL, "News for Alice"]
    assert set(place.door.users()) == {f"alice@{REALM}"}
    assert place.failed_sign_ins("alice") == ["0", "0", "0"]
    signed_in = {user for _, user in place.dc.sign_ins()}
    assert signed_in == {"svc-gw", "svc-read"}, (
        "nobody signed in to the domain as a person, with any password"
    )


def test_each_phone_gets_its_own_persons_mail_through_the_same_connections(place: Place) -> None:
    alice = place.phone("alice", place.gateway.issue("alice@contoso.lab"))
    bob = place.phone("bob", place.gateway.issue("bob@contoso.lab"))
    place.server.deliver("bob", "For Bob alone")
    boxes = {one.user: one.find_inbox() for one in (alice, bob)}
    keys = {one.user: one.sync(boxes[one.user])[0] for one in (alice, bob)}
    came: dict[str, list[str]] = {alice.user: [], bob.user: []}
    for _ in range(3):
        for one in (alice, bob):
            keys[one.user], subjects = one.sync(boxes[one.user], keys[one.user])
            came[one.user] += subjects
    assert "For Bob alone" in came[bob.user]
    assert "For Bob alone" not in came[alice.user]
    assert FIRST_MAIL in came[alice.user]
    assert set(place.door.users()) == {f"alice@{REALM}", f"bob@{REALM}"}


def test_no_domain_password_opens_it_and_without_a_ticket_nobody_is_served(place: Place) -> None:
    seen = len(place.door.users())
    with pytest.raises(CommandRefused) as refused:
        place.phone("grace", PASSWORD).find_inbox()  # hers is the one of everybody, and right
    assert refused.value.status == 401
    assert ask(place.gateway, "CONTOSO\\grace", PASSWORD).status == 401
    assert len(place.door.users()) == seen
    assert place.failed_sign_ins("grace") == ["0", "0", "0"]
    direct = ActiveSyncClient(f"{place.door.url}/{ACTIVESYNC_PATH}", "grace", PASSWORD)
    assert direct.send("OPTIONS")[0] == 401
