"""DavMail, a Java program between a mail client that speaks IMAP and a server that speaks Exchange Web Services."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator

import pytest

from tests.installation import HOST
from tests.integration.exchange_clients.conftest import NAMES, Person, Way
from tests.servers.davmail import DavMail, davmail

pytestmark = pytest.mark.needs("davmail-server", "keytool")


@pytest.fixture(scope="module")
def proxy(way: Way) -> Iterator[DavMail]:
    with davmail(f"https://{HOST}:{way.port}", ca_file=way.ca_file, names=NAMES) as running:
        yield running


@pytest.fixture(scope="module")
def alice(way: Way) -> Person:
    person = way.enrol("alice")
    way.lab.deliver("alice", "Hello", "the body")
    return person


def test_a_mail_client_signs_in_and_reads_its_inbox(way, proxy, alice):
    way.forget()
    with proxy.imap(alice.login, alice.password) as imap:
        _, folders = imap.list()
        assert any(folder.endswith(b'"INBOX"') for folder in folders)
        assert imap.select("INBOX") == ("OK", [b"1"])
        _, fetched = imap.fetch("1", "(FLAGS BODY.PEEK[])")
        assert b"Subject: Hello" in fetched[0][1]
        assert b"the body" in fetched[0][1]
        assert imap.fetch("1", "(BODY[])")[0] == "OK"
        assert b"\\Seen" in imap.fetch("1", "(FLAGS)")[1][0]
    asked = [line for line in way.arrived() if line["status"] != 401]
    assert {line["user"] for line in asked} == {alice.seen_as}
    assert {line["command"] for line in asked} >= {
        "GetFolder",
        "ConvertId",
        "FindItem",
        "GetItem",
        "UpdateItem",
    }


def test_everybody_arrives_as_themselves(way, proxy, alice):
    bob = way.enrol("bob")
    way.lab.deliver("bob", "For Bob", "")
    way.forget()
    with proxy.imap(alice.login, alice.password) as first, proxy.imap(bob.login, bob.password) as second:
        for imap, subject in ((first, b"Hello"), (second, b"For Bob"), (first, b"Hello")):
            imap.select("INBOX")
            assert subject in imap.fetch("1", "(BODY.PEEK[HEADER])")[1][0][1]
    opened = {line["user"] for line in way.arrived(command="FindItem", status=200)}
    assert opened == {alice.seen_as, bob.seen_as}


def test_a_stale_password_stays_outside_and_locks_nothing(way, proxy, alice):
    way.forget()
    for _ in range(5):
        with pytest.raises(imaplib.IMAP4.error), proxy.imap(alice.login, alice.stale_password):
            pass
    assert [line for line in way.arrived() if line["status"] != 401] == []
    if way.site is not None:
        assert way.arrived() == []
        assert way.site.cli("counter", "list") == []
        assert len(way.site.log_lines("reason=credential-wrong")) <= 2  # one, and perhaps one a worker
    with proxy.imap(alice.login, alice.password) as imap:
        assert imap.select("INBOX")[0] == "OK"
