"""The named refusals of EWS operations, most telling first.

As with the named refusals of paths, nothing depends on them: what they name is on no list of `ews_operations`. They tell the
log and `explain` what a request was, with the day on which it became known (else was closed here) and where one reads of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from handfast.decision.rules.ews_operations import BINARY_CONFIGURATION

_MSRC = "https://msrc.microsoft.com/update-guide/vulnerability/"
_REFERENCE = "learn.microsoft.com/exchange/client-developer/web-service-reference/"
_SHOWN = "github.com/rapid7/metasploit-framework modules/exploits/windows/http/exchange_chainedserializationbinder_rce.rb"
_CLOSED = date(2026, 11, 21)
"""Day of the list of what no client needs outside."""


@dataclass(frozen=True, slots=True)
class EwsDenial:
    """One named refusal: of any of `operations`, or of one element within them where `part` is not empty.

    `since` is the day it became known, `source` where.
    """

    name: str
    since: date
    source: str
    why: str
    operations: frozenset[str] = frozenset()
    part: str = ""


def _closed(name: str, source: str, why: str, *operations: str) -> EwsDenial:
    return EwsDenial(name, _CLOSED, source, why, frozenset(operations))


EWS_DENIALS: tuple[EwsDenial, ...] = (
    EwsDenial(
        "ews-push-subscription",
        date(2018, 11, 13),
        f"CVE-2018-8581 {_MSRC}CVE-2018-8581; CERT/CC VU#465632; MS-OXWSPSNTIF",
        "the server would connect to a URL of the client's choice (PrivExchange: and sign in there)",
        frozenset({"Subscribe"}),
        "PushSubscriptionRequest",
    ),
    EwsDenial(
        "ews-binary-configuration",
        date(2021, 11, 9),
        f"CVE-2021-42321 {_MSRC}CVE-2021-42321; {_SHOWN}",
        "objects serialised by the client, kept in a mailbox where the server later reads them as its own",
        frozenset({"CreateUserConfiguration", "UpdateUserConfiguration"}),
        BINARY_CONFIGURATION,
    ),
    EwsDenial(
        "ews-install-app",
        date(2026, 6, 9),
        f"CVE-2026-45502 {_MSRC}CVE-2026-45502; {_REFERENCE}installapp-operation",
        "the server would fetch an add-in's manifest from a URL of the client's choice",
        frozenset({"InstallApp"}),
    ),
    _closed(
        "ews-client-access-token",
        f"{_REFERENCE}getclientaccesstoken-operation; {_SHOWN}",
        "a token by which an add-in's own server acts for the account, and which no block here ends;"
        " and what makes the server read the objects of CVE-2021-42321",
        "GetClientAccessToken",
    ),
    _closed(
        "ews-add-ins",
        f"{_REFERENCE}installapp-operation and those beside it",
        "add-ins are managed inside",
        "DisableApp",
        "GetClientExtension",
        "SetClientExtension",
        "UninstallApp",
    ),
    _closed(
        "ews-bulk-transfer",
        "MS-OXWSBTRF 3.1.4",
        "whole items as raw property streams, past every rule for single properties: for migrations",
        "ExportItems",
        "UploadItems",
    ),
    _closed(
        "ews-ediscovery",
        "MS-OXWSEDISC 3.1.4",
        "searches and holds over many mailboxes",
        "FindMailboxStatisticsByKeywords",
        "GetDiscoverySearchConfiguration",
        "GetHoldOnMailboxes",
        "GetNonIndexableItemDetails",
        "GetNonIndexableItemStatistics",
        "GetSearchableMailboxes",
        "SearchMailboxes",
        "SetHoldOnMailboxes",
    ),
    _closed(
        "ews-message-tracking",
        "MS-OXWSMTRK 3.1.4",
        "reports of the whole site's mail",
        "FindMessageTrackingReport",
        "GetMessageTrackingReport",
    ),
    _closed(
        "ews-federated-sharing",
        "MS-OXWSMSHR 3.1.4",
        "the server would ask another organisation's servers, or hand out what opens folders to it",
        "GetSharingFolder",
        "GetSharingMetadata",
        "RefreshSharingFolder",
    ),
    _closed(
        "ews-play-on-phone",
        "MS-OXWUMS 3.1.4; the web service reference, PlayOnPhone operation",
        "the server would dial a number of the client's choice",
        "DisconnectPhoneCall",
        "GetPhoneCallInformation",
        "PlayOnPhone",
    ),
    _closed(
        "ews-team-mailbox",
        f"{_REFERENCE}setteammailbox-operation",
        "SharePoint's word about a site mailbox, with a URL of its choice",
        "SetTeamMailbox",
        "UnpinTeamMailbox",
    ),
    _closed(
        "ews-diagnostics",
        "github.com/OfficeDev/ews-managed-api Core/Requests/ExecuteDiagnosticMethodRequest.cs",
        "the server's own diagnostics",
        "ExecuteDiagnosticMethod",
    ),
)

UNLISTED_OPERATION = _closed(
    "ews-unlisted-operation", "services.wsdl", "an operation that is not on the list of those for outside"
)
UNLISTED_PART = _closed(
    "ews-unlisted-part", "types.xsd", "an element that is not on the list of what may stand in that operation"
)
UNLISTED_HEADER = _closed(
    "ews-unlisted-header", "types.xsd", "a SOAP header that is not on the list of those for outside"
)
DENIED_BY_SETTINGS = _closed("ews-denied-by-settings", "`[publication.ews] deny_operations`", "closed here")
GENERAL_DENIALS = (UNLISTED_OPERATION, UNLISTED_PART, UNLISTED_HEADER, DENIED_BY_SETTINGS)
"""What says that something is on no list, rather than what it is."""
