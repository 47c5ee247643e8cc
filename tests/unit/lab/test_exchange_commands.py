"""Answers that the phone's ordinary day does not ask for."""

import inspect

import pytest

from handfast.lab.exchange_commands import Call, ExchangeCommands
from handfast.lab.reply import Reply
from handfast.protocols.activesync import Command
from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import decode, encode


@pytest.fixture
def commands():
    return ExchangeCommands(min_heartbeat=60, max_heartbeat=3540, require_policy=False, domain="corp.example")


def leaf(page, name, text):
    return Element(page, name, text=text)


def ask(commands, command, document=None, *, body=b"", version=14.1):
    """The answer's HTTP status and document."""
    body = encode(document) if document else body
    reply = commands.answer(Call("alice", "A1", command, version, 0, body))
    assert isinstance(reply, Reply)
    return reply.status, decode(reply.body) if reply.body else None


@pytest.mark.parametrize("command", [Command.SEARCH, Command.MOVE_ITEMS, Command.FIND])
def test_what_it_does_not_know_is_501(commands, command):
    assert ask(commands, command) == (501, None)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (Command.FOLDER_SYNC, "10"),
        (Command.SYNC, "13"),
        (Command.PING, "3"),
        (Command.PROVISION, "2"),
        (Command.GET_ITEM_ESTIMATE, "2"),
        (Command.ITEM_OPERATIONS, "2"),
        (Command.SEND_MAIL, "107"),
    ],
)
def test_an_empty_body_has_a_status_of_its_own(commands, command, status):
    http_status, document = ask(commands, command)
    assert (http_status, document.text_at("Status")) == (200, status)


@pytest.mark.parametrize("body", [b"garbage", encode(Element("Ping", "Ping"))])
def test_a_body_that_is_not_the_command(commands, body):
    assert ask(commands, Command.FOLDER_SYNC, body=body)[1].text_at("Status") == "103"
    assert ask(commands, Command.FOLDER_SYNC, body=body, version=12.1) == (400, None)


def test_folder_sync_keys(commands):
    def sync(key):
        page = "FolderHierarchy"
        document = Element(page, "FolderSync", (leaf(page, "SyncKey", key),))
        return ask(commands, Command.FOLDER_SYNC, document)[1]

    assert sync("0").text_at("Changes", "Count") == "6"
    assert sync("1").text_at("Changes", "Count") == "0"
    assert sync("7").text_at("Status") == "9"


def test_sync_without_collections(commands):
    assert ask(commands, Command.SYNC, Element("AirSync", "Sync"))[1].text_at("Status") == "4"


def ping(interval, *folders):
    watched = tuple(Element("Ping", "Folder", (leaf("Ping", "Id", folder),)) for folder in folders)
    return Element(
        "Ping", "Ping", (leaf("Ping", "HeartbeatInterval", interval), Element("Ping", "Folders", watched))
    )


@pytest.mark.parametrize(("interval", "limit"), [("59", "60"), ("3541", "3540")])
def test_ping_limits_are_exchanges_own(commands, interval, limit):
    document = ask(commands, Command.PING, ping(interval, "1"))[1]
    assert (document.text_at("Status"), document.text_at("HeartbeatInterval")) == ("5", limit)


def test_ping_of_an_unknown_folder(commands):
    assert ask(commands, Command.PING, ping("60", "99"))[1].text_at("Status") == "7"


def test_an_empty_ping_repeats_the_last_one(commands):
    for body in (encode(ping("60", "1")), b""):
        hanging = commands.answer(Call("alice", "A1", Command.PING, 14.1, 0, body))
        assert inspect.iscoroutine(hanging)
        hanging.close()


def test_settings(commands):
    information = Element(
        "Settings", "DeviceInformation", (Element("Settings", "Set", (leaf("Settings", "OS", "x"),)),)
    )
    user = Element("Settings", "UserInformation", (Element("Settings", "Get"),))
    document = ask(commands, Command.SETTINGS, Element("Settings", "Settings", (information, user)))[1]
    assert document.text_at("Status") == "1"
    assert document.text_at("DeviceInformation", "Status") == "1"
    assert document.text_at("UserInformation", "Get", "EmailAddresses", "SmtpAddress") == "alice@corp.example"


async def test_estimate_and_fetch(commands):
    message = commands.mailbox("alice").deliver("one", "body", sender="bob")
    page = "GetItemEstimate"
    collection = Element(page, "Collection", (leaf(page, "CollectionId", "1"),))
    document = ask(
        commands,
        Command.GET_ITEM_ESTIMATE,
        Element(page, page, (Element(page, "Collections", (collection,)),)),
    )[1]
    assert document.text_at("Response", "Collection", "Estimate") == "1"
    page = "ItemOperations"
    fetches = tuple(
        Element(page, "Fetch", (leaf("AirSync", "ServerId", server_id),))
        for server_id in (message.server_id, "9:9")
    )
    document = ask(commands, Command.ITEM_OPERATIONS, Element(page, page, fetches))[1]
    found, missing = document.first("Response").all("Fetch")
    assert (found.text_at("Status"), found.text_at("Properties", "Body", "Data")) == ("1", "body")
    assert missing.text_at("Status") == "6"


def test_a_foreign_policy_key_is_not_acknowledged(commands):
    page = "Provision"
    said = (
        leaf(page, "PolicyType", "MS-EAS-Provisioning-WBXML"),
        leaf(page, "PolicyKey", "5"),
        leaf(page, "Status", "1"),
    )
    policies = Element(page, "Policies", (Element(page, "Policy", said),))
    document = ask(commands, Command.PROVISION, Element(page, page, (policies,)))[1]
    assert document.text_at("Policies", "Policy", "Status") == "5"


async def test_mail_is_kept_in_sent_items_where_asked(commands):
    mime = Element("ComposeMail", "Mime", opaque=b"Subject: hi\r\n\r\ntext")
    document = Element("ComposeMail", "SendMail", (Element("ComposeMail", "SaveInSentItems"), mime))
    assert ask(commands, Command.SEND_MAIL, document) == (200, None)
    assert [(m.folder, m.subject, m.body) for m in commands.mailbox("alice").messages] == [
        ("1", "hi", "text"),
        ("2", "hi", "text"),
    ]
