"""Doors whose protocol names no device, beside a phone: they open and shut with it.

The set of channels stands for every password that opens a device's door and others (the profile `skype` is one).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from handfast.identity_api.admin_client import AdminClient
from tests.door import Answer, ask
from tests.installation import Installation, installation
from tests.integration.exchange_clients.outlook_client import AUTODISCOVER
from tests.lab_server import LabServer, lab_server

BOTH = ("--channel", "activesync", "--channel", "autodiscover", "--channel", "ews")
GET_FOLDER = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    b' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
    b' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Body><m:GetFolder><m:FolderShape>'
    b"<t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
    b'<t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder></s:Body></s:Envelope>'
)
WINDOW_SECONDS = 6.0
FRESH_SECONDS = 1.2
"""What a password that has no device yet was granted is over by then."""


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with lab_server() as server:
        yield server


@pytest.fixture(scope="module")
def site(lab: LabServer) -> Iterator[Installation]:
    with installation(
        backend=lab.url,
        auth='["basic"]',
        publication='kind = "exchange"',
        policy=f"companion_window_hours = {WINDOW_SECONDS / 3600}",
    ) as running:
        yield running


class Person:
    """Somebody whose one password is on their phone and in their other programs."""

    def __init__(self, site: Installation, lab: LabServer, user: str, *options: str) -> None:
        site.add_account(user)
        self.site, self.lab, self.user = site, lab, user
        self.password = site.issue(user, *options)

    def phone(self, **more: str) -> int:
        return self._ask(**{"device": "PHONE1", "user": self.user, **more}).status

    def ews(self, agent: str = "Mail") -> int:
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        return self._ask(target="/EWS/Exchange.asmx", body=GET_FOLDER, headers=headers, agent=agent).status

    def mapi(self) -> int:
        headers = {"Content-Type": "application/mapi-http", "X-RequestType": "PING"}
        return self._ask(target="/mapi/emsmdb", headers=headers).status

    def autodiscover(self) -> int:
        body = AUTODISCOVER.format(kind="mobilesync", letter="", address=f"{self.user}@contoso.lab").encode()
        headers = {"Content-Type": "text/xml"}
        return self._ask(target="/autodiscover/autodiscover.xml", body=body, headers=headers).status

    def reached(self) -> int:
        return len(self.lab.requests(user=self.user))

    def _ask(self, **request: object) -> Answer:
        return ask(self.site, self.user, self.password, **request)


def test_a_phones_password_opens_no_door_of_outlook_and_autodiscover_until_the_block(site, lab):
    alice = Person(site, lab, "alice")
    assert [alice.autodiscover(), alice.phone(), alice.autodiscover()] == [200, 200, 200]
    time.sleep(FRESH_SECONDS)
    assert alice.autodiscover() == 200
    arrived = alice.reached()
    assert [alice.ews(), alice.mapi()] == [403, 403]
    site.cli("device", "block", "alice", "PHONE1")
    assert [alice.phone(), alice.autodiscover(), alice.ews(), alice.mapi()] == [403, 403, 403, 403]
    assert alice.reached() == arrived
    site.cli("device", "unblock", "alice", "PHONE1")
    assert [alice.phone(), alice.autodiscover()] == [200, 200]


def test_a_companion_opens_with_its_phone_and_shuts_with_it(site, lab):
    bob = Person(site, lab, "bob", *BOTH)
    # At the socket of the command line, whose start would use up much of the phone's six seconds on a busy machine.
    admin = AdminClient(site.folder / "run" / "admin.sock")
    assert bob.ews() == 403, "no phone yet"
    assert [bob.phone(), bob.ews()] == [200, 200]
    admin.call("device_block", account="bob", device_id="PHONE1")
    arrived = bob.reached()
    assert bob.ews() == 403
    admin.call("device_unblock", account="bob", device_id="PHONE1")
    assert bob.ews() == 200
    assert bob.reached() == arrived + 1
    site.wait_for_log_line("reason=device-blocked", "path=/ews/exchange.asmx", "login=bob")


def test_a_companion_of_a_phone_that_is_no_longer_seen(site, lab):
    carol = Person(site, lab, "carol", *BOTH)
    assert [carol.phone(), carol.ews()] == [200, 200]
    time.sleep(WINDOW_SECONDS + 1)
    # By another program: what the first was granted lives out its minutes.
    assert carol.ews("Another") == 403
    site.wait_for_log_line("reason=companion-stale", "carol")
    # Seen again: by a request that its last grant does not cover.
    assert [carol.phone(version="14.1"), carol.ews("A third")] == [200, 200]


def test_a_password_of_the_skype_profile_opens_no_mail_without_its_device(site, lab):
    dan = Person(site, lab, "dan", "--profile", "skype")
    assert [dan.ews(), dan.mapi(), dan.phone()] == [403, 403, 403]
    assert dan.reached() == 0


def test_an_outlook_password_opens_no_phones_door(site, lab):
    erin = Person(site, lab, "erin", "--profile", "outlook")
    assert [erin.autodiscover(), erin.ews(), erin.mapi()] == [200, 200, 200]
    arrived = erin.reached()
    assert erin.phone() == 403
    assert erin.reached() == arrived
