"""What an EWS request may ask for and say from outside: the operations, the parts of those with a dangerous one, the headers.

Listed is what clients of people do in a mailbox that is theirs, or shared with them: Outlook (Windows, Mac), Apple's Mail and
Calendar, Evolution, KDE, DavMail, exchangelib, Skype for Business; for those whose source is closed, by what an operation is
documented for. What acts beyond that (for others, towards addresses of the client's choice, on the whole site) is not here.
An operation's name is that of the Body's first element, e.g. `GetUserAvailabilityRequest`.

Source: services.wsdl, messages.xsd and types.xsd of Exchange 2016, and the documents named with each.
"""

from __future__ import annotations

from types import MappingProxyType

TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"

_BY_DOCUMENT = {
    "MS-OXWSCORE": (
        "CopyItem", "CreateItem", "DeleteItem", "GetItem", "MarkAllItemsAsRead", "MarkAsJunk", "MoveItem", "SendItem",
        "UpdateItem",
    ),
    "MS-OXWSFOLD": (
        "CopyFolder", "CreateFolder", "CreateFolderPath", "DeleteFolder", "EmptyFolder", "GetFolder", "MoveFolder",
        "UpdateFolder",
    ),
    "MS-OXWSSRCH": ("FindFolder", "FindItem"),
    "MS-OXWSSYNC": ("SyncFolderHierarchy", "SyncFolderItems"),
    "MS-OXWSNTIF": ("GetEvents", "GetStreamingEvents", "Subscribe", "Unsubscribe"),
    "MS-OXWSATT": ("CreateAttachment", "DeleteAttachment", "GetAttachment"),
    "MS-OXWSCONV": ("ApplyConversationAction", "FindConversation", "GetConversationItems"),
    "MS-OXWSARCH": ("ArchiveItem",),
    "MS-OXWSCVTID": ("ConvertId",),
    "MS-OXWSRSLNM": ("ResolveNames",),
    "MS-OXWSDLIST": ("ExpandDL",),
    "MS-OXWSPERS": ("FindPeople", "GetPersona"),
    "MS-OXWSPHOTO": ("GetUserPhoto",),
    "MS-OXWSAVAIL": ("GetUserAvailabilityRequest",),
    "MS-OXWOOF": ("GetUserOofSettingsRequest", "SetUserOofSettingsRequest"),
    "MS-OXWSDLGM": ("AddDelegate", "GetDelegate", "RemoveDelegate", "UpdateDelegate"),
    "MS-OXWSGTRM": ("GetRoomLists", "GetRooms"),
    "MS-OXWSGTZ": ("GetServerTimeZones",),
    "MS-OXWSRULES": ("GetInboxRules", "UpdateInboxRules"),
    "MS-OXWMT": ("GetMailTips",),
    "MS-OXWCONFIG": ("GetServiceConfiguration",),
    "MS-OXWSUSRCFG": (
        "CreateUserConfiguration", "DeleteUserConfiguration", "GetUserConfiguration", "UpdateUserConfiguration",
    ),
    "MS-OXWSCOS": (
        "AddDistributionGroupToImList", "AddImContactToGroup", "AddImGroup", "AddNewImContactToGroup",
        "AddNewTelUriContactToGroup", "GetImItemList", "GetImItems", "RemoveContactFromImList",
        "RemoveDistributionGroupFromImList", "RemoveImContactFromGroup", "RemoveImGroup", "SetImGroup",
    ),
    "web service reference": (
        "GetAppManifests", "GetAppMarketplaceUrl", "GetPasswordExpirationDate", "GetUserRetentionPolicyTags",
    ),
    "services.wsdl": (
        "DeleteSearchSuggestion", "EndSearchSession", "ExecuteSearch", "GetSearchSuggestions", "StartSearchSession",
    ),
}  # fmt: skip

ALLOWED_OPERATIONS = MappingProxyType(
    {name: source for source, names in _BY_DOCUMENT.items() for name in names}
)
"""Names of operations, with the document that defines each."""

_FOLDER = frozenset(
    {"FolderId", "DistinguishedFolderId", "Mailbox", "Name", "EmailAddress", "RoutingType", "MailboxType"}
)
_CONFIGURATION = _FOLDER | {
    "UserConfiguration", "UserConfigurationName", "AddressListId", "ItemId", "XmlData",
    "Dictionary", "DictionaryEntry", "DictionaryKey", "DictionaryValue", "Type", "Value",
}  # fmt: skip
BINARY_CONFIGURATION = "BinaryData"

ALLOWED_PARTS = MappingProxyType(
    {
        "Subscribe": _FOLDER
        | {
            "PullSubscriptionRequest",
            "StreamingSubscriptionRequest",
            "FolderIds",
            "EventTypes",
            "EventType",
            "Watermark",
            "Timeout",
        },
        "CreateUserConfiguration": _CONFIGURATION,
        "UpdateUserConfiguration": _CONFIGURATION,
    }
)
"""Operations that are read to their end, and every element that may stand within. Others stream unread."""

ALLOWED_HEADERS = MappingProxyType(
    {
        "RequestServerVersion": "the schema's version; MS-OXWSCDATA, t:RequestServerVersion",
        "MailboxCulture": "a language; MS-OXWSCDATA, t:MailboxCulture",
        "TimeZoneContext": "a time zone; MS-OXWSCDATA, t:TimeZoneContext",
        "DateTimePrecision": "seconds or milliseconds; types.xsd, t:DateTimePrecision",
    }
)
"""The header blocks of types.xsd by which a request says nothing of whom it is for, with what each says."""
