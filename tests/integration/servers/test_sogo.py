"""The real ActiveSync server by itself: what it does here without a gateway is what it must do behind one."""

import threading
import time

import pytest

from tests.servers.activesync_client import ActiveSyncClient, CommandRefused
from tests.servers.processes import wait_until
from tests.servers.sogo import ACTIVESYNC_PATH, FIRST_MAIL, SogoServer, sogo

PING_SECONDS = 30
pytestmark = pytest.mark.needs("sogod", "dovecot", "memcached", "pg_ctlcluster", "wbxml2xml")


@pytest.fixture(scope="module")
def server():
    with sogo({"alice": "Secret-1", "bob": "Secret-2"}) as running:
        yield running


def phone(server: SogoServer, user: str, password: str, **more: str) -> ActiveSyncClient:
    return ActiveSyncClient(server.url + ACTIVESYNC_PATH, user, password, **more)


def test_options_names_the_protocol_versions(server):
    status, headers = phone(server, "alice", "Secret-1").options()
    assert status == 200
    assert "14.1" in headers["ms-asprotocolversions"].split(",")


def test_sync_brings_a_delivered_mail(server):
    alice = phone(server, "alice", "Secret-1")
    inbox = alice.find_inbox()
    key, subjects = alice.sync(inbox)
    assert subjects == []
    key, subjects = alice.sync(inbox, key)
    assert subjects == [FIRST_MAIL]
    server.deliver("alice", "Delivered before Sync")
    key, subjects = alice.sync(inbox, key)
    assert subjects == ["Delivered before Sync"]
    assert alice.sync(inbox, key)[1] == []


def test_ping_hangs_and_returns_on_new_mail_while_others_are_served(server):
    bob = phone(server, "bob", "Secret-2", device_id="BOBPHONE1")
    inbox = bob.find_inbox()
    key, subjects = bob.catch_up(inbox)
    assert subjects == [FIRST_MAIL]
    answers = []
    hanging = threading.Thread(
        target=lambda: answers.append((bob.ping(inbox, PING_SECONDS), time.monotonic()))
    )
    hanging.start()
    time.sleep(3)
    assert not answers, "the Ping didn't hang"
    assert phone(server, "alice", "Secret-1").options()[0] == 200
    delivered = time.monotonic()
    server.deliver("bob", "News")
    hanging.join(60)
    assert answers, "the Ping didn't return on new mail"
    status, returned = answers[0]
    assert status == "2"
    assert returned - delivered < PING_SECONDS / 2
    assert bob.sync(inbox, key)[1] == ["News"]


def test_a_password_changed_by_sql_holds_at_once_and_failures_are_counted_by_user(server):
    server.add_user("carol", "before")
    assert phone(server, "carol", "before").options()[0] == 200
    server.set_password("carol", "after")
    with pytest.raises(CommandRefused, match="401"):
        phone(server, "carol", "before").find_inbox()
    assert phone(server, "carol", "before").options()[0] == 401
    assert phone(server, "carol", "after").find_inbox()
    wait_until(lambda: server.failed_logins("carol") >= 2, "both failures are written down")
    assert server.failed_logins("carol") == 2
    assert server.failed_logins("alice") == 0

    def answered() -> list[int]:
        return [line.status for line in server.requests() if line.user == "carol"]

    wait_until(lambda: len(answered()) >= 2, "SOGo writes a request down after its answer")
    assert answered() == [401, 200]
