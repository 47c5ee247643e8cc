"""The tag tables, also against libwbxml, which has its own."""

import re
import subprocess

import pytest

from handfast.protocols.activesync import code_pages
from handfast.protocols.activesync.code_pages import PAGE_NAMES, TAG_BY_TOKEN, TOKEN_BY_TAG

# Where libwbxml's table differs from MS-ASWBXML: older names, a misspelling, and one token newer than the library.
LIBWBXML_SAYS = {
    (2, 0x09): "AttOId",
    (2, 0x19): "Reply-To",
    (2, 0x1D): "DTStamp",
    (14, 0x10): "DeviceEncryptionEnabled",
    (14, 0x3B): "unknown",
    (18, 0x2B): "ihsManagementInformation",
    (21, 0x10): "MIME",
}


def test_tokens_stay_within_a_page():
    assert all(code_pages.FIRST_TOKEN <= token <= code_pages.LAST_TOKEN for _, token in TAG_BY_TOKEN)


def test_no_name_stands_twice_on_a_page():
    assert len(TOKEN_BY_TAG) == len(TAG_BY_TOKEN)


@pytest.mark.parametrize(
    ("tag", "token"),
    [
        (("AirSync", "HeartbeatInterval"), (0, 0x29)),
        (("FolderHierarchy", "Count"), (7, 0x17)),
        (("Ping", "MaxFolders"), (13, 0x0D)),
        (("Provision", "EASProvisionDoc"), (14, 0x0D)),
        (("Settings", "MobileOperator"), (18, 0x22)),
        (("AirSyncBase", "Data"), (17, 0x0B)),
    ],
)
def test_tokens_named_in_the_documents(tag, token):
    assert TOKEN_BY_TAG[tag] == token


@pytest.mark.needs("wbxml2xml")
@pytest.mark.parametrize("page", PAGE_NAMES, ids=PAGE_NAMES.values())
def test_every_token_means_the_same_to_libwbxml(page, tmp_path):
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
    assert seen == [LIBWBXML_SAYS.get((page, token), TAG_BY_TOKEN[page, token]) for token in tokens]
