"""FindItem, GetItem, SyncFolderItems, CreateItem and UpdateItem.

Source: MS-OXWSSRCH 3.1.4.2, MS-OXWSCORE 3.1.4, MS-OXWSSYNC 3.1.4.2.
"""

from __future__ import annotations

import email
import email.policy
from base64 import b64decode
from collections.abc import Callable, Iterator
from email.message import EmailMessage

from handfast.lab.documents import Node, children, find, is_true, local_name, text_at
from handfast.lab.ews.access import Access
from handfast.lab.ews.answers import EwsError, failure, m, response, success, t
from handfast.lab.ews.folders import FOLDERS
from handfast.lab.ews.messages import item_identity, message_record
from handfast.lab.ews.properties import path_of, read_shape
from handfast.lab.ews.search import matching, page
from handfast.lab.mailbox import INBOX, SENT_ITEMS, mailbox_name


def find_item(access: Access, request: Node) -> Node:
    """The mail inside each of the folders."""
    shape = read_shape(request)

    def one(node: Node) -> Node:
        owner, folder = access.folder(node)
        messages = reversed(access.mailbox(owner).newer_than(folder.key, 0))  # newest first, as Exchange does
        records = [message_record(owner, message) for message in messages]
        shown, paging = page(matching(records, request), request)
        items = t("Items", *(record.shown(shape) for record in shown))
        return success("FindItem", m("RootFolder", items, **paging))

    return response("FindItem", *_each("FindItem", request, "ParentFolderIds", one))


def get_item(access: Access, request: Node) -> Node:
    """One message for each item asked about."""
    shape = read_shape(request)

    def one(node: Node) -> Node:
        owner, message = access.message(str(node.get("Id", "")))
        return success("GetItem", m("Items", message_record(owner, message).shown(shape)))

    return response("GetItem", *_each("GetItem", request, "ItemIds", one))


def sync_folder_items(access: Access, request: Node) -> Node:
    """What came after the client's state, which is the number of the last mail it knows. Raises: EwsError."""
    nodes = children(find(request, "SyncFolderId"))
    if not nodes:
        raise EwsError("ErrorInvalidRequest", "No folder to synchronise.")
    owner, folder = access.folder(nodes[0])
    seen, limit = (
        _number(text_at(request, "SyncState")),
        _number(text_at(request, "MaxChangesReturned")) or 512,
    )
    shape, new = read_shape(request), access.mailbox(owner).newer_than(folder.key, seen)
    created = [t("Create", message_record(owner, message).shown(shape)) for message in new[:limit]]
    last = new[:limit][-1].number if new else seen
    return response(
        "SyncFolderItems",
        success(
            "SyncFolderItems",
            m("SyncState", str(last)),
            m("IncludesLastItemInRange", str(len(new) <= limit).lower()),
            m("Changes", *created),
        ),
    )


def create_item(access: Access, request: Node) -> Node:
    """Saves mail, sends it to mailboxes of this site, or both, as MessageDisposition says."""
    disposition = str(request.get("MessageDisposition", "SaveOnly"))

    def one(node: Node) -> Node:
        if local_name(node) != "Message":
            raise EwsError("ErrorInvalidRequest", "Only mail can be created here.")
        target = children(find(request, "SavedItemFolderId"))
        sends = disposition != "SaveOnly"
        owner, folder = access.folder(target[0]) if target else (access.user, None)
        sender = access.names.person(owner).address
        subject, body, recipients = _content(node)
        for recipient in recipients if sends else ():
            if recipient.lower().endswith(f"@{access.names.mail_domain}"):
                access.mailboxes(mailbox_name(recipient)).deliver(subject, body, sender=sender)
        if disposition == "SendOnly":
            return success("CreateItem", m("Items"))
        key = folder.key if folder else SENT_ITEMS if sends else FOLDERS["drafts"].key
        saved = access.mailbox(owner).deliver(subject, body, sender=sender, folder=key or INBOX)
        identity = () if sends else (t("Message", item_identity(owner, saved)),)
        return success("CreateItem", m("Items", *identity))

    return response("CreateItem", *_each("CreateItem", request, "Items", one))


def update_item(access: Access, request: Node) -> Node:
    """Sets read marks. Other fields are taken and forgotten: this mailbox keeps none of them."""

    def one(node: Node) -> Node:
        identifier = find(node, "ItemId")
        owner, message = access.message(str(identifier.get("Id", "")) if identifier is not None else "")
        for update in children(find(node, "Updates")):
            path, *new = children(update)
            if path_of(path) == "message:IsRead" and new:
                message.read = is_true(text_at(new[0], "IsRead"))
        count = m("ConflictResults", t("Count", "0"))
        return success("UpdateItem", m("Items", t("Message", item_identity(owner, message))), count)

    return response("UpdateItem", *_each("UpdateItem", request, "ItemChanges", one))


def _each(operation: str, request: Node, where: str, one: Callable[[Node], Node]) -> Iterator[Node]:
    """A message for each thing asked about; one that fails doesn't spoil the others."""
    for node in children(find(request, where)):
        try:
            yield one(node)
        except EwsError as error:
            yield failure(operation, error)


def _content(node: Node) -> tuple[str, str, list[str]]:
    """Subject, text and recipients' addresses."""
    addresses = [text_at(mailbox, "EmailAddress") for mailbox in children(find(node, "ToRecipients"))]
    encoded = text_at(node, "MimeContent")
    if not encoded:
        return text_at(node, "Subject"), text_at(node, "Body"), addresses
    try:
        parsed = email.message_from_bytes(b64decode(encoded), policy=email.policy.default)
    except ValueError:
        raise EwsError("ErrorMimeContentInvalidBase64String", "The MIME content isn't Base64.") from None
    assert isinstance(parsed, EmailMessage)
    text = parsed.get_body(("plain",))
    return str(parsed["Subject"] or ""), str(text.get_content()) if text else "", addresses


def _number(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise EwsError("ErrorInvalidSyncStateData", "Sync state data is invalid.")
    return int(text)
