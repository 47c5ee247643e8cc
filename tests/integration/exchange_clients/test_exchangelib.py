"""exchangelib, a Python client of Exchange Web Services: it finds its server by itself and reads a mailbox."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from exchangelib import IMPERSONATION, Account, FileAttachment, Message
from exchangelib.errors import AutoDiscoverFailed, ErrorAccessDenied, UnauthorizedError
from exchangelib.properties import NewMailEvent

from handfast.lab.mailbox import Attachment
from tests.installation import HOST
from tests.integration.exchange_clients.conftest import NAMES, Person, Way
from tests.integration.exchange_clients.exchangelib_client import configured, discovered, exchangelib_world

SIZE = 3_000_000


@pytest.fixture(scope="module")
def alice(way: Way) -> Person:
    person = way.enrol("alice")
    way.lab.deliver("alice", "Hello", "the body")
    return person


@pytest.fixture
def world(way: Way, tmp_path) -> Iterator[object]:
    with exchangelib_world(port=way.port, ca_file=way.ca_file, names=NAMES, folder=tmp_path) as made:
        way.forget()
        yield made


def users(way: Way) -> set[object]:
    """Whom the server was told of, where a request had got so far."""
    return {line["user"] for line in way.arrived() if line["status"] != 401}


def test_it_finds_its_server_and_reads_a_folder(way, world, alice):
    account = discovered(alice.address, alice.login, alice.password)
    assert account.protocol.service_endpoint == f"https://{HOST}/EWS/Exchange.asmx"
    assert [(mail.subject, mail.text_body) for mail in account.inbox.all()] == [("Hello", "the body")]
    assert account.protocol.auth_type == {"direct": "basic"}.get(
        way.name, way.name if way.name == "basic" else "NTLM"
    )
    assert users(way) == {alice.seen_as}
    assert {line["command"] for line in way.arrived()} >= {"GetUserSettings", "GetFolder", "FindItem"}


def test_one_password_for_all_and_nobody_is_asked_twice(way, world, alice):
    account = discovered(alice.address, alice.login, alice.password)
    assert account.inbox.total_count == 1
    for _ in range(5):
        assert account.inbox.all().count() == 1
    assert world.asked_again == 0


def test_an_srv_record_is_another_way_to_find_it(way, alice, tmp_path):
    services = {"_autodiscover._tcp.contoso.lab": f"0 0 443 {HOST}."}
    with exchangelib_world(
        port=way.port, ca_file=way.ca_file, names=(HOST,), folder=tmp_path, services=services
    ):
        account = discovered(alice.address, alice.login, alice.password)
        assert account.inbox.name == "Inbox"


def test_the_whole_tree_and_changes_since(way, world, alice):
    account = configured(HOST, alice.address, alice.login, alice.password)
    assert "Junk Email" in account.root.tree()
    assert len(list(account.inbox.sync_items())) == account.inbox.total_count
    assert list(account.inbox.sync_items(sync_state=account.inbox.item_sync_state)) == []
    resolved = account.protocol.resolve_names(["bob@contoso.lab"])
    assert [one.email_address for one in resolved] == ["bob@contoso.lab"]


def test_mail_is_announced_on_a_stream_that_stays_open(way, world, alice):
    account = configured(HOST, alice.address, alice.login, alice.password)
    account.protocol.max_connections = 2  # one stays with the stream
    with account.inbox.streaming_subscription() as subscription:
        events = account.inbox.get_streaming_events(
            subscription, connection_timeout=1, max_notifications_returned=1
        )
        way.lab.deliver("alice", "news", "")
        seen = [event for notification in events for event in notification.events]
    assert any(isinstance(event, NewMailEvent) for event in seen)
    (mail,) = account.inbox.filter(subject="news")
    assert mail.subject == "news"


def test_a_big_attachment(way, world, alice):
    way.lab.deliver("alice", "big", "", attachments=(Attachment("big.bin", SIZE),))
    account = configured(HOST, alice.address, alice.login, alice.password)
    (mail,) = account.inbox.filter(subject="big")
    (attachment,) = mail.attachments
    assert isinstance(attachment, FileAttachment)
    assert attachment.content == Attachment("big.bin", SIZE).content()


def test_a_mail_goes_out_with_a_big_body(way, world, alice):
    account = configured(HOST, alice.address, alice.login, alice.password)
    body = base64.b64encode(bytes(1_000_000)).decode()
    Message(account=account, folder=account.drafts, subject="draft", body=body).save()
    (saved,) = account.drafts.filter(subject="draft")
    assert saved.text_body.strip() == body


def test_a_stale_password_locks_nothing_and_floods_nothing(way, world, alice):
    for _ in range(6):
        with pytest.raises((AutoDiscoverFailed, UnauthorizedError)):
            discovered(alice.address, alice.login, alice.stale_password)
    assert world.asked_again == 6  # the client, too, stops at the first refusal
    assert users(way) == set()
    if way.site is not None:
        assert way.arrived() == []  # nothing of it reached the server
        assert way.lab.failed_sign_ins("alice") == 0
        assert way.site.cli("counter", "list") == []
        assert len(way.site.log_lines("reason=credential-wrong")) <= 2  # one, and perhaps one a worker
    assert configured(HOST, alice.address, alice.login, alice.password).inbox.name == "Inbox"


def test_somebody_elses_folder_opens_for_a_delegate_alone(way, world, alice):
    def bobs() -> Account:
        return configured(HOST, "bob@contoso.lab", alice.login, alice.password)

    with pytest.raises(ErrorAccessDenied):
        bobs().root.refresh()
    way.lab.make_delegate("bob", "alice")
    way.lab.deliver("bob", "For Bob and Alice", "")
    assert [mail.subject for mail in bobs().inbox.all()] == ["For Bob and Alice"]
    assert users(way) == {alice.seen_as}


@pytest.mark.parametrize("way", ["basic", "ntlm"], indirect=True)
def test_nobody_acts_in_somebody_elses_name(way, world, alice):
    way.lab.deliver("carol", "For Carol alone", "")
    account = configured(HOST, "carol@contoso.lab", alice.login, alice.password, IMPERSONATION)
    with pytest.raises(Exception, match=r"403|[Aa]ccess"):
        account.root.refresh()
    assert [line for line in way.arrived() if line["acting_as"]] == []
    way.site.wait_for_log_line("reason=impersonation-refused")
