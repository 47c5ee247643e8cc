"""WBXML: the documents' example, every refusal, and round trips."""

import subprocess
import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handfast.protocols.activesync.code_pages import TOKEN_BY_TAG
from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import decode, encode
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
        (b"\x00\x03\x05", "unknown code page 3 at byte 5"),
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


@pytest.mark.needs("wbxml2xml")
def test_libwbxml_reads_what_we_write(tmp_path):
    element = Element(
        "FolderHierarchy",
        "FolderSync",
        (
            Element("FolderHierarchy", "Status", text="1"),
            Element("FolderHierarchy", "SyncKey", text="7 <&> ü"),
            Element("FolderHierarchy", "Changes", (Element("FolderHierarchy", "Count", text="0"),)),
            Element("Settings", "DeviceInformation", (Element("Settings", "Model", text="Phone"),)),
        ),
    )
    file = tmp_path / "document.wbxml"
    file.write_bytes(encode(element))
    done = subprocess.run(
        ["wbxml2xml", "-l", "AIRSYNC", "-o", "-", str(file)], capture_output=True, check=True, timeout=20
    )
    root = ET.fromstring(done.stdout.replace(b"xmlns=", b"was="))
    shape = [(node.tag.rpartition("}")[2], (node.text or "").strip()) for node in root.iter()]
    assert shape == [
        ("FolderSync", ""),
        ("Status", "1"),
        ("SyncKey", "7 <&> ü"),
        ("Changes", ""),
        ("Count", "0"),
        ("DeviceInformation", ""),
        ("Model", "Phone"),
    ]


@pytest.mark.needs("xml2wbxml")
def test_we_read_what_libwbxml_writes(tmp_path):
    source = tmp_path / "sync.xml"
    source.write_text(
        '<?xml version="1.0" encoding="utf-8"?>'
        '<!DOCTYPE ActiveSync PUBLIC "-//MICROSOFT//DTD ActiveSync//EN" "http://www.microsoft.com/">'
        '<Sync xmlns="AirSync:"><Collections><Collection><SyncKey>1</SyncKey><Commands><Add><ApplicationData>'
        '<Subject xmlns="Email:">Hi &amp; bye ü</Subject><Body xmlns="AirSyncBase:"><Type>1</Type>'
        "<Data>one\ntwo https://www.example.com/</Data></Body>"
        '<ConversationId xmlns="Email2:">Zm9v</ConversationId>'
        "</ApplicationData></Add></Commands></Collection></Collections></Sync>"
    )
    written = tmp_path / "sync.wbxml"
    subprocess.run(
        ["xml2wbxml", "-n", "-a", "-o", str(written), str(source)],
        check=True,
        timeout=20,
        capture_output=True,
    )
    document = decode(written.read_bytes())
    collection = document.first("Collections", "Collection")
    assert collection.text_at("SyncKey") == "1"
    data = collection.first("Commands", "Add", "ApplicationData")
    assert data.text_at("Subject") == "Hi & bye ü"
    assert data.text_at("Body", "Data") == "one\ntwo https://www.example.com/"
    assert data.first("ConversationId").opaque == b"foo"
    assert encode(document) == written.read_bytes()
