"""Tokens of the items' pages that the documents name, one by one where a slip would hurt most."""

import pytest

from handfast.protocols.activesync.code_pages import TOKEN_BY_TAG
from handfast.protocols.activesync.item_pages import ITEM_PAGES


# Source: MS-ASWBXML 24.0, 2.1.2.1.2, .3, .5, .10, .13, .17, .18, .20, .23-25.
@pytest.mark.parametrize(
    ("tag", "token"),
    [
        (("Contacts", "YomiLastName"), (1, 0x3A)),
        (("Contacts", "Picture"), (1, 0x3C)),
        (("Contacts", "WeightedRank"), (1, 0x3E)),
        (("Email", "Subject"), (2, 0x14)),
        (("Email", "Status"), (2, 0x3B)),
        (("Email", "DisallowNewTimeProposal"), (2, 0x3F)),
        (("Calendar", "AttendeeType"), (4, 0x2A)),
        (("Calendar", "DisallowNewTimeProposal"), (4, 0x33)),
        (("Calendar", "ClientUid"), (4, 0x3C)),
        (("Tasks", "Subject"), (9, 0x20)),
        (("Tasks", "OrdinalDate"), (9, 0x22)),
        (("Tasks", "FirstDayOfWeek"), (9, 0x26)),
        (("Contacts2", "MMS"), (12, 0x0E)),
        (("GAL", "Data"), (16, 0x12)),
        (("AirSyncBase", "AllOrNone"), (17, 0x08)),
        (("AirSyncBase", "Body"), (17, 0x0A)),
        (("AirSyncBase", "Location"), (17, 0x20)),
        (("AirSyncBase", "InstanceId"), (17, 0x2D)),
        (("DocumentLibrary", "ContentType"), (19, 0x0C)),
        (("Email2", "MeetingMessageType"), (22, 0x13)),
        (("Email2", "IsDraft"), (22, 0x15)),
        (("Email2", "Bcc"), (22, 0x16)),
        (("Email2", "Send"), (22, 0x17)),
        (("Notes", "Category"), (23, 0x09)),
        (("RightsManagement", "RemoveRightsManagementProtection"), (24, 0x18)),
    ],
)
def test_tokens_named_in_the_document(tag, token):
    assert TOKEN_BY_TAG[tag] == token


@pytest.mark.parametrize("gap", [(4, 0x2B), (4, 0x32), (17, 0x09), (22, 0x14)])
def test_what_is_not_assigned_is_left_out(gap):
    assert gap not in TOKEN_BY_TAG.values()


def test_each_page_has_its_own_number_and_name():
    numbers, names = zip(*ITEM_PAGES, strict=True)
    assert len(set(numbers)) == len(set(names)) == len(ITEM_PAGES) == 11
