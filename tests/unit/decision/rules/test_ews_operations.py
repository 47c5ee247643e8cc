from __future__ import annotations

from handfast.decision.rules.ews_operations import (
    ALLOWED_HEADERS,
    ALLOWED_OPERATIONS,
    ALLOWED_PARTS,
    BINARY_CONFIGURATION,
)
from handfast.protocols.ews.acting_for import find_acting_for


def names(text: str) -> set[str]:
    return set(text.split())


DAVMAIL = names("""ConvertId CopyItem CreateAttachment CreateFolder CreateItem DeleteAttachment DeleteFolder DeleteItem ExpandDL FindFolder
FindItem GetAttachment GetFolder GetItem GetUserAvailabilityRequest GetUserConfiguration GetUserPhoto MoveFolder MoveItem
ResolveNames UpdateFolder UpdateItem""")
"""github.com/mguessan/davmail src/java/davmail/exchange/ews/*Method.java: the names given to EWSMethod."""
EVOLUTION = names("""AddDelegate ConvertId CopyItem CreateAttachment CreateFolder CreateItem DeleteAttachment DeleteFolder DeleteItem
EmptyFolder ExpandDL FindFolder FindItem GetAttachment GetDelegate GetFolder GetItem GetPasswordExpirationDate GetServerTimeZones
GetStreamingEvents GetUserAvailabilityRequest GetUserConfiguration GetUserOofSettingsRequest GetUserPhoto MoveFolder MoveItem
RemoveDelegate ResolveNames SetUserOofSettingsRequest Subscribe SyncFolderHierarchy SyncFolderItems Unsubscribe UpdateDelegate
UpdateFolder UpdateItem""")
"""gitlab.gnome.org/GNOME/evolution-ews src/EWS/common/e-ews-connection.c: names given to e_ews_request_new_with_header."""
KDE = names("""CreateFolder CreateItem DeleteFolder DeleteItem FindFolder FindItem GetEvents GetFolder GetItem GetStreamingEvents
MoveFolder MoveItem Subscribe SyncFolderHierarchy SyncFolderItems Unsubscribe UpdateFolder UpdateItem""")
"""github.com/KDE/kdepim-runtime resources/ews/ewsclient/ews*request.cpp."""
EXCHANGELIB = names("""ArchiveItem ConvertId CopyItem CreateAttachment CreateFolder CreateItem CreateUserConfiguration DeleteAttachment
DeleteFolder DeleteItem DeleteUserConfiguration EmptyFolder ExpandDL FindFolder FindItem FindPeople GetAttachment GetDelegate
GetEvents GetFolder GetInboxRules GetItem GetMailTips GetPersona GetRoomLists GetRooms GetServerTimeZones GetStreamingEvents
GetUserAvailabilityRequest GetUserConfiguration GetUserOofSettingsRequest MarkAsJunk MoveFolder MoveItem ResolveNames SendItem
SetUserOofSettingsRequest Subscribe SyncFolderHierarchy SyncFolderItems Unsubscribe UpdateFolder UpdateInboxRules UpdateItem
UpdateUserConfiguration""")
"""exchangelib 5.6.0, exchangelib/services: SERVICE_NAME, but for ExportItems, UploadItems and GetSearchableMailboxes."""


def test_what_known_clients_ask_for_is_listed():
    assert (DAVMAIL | EVOLUTION | KDE | EXCHANGELIB) - set(ALLOWED_OPERATIONS) == set()
    assert all(ALLOWED_OPERATIONS.values())


def test_parts_are_those_of_listed_operations_and_none_is_dangerous():
    assert set(ALLOWED_PARTS) <= set(ALLOWED_OPERATIONS)
    assert {"PushSubscriptionRequest", "URL"}.isdisjoint(ALLOWED_PARTS["Subscribe"])
    assert all(BINARY_CONFIGURATION not in parts for parts in ALLOWED_PARTS.values())


def test_no_listed_header_acts_for_somebody_else():
    assert find_acting_for(ALLOWED_HEADERS) is None
