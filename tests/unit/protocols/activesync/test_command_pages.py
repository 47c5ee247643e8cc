"""Tokens of the commands' pages that the documents name, one by one where a slip would hurt most."""

import pytest

from handfast.protocols.activesync.code_pages import TOKEN_BY_TAG
from handfast.protocols.activesync.command_pages import COMMAND_PAGES


# Source: MS-ASWBXML 24.0, 2.1.2.1.1, .8, .9, .14-16, .19, .21, .22, .26.
@pytest.mark.parametrize(
    ("tag", "token"),
    [
        (("AirSync", "Conflict"), (0, 0x1B)),
        (("AirSync", "HeartbeatInterval"), (0, 0x29)),
        (("FolderHierarchy", "FolderSync"), (7, 0x16)),
        (("FolderHierarchy", "Count"), (7, 0x17)),
        (("MeetingResponse", "InstanceId"), (8, 0x0E)),
        (("MeetingResponse", "ProposedStartTime"), (8, 0x10)),
        (("MeetingResponse", "ProposedEndTime"), (8, 0x11)),
        (("MeetingResponse", "SendResponse"), (8, 0x12)),
        (("Ping", "MaxFolders"), (13, 0x0D)),
        (("Provision", "RemoteWipe"), (14, 0x0C)),
        (("Provision", "EASProvisionDoc"), (14, 0x0D)),
        (("Provision", "AttachmentsEnabled"), (14, 0x13)),
        (("Provision", "AccountOnlyRemoteWipe"), (14, 0x3B)),
        (("Search", "Store"), (15, 0x07)),
        (("Search", "DeepTraversal"), (15, 0x17)),
        (("Search", "UserName"), (15, 0x1E)),
        (("Search", "MaxPictures"), (15, 0x23)),
        (("Settings", "DeviceInformation"), (18, 0x16)),
        (("Settings", "MobileOperator"), (18, 0x22)),
        (("Settings", "RightsManagementInformation"), (18, 0x2B)),
        (("ItemOperations", "MoveAlways"), (20, 0x19)),
        (("ComposeMail", "AccountId"), (21, 0x13)),
        (("ComposeMail", "Forwardees"), (21, 0x15)),
        (("ComposeMail", "Forwardee"), (21, 0x16)),
        (("ComposeMail", "Name"), (21, 0x17)),
        (("ComposeMail", "Email"), (21, 0x18)),
        (("Find", "Find"), (25, 0x05)),
        (("Find", "DeepTraversal"), (25, 0x0E)),
        (("Find", "Response"), (25, 0x11)),
        (("Find", "GalSearchCriterion"), (25, 0x19)),
        (("Find", "MaxPictures"), (25, 0x20)),
        (("Find", "MaxSize"), (25, 0x21)),
        (("Find", "Picture"), (25, 0x22)),
    ],
)
def test_tokens_named_in_the_document(tag, token):
    assert TOKEN_BY_TAG[tag] == token


@pytest.mark.parametrize("gap", [(15, 0x06), (15, 0x16), (18, 0x2A), (21, 0x0A), (21, 0x14), (25, 0x0F)])
def test_what_is_not_assigned_is_left_out(gap):
    assert gap not in TOKEN_BY_TAG.values()


def test_each_page_has_its_own_number_and_name():
    numbers, names = zip(*COMMAND_PAGES, strict=True)
    assert len(set(numbers)) == len(set(names)) == len(COMMAND_PAGES) == 15
