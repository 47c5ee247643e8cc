"""The keys of FolderSync and Sync requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.sync_keys import (
    INITIAL_KEY,
    SyncCollection,
    parse_folder_sync_key,
    parse_sync_collections,
)
from handfast.protocols.activesync.wbxml import encode
from handfast.protocols.errors import MalformedMessage


def folder_sync(*children: Element) -> bytes:
    return encode(Element("FolderHierarchy", "FolderSync", children))


def sync(*asked: tuple[str, str]) -> bytes:
    collections = tuple(
        Element(
            "AirSync",
            "Collection",
            (leaf("AirSync", "SyncKey", key), leaf("AirSync", "CollectionId", collection)),
        )
        for collection, key in asked
    )
    return encode(Element("AirSync", "Sync", (Element("AirSync", "Collections", collections),)))


def test_folder_sync():
    # Source: MS-ASHTTP 4.1, whose request this is.
    assert parse_folder_sync_key(bytes.fromhex("03016a00 0007 56 52 03 3200 01 01")) == "2"
    assert parse_folder_sync_key(folder_sync(leaf("FolderHierarchy", "SyncKey", 0))) == INITIAL_KEY


def test_sync():
    assert parse_sync_collections(sync(("5", "0"), ("7", "{a}1"))) == (
        SyncCollection("5", "0"),
        SyncCollection("7", "{a}1"),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        encode(Element("AirSync", "Sync")),
        encode(Element("AirSync", "Sync", (Element("AirSync", "Partial"),))),
        encode(Element("AirSync", "Sync", (Element("AirSync", "Collections"),))),
    ],
)
def test_empty_and_partial_requests_name_no_folder(body):
    assert parse_sync_collections(body) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        folder_sync(),
        folder_sync(Element("FolderHierarchy", "SyncKey")),
        folder_sync(leaf("FolderHierarchy", "SyncKey", "x" * 65)),
        encode(Element("FolderHierarchy", "FolderCreate", (leaf("FolderHierarchy", "SyncKey", 0),))),
        sync(("1", "0")),
    ],
)
def test_folder_sync_refused(body):
    with pytest.raises(MalformedMessage):
        parse_folder_sync_key(body)


@pytest.mark.parametrize(
    "body",
    [
        sync(("", "0")),
        sync(("1", "")),
        sync(("1", "0"), ("1" * 65, "0")),
        sync(*[("1", "0")] * 301),
        folder_sync(leaf("FolderHierarchy", "SyncKey", 0)),
    ],
)
def test_sync_refused(body):
    with pytest.raises(MalformedMessage):
        parse_sync_collections(body)


KEYS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=64)


@given(st.lists(st.tuples(KEYS, KEYS), max_size=5))
def test_any_keys_are_read(asked):
    assert parse_sync_collections(sync(*asked)) == tuple(SyncCollection(*each) for each in asked)
