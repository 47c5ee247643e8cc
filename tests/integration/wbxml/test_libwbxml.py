"""The codec against libwbxml, both ways, for every tag that the library knows; and what it reads in our own answers."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handfast.protocols.activesync.code_pages import PAGE_NAMES, TAG_BY_TOKEN
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.device_information import DeviceInformation
from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.notice_mailbox import (
    EMPTY_INBOX_KEY,
    INBOX_ID,
    encode_notice_folders,
    encode_notice_sync,
)
from handfast.protocols.activesync.notice_message import VERSIONS, Notice
from handfast.protocols.activesync.provision_answer import (
    PolicyAnswer,
    ProvisionAnswer,
    encode_provision_answer,
)
from handfast.protocols.activesync.provision_request import (
    WBXML_POLICY,
    PolicyRequest,
    ProvisionRequest,
    encode_provision_request,
    parse_provision_request,
)
from handfast.protocols.activesync.remote_wipe import WipeKind
from handfast.protocols.activesync.settings_answer import SettingsAnswer, encode_settings_answer
from handfast.protocols.activesync.status_answer import encode_status_answer, has_status
from handfast.protocols.activesync.sync_keys import SyncCollection
from handfast.protocols.activesync.wbxml import decode, encode
from tests.integration.wbxml.libwbxml import (
    BYTE_ARRAYS,
    KNOWN_TAGS,
    UNKNOWN_TOKENS,
    from_xml,
    wbxml2xml,
    xml2wbxml,
)

pytestmark = pytest.mark.needs("wbxml2xml", "xml2wbxml")
NOTICE = Notice(
    "Wartet", "Zeile 1\nZeile 2 <&>", "a@b.example", "c@d.example", datetime(2026, 1, 2, tzinfo=UTC)
)


def value_of(tag: tuple[str, str]) -> Element:
    """The tag with content of its kind."""
    if tag in BYTE_ARRAYS:
        return Element(*tag, opaque=b"\x00\xff" + tag[1].encode())
    return Element(*tag, text=f" {tag[1]} <&> ü\n")


def test_what_the_library_does_not_know():
    """These rest on the golden bytes alone: the page Find, and three tags of 16.1."""
    rest = {token for token in UNKNOWN_TOKENS if PAGE_NAMES[token[0]] != "Find"}
    assert {TAG_BY_TOKEN[token] for token in rest} == {
        "AccountOnlyRemoteWipe",
        "ProposedStartTime",
        "ProposedEndTime",
    }
    assert len(KNOWN_TAGS) == 644 - 22 - 3


@pytest.mark.parametrize("page", sorted({page for page, _ in KNOWN_TAGS}))
def test_every_known_tag_there_and_back(page):
    tags = [tag for tag in KNOWN_TAGS if tag[0] == page]
    full = Element("AirSync", "ApplicationData", tuple(map(value_of, tags)))
    empty = Element("AirSync", "Commands", tuple(Element(*tag) for tag in tags))
    document = Element("AirSync", "Sync", (full, empty))
    assert from_xml(wbxml2xml(encode(document))) == document
    assert decode(xml2wbxml(document)) == document
    assert decode(xml2wbxml(from_xml(wbxml2xml(encode(document))))) == document


# XML has no other control characters, and would make one line end of two.
TEXT = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=30
)
LEAVES = st.sampled_from(KNOWN_TAGS).flatmap(
    lambda tag: (
        st.builds(lambda opaque: Element(*tag, opaque=opaque), st.binary(min_size=1, max_size=200))
        if tag in BYTE_ARRAYS
        else st.builds(lambda text: Element(*tag, text=text), TEXT | st.none())
    )
)
CONTAINERS = st.sampled_from([tag for tag in KNOWN_TAGS if tag not in BYTE_ARRAYS])
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda tag, children: Element(*tag, tuple(children)), CONTAINERS, st.lists(inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_any_document_there_and_back(document):
    assert from_xml(wbxml2xml(encode(document))) == document
    assert decode(xml2wbxml(document)) == document


def with_xml_line_ends(element: Element) -> Element:
    """The element as XML can show it: a parser makes one line end of two characters (XML 1.0, 2.11)."""
    text = element.text and element.text.replace("\r\n", "\n")
    children = tuple(map(with_xml_line_ends, element.children))
    return Element(element.page, element.name, children, text, element.opaque)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_library_reads_the_notice(version):
    asked = [SyncCollection(INBOX_ID, EMPTY_INBOX_KEY)]
    body = encode_notice_sync(asked, NOTICE, version)
    seen = wbxml2xml(body)
    assert from_xml(seen) == with_xml_line_ends(decode(body))
    assert "Zeile 1\nZeile 2 <&>" in [node.text for node in seen.iter()]


@pytest.mark.parametrize(
    "body",
    [
        encode_notice_folders("0"),
        encode_provision_answer(ProvisionAnswer(wipe=WipeKind.FULL)),
        encode_provision_answer(
            ProvisionAnswer(
                policy=PolicyAnswer(
                    WBXML_POLICY,
                    key=7,
                    document=Element("Provision", "EASProvisionDoc", (leaf("Provision", "AllowCamera", 1),)),
                ),
                device_information_status=1,
            )
        ),
        encode_settings_answer(SettingsAnswer(1, 1)),
        *(encode_status_answer(each, 140) for each in Command if has_status(each) and each != Command.FIND),
    ],
)
def test_the_library_reads_our_answers(body):
    assert from_xml(wbxml2xml(body)) == decode(body)


def test_we_read_a_request_that_the_library_wrote():
    told = DeviceInformation(
        model="Phone", imei="351", friendly_name="Zoë's", os="X 1", enable_outbound_sms=False
    )
    request = ProvisionRequest(PolicyRequest(WBXML_POLICY), device_information=told)
    written = xml2wbxml(decode(encode_provision_request(request)))
    assert parse_provision_request(written) == request
