"""Where a phone stands in its synchronisation: the keys in its FolderSync and Sync requests.

Source: MS-ASCMD 2.2.3.181, 2.2.3.29.2, 2.2.3.30.6.
"""

from __future__ import annotations

from dataclasses import dataclass

from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import decode
from handfast.protocols.errors import MalformedMessage

INITIAL_KEY = "0"
"""The key by which a phone says that it has nothing yet."""
# The schema's limit for keys and for the ids of folders. Source: MS-ASCMD 6.3.
MAX_KEY_CHARACTERS = 64
MAX_COLLECTIONS = 300
# Three elements a collection and some more; whoever reads no further than the keys need not build what is beside them.
MAX_ELEMENTS = 1000


@dataclass(frozen=True, slots=True)
class SyncCollection:
    """One folder in a Sync request: its id and the key of the state the phone has of it."""

    collection_id: str
    sync_key: str


def parse_folder_sync_key(body: bytes) -> str:
    """The key of a FolderSync request of at most 1000 elements. Raises: MalformedMessage."""
    document = _document(body, "FolderHierarchy", "FolderSync")
    return _key(document, "SyncKey")


def parse_sync_collections(body: bytes) -> tuple[SyncCollection, ...]:
    """The folders of a Sync request, at most 300; none where it is empty or partial and means those of the last one.

    Raises: MalformedMessage, also for more than 1000 elements.
    """
    if not body:
        return ()
    collections = _document(body, "AirSync", "Sync").first("Collections")
    found = list(collections.all("Collection")) if collections else []
    if len(found) > MAX_COLLECTIONS:
        raise MalformedMessage("activesync", "Collections", f"more than {MAX_COLLECTIONS}")
    return tuple(SyncCollection(_key(each, "CollectionId"), _key(each, "SyncKey")) for each in found)


def _document(body: bytes, page: str, name: str) -> Element:
    document = decode(body, max_elements=MAX_ELEMENTS)
    if (document.page, document.name) != (page, name):
        raise MalformedMessage("activesync", name, "another command's request", "MS-ASCMD 2.2.1")
    return document


def _key(element: Element, name: str) -> str:
    text = element.text_at(name)
    if not 1 <= len(text) <= MAX_KEY_CHARACTERS:
        raise MalformedMessage("activesync", name, f"not 1-{MAX_KEY_CHARACTERS} characters", "MS-ASCMD 6.3")
    return text
