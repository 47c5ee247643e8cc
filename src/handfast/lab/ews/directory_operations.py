"""What clients ask about people, time zones and ids: ResolveNames, GetServerTimeZones, GetUserAvailability, ConvertId.

Source: MS-OXWSRSLNM, MS-OXWSGTZ, MS-OXWSAVAIL, MS-OXWSCVTID.
"""

from __future__ import annotations

from base64 import b64decode

from handfast.lab.documents import XSI_TYPE, Node, children, find, is_true, text_at
from handfast.lab.ews.access import Access
from handfast.lab.ews.answers import EwsError, failure, m, response, success, t
from handfast.lab.ews.folders import read_id
from handfast.lab.mailbox import mailbox_name


def resolve_names(access: Access, request: Node) -> Node:
    """Everybody whose address belongs to the site is known."""
    entry = text_at(request, "UnresolvedEntry").lower().removeprefix("smtp:")
    person = access.names.person(mailbox_name(entry))
    if not person.mailbox or ("@" in entry and entry != person.address):
        error = EwsError("ErrorNameResolutionNoResults", "No results were found.")
        return response("ResolveNames", failure("ResolveNames", error))
    mailbox = t(
        "Mailbox",
        t("Name", person.display_name),
        t("EmailAddress", person.address),
        t("RoutingType", "SMTP"),
        t("MailboxType", "Mailbox"),
    )
    contact = None
    if is_true(request.get("ReturnFullContactData", "")):
        entries = t("EmailAddresses", t("Entry", f"SMTP:{person.address}", Key="EmailAddress1"))
        contact = t("Contact", t("DisplayName", person.display_name), entries)
    found = m(
        "ResolutionSet",
        t("Resolution", mailbox, contact),
        TotalItemsInView="1",
        IncludesLastItemInRange="true",
    )
    return response("ResolveNames", success("ResolveNames", found))


def get_server_time_zones(access: Access, request: Node) -> Node:  # noqa: ARG001 - every operation is asked alike
    """UTC is all the time zones there are."""
    zone = t(
        "TimeZoneDefinition",
        t("Periods", t("Period", Bias="PT0S", Name="Standard", Id="trule:UTC-Standard")),
        t(
            "TransitionsGroups",
            t("TransitionsGroup", t("Transition", t("To", "trule:UTC-Standard", Kind="Period")), Id="0"),
        ),
        t("Transitions", t("Transition", t("To", "0", Kind="Group"))),
        Name="(UTC) Coordinated Universal Time",
        Id="UTC",
    )
    definitions = m("TimeZoneDefinitions", zone)
    return response("GetServerTimeZones", success("GetServerTimeZones", definitions))


def get_user_availability(access: Access, request: Node) -> Node:
    """Everybody of the site is free all day; others are unknown."""

    def one(data: Node) -> Node:
        address = text_at(data, "Email", "Address").lower()
        if not address.endswith(f"@{access.names.mail_domain}"):
            code = m("ResponseCode", "ErrorMailRecipientNotFound")
            message = m("ResponseMessage", m("MessageText", "Unknown."), code, ResponseClass="Error")
            return m("FreeBusyResponse", message)
        view = m("FreeBusyView", t("FreeBusyViewType", "MergedOnly"), t("MergedFreeBusy", "0" * 48))
        done = m("ResponseMessage", m("ResponseCode", "NoError"), ResponseClass="Success")
        return m("FreeBusyResponse", done, view)

    answers = map(one, children(find(request, "MailboxDataArray")))
    return m("GetUserAvailabilityResponse", m("FreeBusyResponseArray", *answers))


def convert_id(access: Access, request: Node) -> Node:
    """An id says whose mailbox it belongs to; clients learn their own address so."""
    destination = str(request.get("DestinationFormat", ""))

    def one(node: Node) -> Node:
        identifier = str(node.get("Id", ""))
        try:
            owner, _ = read_id(identifier, "folder")
            access.mailbox(owner)
        except EwsError as error:
            return failure("ConvertId", error)
        shown = b64decode(identifier).hex().upper() if destination == "HexEntryId" else identifier
        address = access.names.person(owner).address
        alternate = m("AlternateId", Format=destination, Id=shown, Mailbox=address)
        alternate.set(XSI_TYPE, "t:AlternateIdType")
        return success("ConvertId", alternate)

    return response("ConvertId", *map(one, children(find(request, "SourceIds"))))
