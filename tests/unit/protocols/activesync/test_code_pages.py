"""The tag tables, also against libwbxml, which has its own."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from handfast.protocols.activesync import code_pages
from handfast.protocols.activesync.code_pages import PAGE_NAMES, TAG_BY_TOKEN, TOKEN_BY_TAG

VECTORS = Path(__file__).parents[3] / "vectors" / "activesync"
LIBWBXML = json.loads((VECTORS / "libwbxml_names.json").read_text())
# Source: MS-ASWBXML 24.0, 2.1.2.1.
NAMESPACES = """AirSync Contacts Email AirNotify Calendar Move GetItemEstimate FolderHierarchy MeetingResponse Tasks
    ResolveRecipients ValidateCert Contacts2 Ping Provision Search GAL AirSyncBase Settings DocumentLibrary
    ItemOperations ComposeMail Email2 Notes RightsManagement Find"""


def test_every_code_page_of_the_document_is_there_in_order():
    assert list(PAGE_NAMES.items()) == list(enumerate(NAMESPACES.split()))


def test_tokens_stay_within_a_page():
    assert all(code_pages.FIRST_TOKEN <= token <= code_pages.LAST_TOKEN for _, token in TAG_BY_TOKEN)


def test_no_name_stands_twice_on_a_page():
    assert len(TOKEN_BY_TAG) == len(TAG_BY_TOKEN) == 644


@pytest.mark.parametrize("page", PAGE_NAMES.values())
def test_names_are_tokens_and_back(page):
    for (name, tag), (number, token) in TOKEN_BY_TAG.items():
        if name == page:
            assert PAGE_NAMES[number] == page
            assert TAG_BY_TOKEN[number, token] == tag


@pytest.mark.needs("wbxml2xml")
@pytest.mark.parametrize("page", PAGE_NAMES, ids=PAGE_NAMES.values())
def test_every_token_means_the_same_to_libwbxml(page, tmp_path):
    name = PAGE_NAMES[page]
    tokens = sorted(token for number, token in TAG_BY_TOKEN if number == page)
    # An element of the page around one empty element for each token.
    document = bytes([3, 1, 0x6A, 0, 0, page, tokens[0] | 0x40, *tokens, 1])
    file = tmp_path / "all.wbxml"
    file.write_bytes(document)
    done = subprocess.run(
        ["wbxml2xml", "-l", "AIRSYNC", "-o", "-", str(file)],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    seen = re.findall(r"<([A-Za-z_-]+[0-9]?[A-Za-z_]*)[^>/]*/>", done.stdout)
    spelt = LIBWBXML["pages"].get(name, {})
    tags = [TAG_BY_TOKEN[page, token] for token in tokens]
    whole_page_unknown = name in LIBWBXML["unknown_pages"]
    assert seen == ["unknown" if whole_page_unknown else spelt.get(tag, tag) for tag in tags]
