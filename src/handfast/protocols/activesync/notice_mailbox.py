"""A mailbox of one Inbox with one message: what a quarantined phone is shown, so that its owner reads why.

The phone asks FolderSync with key "0" and gets an Inbox and nothing else; it asks Sync of that Inbox with key "0" and gets
a first key, with that key the message and a second key, and with that nothing more. Any other key (of the real mailbox,
before quarantine) is called invalid, so that the phone starts over. Keys and ids here are no server's: none of the real
folders can be taken for our Inbox, and once released, the phone brings our keys to the real server, which calls them
invalid in turn, and everything is synchronised afresh.

Nothing is remembered between requests. Who answers a Sync or Ping that waits must let it wait: an answer at once makes
the phone ask again at once. What the phone changes in its copy of the message is accepted by saying nothing of it.

Source: MS-ASCMD 2.2.1.5, 2.2.1.21, 2.2.3.177.4, 2.2.3.177.17; MS-ASEMAIL 2.2.2; MS-ASAIRS 2.2.2.9; MS-ASDTYPE 2.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.notice_message import Notice, application_data, supports
from handfast.protocols.activesync.sync_keys import INITIAL_KEY, SyncCollection
from handfast.protocols.activesync.wbxml import encode

# Decimal, because some servers read keys and ids as numbers. Servers count folders from 1, and draw or count their keys;
# that a device's own state has one of these is as good as impossible.
INBOX_ID = "1900000000"
MESSAGE_ID = f"{INBOX_ID}:1"
FOLDERS_KEY = "1900000001"
EMPTY_INBOX_KEY = "1900000002"
FULL_INBOX_KEY = "1900000003"
MAX_INBOX_NAME_CHARACTERS = 64

_TYPE_INBOX = 2
_ROOT_ID = "0"
_SUCCESS = 1
_INVALID_KEY = 3
_FOLDERS_KEY_INVALID = 9
_FOLDERS_CHANGED = 12
_SEND_WHOLE_REQUEST = 13

# The key a phone has of the Inbox -> the key it gets, and the status beside it.
_NEXT = {
    INITIAL_KEY: (EMPTY_INBOX_KEY, _SUCCESS),
    EMPTY_INBOX_KEY: (FULL_INBOX_KEY, _SUCCESS),
    FULL_INBOX_KEY: (FULL_INBOX_KEY, _SUCCESS),
}


def encode_notice_folders(sync_key: str, inbox_name: str = "Inbox") -> bytes:
    """The FolderSync answer for a phone that has `sync_key`. Raises: ValueError for a name not of 1-64 characters."""
    if not 1 <= len(inbox_name) <= MAX_INBOX_NAME_CHARACTERS:
        raise ValueError(f"the Inbox's name is not of 1-{MAX_INBOX_NAME_CHARACTERS} characters")
    page = "FolderHierarchy"
    if sync_key not in (INITIAL_KEY, FOLDERS_KEY):
        return encode(Element(page, "FolderSync", (leaf(page, "Status", _FOLDERS_KEY_INVALID),)))
    folders = (_inbox(inbox_name),) if sync_key == INITIAL_KEY else ()
    changes = Element(page, "Changes", (leaf(page, "Count", len(folders)), *folders))
    said = (leaf(page, "Status", _SUCCESS), leaf(page, "SyncKey", FOLDERS_KEY), changes)
    return encode(Element(page, "FolderSync", said))


def encode_notice_sync(collections: Sequence[SyncCollection], notice: Notice, version: str) -> bytes:
    """The Sync answer for the folders asked for, in a protocol version from "2.5" to "16.1".

    No folder (an empty or partial request, which nobody here remembers): send the whole request. Any folder but our
    Inbox: ask for the folders again. Raises: ValueError for an unknown version.
    """
    if not collections:
        return _status_alone(_SEND_WHOLE_REQUEST)
    if any(asked.collection_id != INBOX_ID for asked in collections):
        return _status_alone(_FOLDERS_CHANGED)
    answered = tuple(_collection(asked.sync_key, notice, version) for asked in collections[:1])
    return encode(Element("AirSync", "Sync", (Element("AirSync", "Collections", answered),)))


def _status_alone(status: int) -> bytes:
    return encode(Element("AirSync", "Sync", (leaf("AirSync", "Status", status),)))


def _inbox(name: str) -> Element:
    page = "FolderHierarchy"
    said = (("ServerId", INBOX_ID), ("ParentId", _ROOT_ID), ("DisplayName", name), ("Type", _TYPE_INBOX))
    return Element(page, "Add", tuple(leaf(page, tag, value) for tag, value in said))


def _collection(sync_key: str, notice: Notice, version: str) -> Element:
    page = "AirSync"
    next_key, status = _NEXT.get(sync_key, (INITIAL_KEY, _INVALID_KEY))
    said = [
        leaf(page, "SyncKey", next_key),
        leaf(page, "CollectionId", INBOX_ID),
        leaf(page, "Status", status),
    ]
    if not supports(version, "14.0"):
        said.insert(0, leaf(page, "Class", "Email"))  # MS-ASCMD 2.2.3.27.6: a child of Collection until 12.1
    if sync_key == EMPTY_INBOX_KEY:
        added = (leaf(page, "ServerId", MESSAGE_ID), application_data(notice, version))
        said.append(Element(page, "Commands", (Element(page, "Add", added),)))
    return Element(page, "Collection", tuple(said))
