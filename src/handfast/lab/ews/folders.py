"""The folders of a mailbox as Exchange Web Services name them: a tree with well-known names. Source: MS-OXWSFOLD 2.2.4."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from handfast.lab.documents import Node
from handfast.lab.ews.answers import EwsError, t
from handfast.lab.ews.properties import Property, Record
from handfast.lab.mailbox import INBOX, SENT_ITEMS, Mailbox

ROOT = "root"


@dataclass(frozen=True, slots=True)
class EwsFolder:
    """One folder. `key` is where its mail lies in the mailbox; `parent` the well-known name of the folder above."""

    well_known: str
    name: str
    parent: str
    key: str = ""
    element: str = "Folder"
    content: str = "IPF.Note"


FOLDERS = {
    folder.well_known: folder
    for folder in (
        EwsFolder(ROOT, "root", "", content=""),
        EwsFolder("msgfolderroot", "Top of Information Store", ROOT, content=""),
        EwsFolder("inbox", "Inbox", "msgfolderroot", INBOX),
        EwsFolder("sentitems", "Sent Items", "msgfolderroot", SENT_ITEMS),
        EwsFolder("drafts", "Drafts", "msgfolderroot", "3"),
        EwsFolder("deleteditems", "Deleted Items", "msgfolderroot", "4"),
        EwsFolder("calendar", "Calendar", "msgfolderroot", "5", "CalendarFolder", "IPF.Appointment"),
        EwsFolder("contacts", "Contacts", "msgfolderroot", "6", "ContactsFolder", "IPF.Contact"),
        EwsFolder("outbox", "Outbox", "msgfolderroot", "7"),
        EwsFolder("junkemail", "Junk Email", "msgfolderroot", "8"),
    )
}
_DEFAULT = frozenset(
    {"folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount", "folder:UnreadCount"}
)


def folder_id(owner: str, folder: EwsFolder) -> str:
    """A folder's id: opaque to clients, and good for this mailbox only."""
    return base64.b64encode(f"folder/{owner}/{folder.well_known}".encode()).decode()


def read_id(identifier: str, kind: str) -> tuple[str, str]:
    """Owner and name within the mailbox of a folder's or an item's id. Raises: EwsError."""
    try:
        found, owner, name = base64.b64decode(identifier, validate=True).decode().split("/", 2)
    except (binascii.Error, ValueError):
        raise EwsError("ErrorInvalidIdMalformed", "Id is malformed.") from None
    if found != kind:
        raise EwsError("ErrorInvalidIdMalformed", f"Id is no {kind}'s.")
    return owner, name


def folder_by_id(identifier: str) -> tuple[str, EwsFolder]:
    """Owner and folder. Raises: EwsError."""
    owner, name = read_id(identifier, "folder")
    return owner, well_known(name)


def well_known(name: str) -> EwsFolder:
    """Raises: EwsError."""
    if name not in FOLDERS:
        raise EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.")
    return FOLDERS[name]


def below(folder: EwsFolder, *, deep: bool) -> list[EwsFolder]:
    """The folders inside, with `deep` also those inside them, parents first."""
    found = []
    for child in FOLDERS.values():
        if child.parent == folder.well_known:
            found += [child, *(below(child, deep=True) if deep else ())]
    return found


def folder_record(owner: str, folder: EwsFolder, mailbox: Mailbox) -> Record:
    """A folder as clients see it."""
    messages = mailbox.newer_than(folder.key, 0)
    inside = len(below(folder, deep=False))
    unread = sum(not message.read for message in messages)

    def parent() -> Node:
        return _identity("ParentFolderId", owner, FOLDERS.get(folder.parent, folder), mailbox)

    values: dict[str, Property] = {
        "folder:ParentFolderId": parent,
        "folder:FolderClass": lambda: folder.content,
        "folder:DisplayName": lambda: folder.name,
        "folder:TotalCount": lambda: str(len(messages)),
        "folder:ChildFolderCount": lambda: str(inside),
        "folder:EffectiveRights": _rights,
        "folder:DistinguishedFolderId": lambda: folder.well_known,
        "folder:UnreadCount": lambda: str(unread),
        "0x3602": lambda: str(len(messages)),  # PidTagContentCount
        "0x3603": lambda: str(unread),  # PidTagContentUnreadCount
        "0x360A": lambda: str(bool(inside)).lower(),  # PidTagSubfolders
        "0x3613": lambda: folder.content,  # PidTagContainerClass
        "0x6751": lambda: str(mailbox.newest() + 1),  # PidTagArticleNumberNext
        "0x6752": lambda: str(mailbox.newest()),  # PidTagImapLastArticleId
        "0x670A": lambda: f"2026-01-01T00:00:{mailbox.newest() % 60:02}Z",  # PidTagLocalCommitTimeMax
    }
    if not folder.content:
        del values["folder:FolderClass"], values["0x3613"]
    return Record(
        folder.element, lambda: _identity("FolderId", owner, folder, mailbox), values, default=_DEFAULT
    )


def _identity(element: str, owner: str, folder: EwsFolder, mailbox: Mailbox) -> Node:
    return t(element, Id=folder_id(owner, folder), ChangeKey=f"AQAAABYAAAD{mailbox.newest():05}")


def _rights() -> Node:
    kinds = ("CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read")
    return t("EffectiveRights", *(t(kind, "true") for kind in kinds))
