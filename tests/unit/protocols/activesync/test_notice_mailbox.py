"""The mailbox of one message, as a phone walks through it."""

from datetime import UTC, datetime

import pytest

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.notice_mailbox import (
    EMPTY_INBOX_KEY,
    FOLDERS_KEY,
    FULL_INBOX_KEY,
    INBOX_ID,
    MESSAGE_ID,
    encode_notice_folders,
    encode_notice_sync,
)
from handfast.protocols.activesync.notice_message import VERSIONS, Notice
from handfast.protocols.activesync.sync_keys import SyncCollection, parse_sync_collections
from handfast.protocols.activesync.wbxml import decode, encode

NOTICE = Notice("Waiting", "Please wait.", "a@b.example", "c@d.example", datetime(2026, 1, 2, tzinfo=UTC))


def asked(key: str, folder: str = INBOX_ID) -> tuple[SyncCollection, ...]:
    """As a phone would ask, by way of its bytes."""
    collection = Element(
        "AirSync",
        "Collection",
        (leaf("AirSync", "SyncKey", key), leaf("AirSync", "CollectionId", folder)),
    )
    return parse_sync_collections(
        encode(Element("AirSync", "Sync", (Element("AirSync", "Collections", (collection,)),)))
    )


def test_folders_are_an_inbox_and_nothing_else():
    document = decode(encode_notice_folders("0", "Posteingang"))
    assert document.number_at("Status") == 1
    assert document.text_at("SyncKey") == FOLDERS_KEY
    changes = document.first("Changes")
    assert changes.number_at("Count") == 1
    [added] = changes.all("Add")
    assert {child.name: child.text for child in added.children} == {
        "ServerId": INBOX_ID,
        "ParentId": "0",
        "DisplayName": "Posteingang",
        "Type": "2",
    }


def test_folders_do_not_change():
    document = decode(encode_notice_folders(FOLDERS_KEY))
    assert (document.number_at("Status"), document.text_at("SyncKey")) == (1, FOLDERS_KEY)
    assert document.first("Changes") == Element(
        "FolderHierarchy", "Changes", (leaf("FolderHierarchy", "Count", 0),)
    )


@pytest.mark.parametrize("key", ["1", "812", "{guid}5", FULL_INBOX_KEY])
def test_the_real_mailboxs_folders_start_over(key):
    document = decode(encode_notice_folders(key))
    assert document == Element("FolderHierarchy", "FolderSync", (leaf("FolderHierarchy", "Status", 9),))


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_no_name_for_an_inbox(name):
    with pytest.raises(ValueError, match="1-64"):
        encode_notice_folders("0", name)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_phone_walks_through_and_sees_one_message_once(version):
    key, seen = "0", []
    for _ in range(5):
        collection = decode(encode_notice_sync(asked(key), NOTICE, version)).first(
            "Collections", "Collection"
        )
        assert (collection.number_at("Status"), collection.text_at("CollectionId")) == (1, INBOX_ID)
        assert collection.text_at("Class") == ("Email" if version in ("2.5", "12.0", "12.1") else "")
        commands = collection.first("Commands")
        seen.extend(commands.children if commands else ())
        key = collection.text_at("SyncKey")
    assert key == FULL_INBOX_KEY
    [added] = seen
    assert (added.name, added.text_at("ServerId")) == ("Add", MESSAGE_ID)
    assert added.text_at("ApplicationData", "Subject") == "Waiting"


def test_the_message_comes_again_when_its_answer_was_lost():
    first = encode_notice_sync(asked(EMPTY_INBOX_KEY), NOTICE, "16.1")
    assert encode_notice_sync(asked(EMPTY_INBOX_KEY), NOTICE, "16.1") == first


@pytest.mark.parametrize("key", ["1", "1336143213", "x"])
def test_the_real_inboxs_key_is_invalid(key):
    collection = decode(encode_notice_sync(asked(key), NOTICE, "14.1")).first("Collections", "Collection")
    assert (collection.number_at("Status"), collection.text_at("SyncKey")) == (3, "0")
    assert collection.first("Commands") is None


def test_other_folders_make_the_phone_ask_for_folders_again():
    """The first folder of a real mailbox is often its calendar: no message may land there."""
    for folders in (asked("0", "1"), asked("0", "5"), asked("0") + asked("7", "5")):
        document = decode(encode_notice_sync(folders, NOTICE, "14.1"))
        assert document == Element("AirSync", "Sync", (leaf("AirSync", "Status", 12),))


def test_an_empty_request_is_to_be_sent_whole():
    document = decode(encode_notice_sync((), NOTICE, "14.1"))
    assert document == Element("AirSync", "Sync", (leaf("AirSync", "Status", 13),))


def test_the_inbox_asked_for_twice_is_answered_once():
    document = decode(encode_notice_sync(asked("0") * 3, NOTICE, "14.1"))
    assert len(document.first("Collections").children) == 1


def test_no_such_version():
    with pytest.raises(ValueError):
        encode_notice_sync(asked("0"), NOTICE, "13.0")
