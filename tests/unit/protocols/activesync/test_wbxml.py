"""WBXML: the documents' example, every refusal, and round trips."""

import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handfast.protocols.activesync.code_pages import PAGE_NAMES, TOKEN_BY_TAG
from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import MAX_DEPTH, decode, encode
from handfast.protocols.errors import MalformedMessage

HEADER = bytes([3, 1, 0x6A, 0])
# Source: MS-ASPROV 2.2.2.41 gives the element, the bytes follow from MS-ASWBXML 2.1.
REMOTE_WIPE = bytes.fromhex("03016A00 000E 45 4B 03 3100 01 0C 01")
SYNC = Element(
    "AirSync",
    "Sync",
    (
        Element("AirSync", "Collections"),
        Element(
            "AirSync",
            "ApplicationData",
            (
                Element("Email", "Subject", text="Grüße"),
                Element("AirSyncBase", "Body", (Element("AirSyncBase", "Data", opaque=b"\x00\x01\xff"),)),
                Element("Email", "Read", text=""),
            ),
        ),
    ),
)


def test_the_remote_wipe_of_the_protocol():
    document = decode(REMOTE_WIPE)
    assert document == Element(
        "Provision",
        "Provision",
        (Element("Provision", "Status", text="1"), Element("Provision", "RemoteWipe")),
    )
    assert encode(document) == REMOTE_WIPE


def test_pages_are_switched_once_where_needed():
    assert encode(SYNC) == HEADER + (
        b"\x45\x1c\x5d\x00\x02\x54\x03Gr\xc3\xbc\xc3\x9fe\x00\x01"
        b"\x00\x11\x4a\x4b\xc3\x03\x00\x01\xff\x01\x01\x00\x02\x55\x03\x00\x01\x01\x01"
    )
    assert decode(encode(SYNC)) == SYNC


@pytest.mark.parametrize("document", [REMOTE_WIPE, encode(SYNC)])
def test_cut_anywhere_or_with_more_behind_it_is_refused(document):
    for length in range(len(document)):
        with pytest.raises(MalformedMessage):
            decode(document[:length])
    for more in (b"\x00", b"\x01", b"\x05", b"\x00\x00"):
        with pytest.raises(MalformedMessage, match="bytes after its end"):
            decode(document + more)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"\x01", "nothing is open at byte 4"),
        (b"\x03a\x00", "not the only content"),
        (b"\xc3\x01a", "not the only content"),
        (b"\x3f", "unknown token 0x3f on page 0 at byte 4"),
        (b"\x00\x1a\x05", "unknown code page 26 at byte 5"),
        (b"\x00\xfe\x05", "unknown code page 254 at byte 5"),
        (b"\x00\x19\x0f", "unknown token 0x0f on page 25 at byte 6"),
        (b"\x00", "ends early"),
        (b"\x85\x01", "unknown token 0x85"),  # attributes
        (b"\xc5\x01\x01", "unknown token 0xc5"),
        (b"\x45\x02\x20\x01", "unknown token 0x02"),  # ENTITY
        (b"\x45\x04\x00\x01", "unknown token 0x04"),  # LITERAL
        (b"\x45\x83\x00\x01", "unknown token 0x83"),  # STR_T
        (b"\x45\x40a\x00\x01", "unknown token 0x40"),  # EXT_I_0
        (b"\x45\x43\x01\x01", "unknown token 0x43"),  # PI
        (b"\x45\x03a\x00\x03b\x00\x01", "not the only content"),
        (b"\x45\x03a\x00\xc3\x01b\x01", "not the only content"),
        (b"\x45\x03a\x00\x06\x01", "an element beside text at byte 8"),
        (b"\x45\x06\x03a\x00\x01", "not the only content"),
        (b"\x45\x03a", "not terminated"),
        (b"\x45\x03a\xff\x00\x01", "not UTF-8 at byte 7"),
        (b"\x45\x03\xc0\xaf\x00\x01", "not UTF-8"),
        (b"\x45\xc3\x05ab\x01", "5 bytes announced, 3 there"),
        (b"\x45\xc3\x8f\xff\xff\xff\x7f\x01", "4294967295 bytes announced"),
        (b"\x45\xc3\x80\x80\x80\x80\x80\x01a\x01", "longer than 5 bytes"),
        (b"\x45\xc3\x80", "ends early"),
    ],
)
def test_refused_with_the_offset(body, problem):
    with pytest.raises(MalformedMessage) as caught:
        decode(HEADER + body)
    assert problem in str(caught.value)
    assert caught.value.protocol == "wbxml"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x03\x01\x6a",
        b"\x02\x01\x6a\x00",
        b"\x03\x02\x6a\x00",
        b"\x03\x01\x04\x00",
        b"\x03\x01\x6a\x01a",
    ],
)
def test_another_header_is_refused(header):
    with pytest.raises(MalformedMessage, match="header"):
        decode(header + b"\x05")


def test_limits():
    nested = HEADER + b"\x45" * 3 + b"\x01" * 3
    assert decode(nested, max_depth=3)
    with pytest.raises(MalformedMessage, match="too deep"):
        decode(nested, max_depth=2)
    flat = HEADER + b"\x45" + b"\x06" * 4 + b"\x01"
    assert decode(flat, max_elements=5)
    with pytest.raises(MalformedMessage, match="too many"):
        decode(flat, max_elements=4)
    idle = HEADER + b"\x00\x00" * 6 + b"\x45" + b"\x00\x00" * 3
    assert decode(idle + b"\x06\x01", max_elements=4)
    with pytest.raises(MalformedMessage, match="too many tokens at byte"):
        decode(idle + b"\x06\x01", max_elements=2)
    assert decode(flat, max_bytes=len(flat))
    with pytest.raises(MalformedMessage, match="longer than"):
        decode(flat, max_bytes=len(flat) - 1)


@pytest.mark.parametrize(
    "element",
    [
        Element("AirSync", "Subject"),
        Element("Nothing", "Sync"),
        Element("AirSync", "Sync", text="a\x00b"),
        Element("AirSync", "Sync", text="a", opaque=b"b"),
        Element("AirSync", "Sync", (Element("AirSync", "Add"),), text="a"),
    ],
)
def test_what_cannot_be_written(element):
    with pytest.raises(ValueError, match=r"AirSync:|Nothing:"):
        encode(element)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16383, 16384])
def test_opaque_lengths(length):
    element = Element("ComposeMail", "Mime", opaque=b"x" * length)
    assert decode(encode(element)) == element


NAMES = st.sampled_from(sorted(TOKEN_BY_TAG))
LEAVES = st.builds(
    lambda tag, text: Element(*tag, text=text),
    NAMES,
    st.none() | st.text(max_size=20).filter(lambda t: "\x00" not in t),
) | (st.builds(lambda tag, opaque: Element(*tag, opaque=opaque), NAMES, st.binary(max_size=200)))
ELEMENTS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda tag, children: Element(*tag, tuple(children)), NAMES, st.lists(inner, max_size=4)
    ),
    max_leaves=20,
)


@given(ELEMENTS)
def test_what_is_encoded_is_decoded_again(element):
    assert decode(encode(element), max_depth=64) == element


@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from([b"\x00\x07", b"\x45", b"\x46", b"\x06", b"\x01", b"\x03a\x00", b"\xc3\x01z"])
    ).map(b"".join)
)
@example(b"\x45\x03a\x00\x01")
def test_any_bytes_are_an_element_or_malformed(body):
    for document in (body, HEADER + body):
        try:
            element = decode(document)
        except MalformedMessage:
            continue
        assert decode(encode(element)) == element


GOLDEN = json.loads((Path(__file__).parents[3] / "vectors" / "activesync" / "wbxml.json").read_text())


def tree(node):
    """The element that a vector's JSON shows: [name, text | null | {"opaque": hex} | children]."""
    (page, _, name), content = node[0].partition(":"), node[1]
    if isinstance(content, list):
        return Element(page, name, tuple(map(tree, content)))
    if isinstance(content, dict):
        return Element(page, name, opaque=bytes.fromhex(content["opaque"]))
    return Element(page, name, text=content)


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_golden_bytes(vector):
    document = bytes.fromhex(vector["hex"])
    assert decode(document) == tree(vector["tree"])
    assert encode(tree(vector["tree"])) == document


@pytest.mark.parametrize("page", PAGE_NAMES.values())
def test_every_tag_goes_there_and_back(page):
    tags = [tag for name, tag in TOKEN_BY_TAG if name == page]
    filled = Element(page, tags[0], tuple(Element(page, tag, text=f"ü {tag}") for tag in tags))
    empty = Element(page, tags[-1], tuple(Element(page, tag) for tag in tags))
    both = Element("AirSync", "ApplicationData", (filled, empty))
    assert decode(encode(both)) == both


# What a hostile peer would send to make a reader work, wait or swell: each far more than the limits allow.
BOMBS = {
    "100 deep": b"\x45" * 100 + b"\x01" * 100,
    "a million deep": b"\x45" * 1_000_000,
    "a million elements": b"\x45" + b"\x06" * 1_000_000,
    "a million pages": b"\x45" + b"\x00\x07" * 520_000,
    "four gigabytes announced": b"\x45\xc3\x8f\xff\xff\xff\x7f" + b"a" * 1_000_000,
    "a length of a million bytes": b"\x45\xc3" + b"\x80" * 1_000_000,
    "a string without end": b"\x45\x03" + b"a" * 1_048_000,
    "a million strings": b"\x45" + b"\x03\x00" * 520_000,
    "a million ends": b"\x01" * 1_000_000,
    "eight megabytes": b"\x45\x03" + b"a" * 8_000_000 + b"\x00\x01",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_fast_and_small(name):
    document = HEADER + BOMBS[name]
    tracemalloc.start()
    try:
        before = time.process_time()
        with pytest.raises(MalformedMessage):
            decode(document)
        seconds = time.process_time() - before
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds < 2
    assert peak < 16 * 1024 * 1024


def test_the_limits_leave_room_for_the_deepest_document_there_is():
    path = ["Sync", "Collections", "Collection", "Commands", "Change", "ApplicationData"]
    exceptions = [("Calendar", "Exceptions"), ("Calendar", "Exception")]
    attachment = [("AirSyncBase", tag) for tag in ("Attachments", "Add", "Content")]
    document = None
    for page, tag in reversed([*(("AirSync", tag) for tag in path), *exceptions, *attachment]):
        document = Element(page, tag, (document,)) if document else Element(page, tag, opaque=b"x")
    assert decode(encode(document), max_depth=11) == document
    assert MAX_DEPTH >= 2 * 11
