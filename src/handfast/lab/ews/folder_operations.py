"""GetFolder, FindFolder and SyncFolderHierarchy. Source: MS-OXWSFOLD 3.1.4.6, MS-OXWSSRCH 3.1.4.1, MS-OXWSSYNC 3.1.4.1."""

from __future__ import annotations

from handfast.lab.documents import Node, children, find, text_at
from handfast.lab.ews.access import Access
from handfast.lab.ews.answers import EwsError, failure, m, response, success, t
from handfast.lab.ews.folders import FOLDERS, below, folder_record
from handfast.lab.ews.properties import read_shape
from handfast.lab.ews.search import matching, page

_HIERARCHY_KNOWN = "SGllcmFyY2h5"
"""The state of a client that has seen the folders; they never change."""


def get_folder(access: Access, request: Node) -> Node:
    """One message for each folder asked about."""
    shape = read_shape(request)

    def one(node: Node) -> Node:
        try:
            owner, folder = access.folder(node)
        except EwsError as error:
            return failure("GetFolder", error)
        record = folder_record(owner, folder, access.mailbox(owner))
        return success("GetFolder", m("Folders", record.shown(shape)))

    return response("GetFolder", *map(one, children(find(request, "FolderIds"))))


def find_folder(access: Access, request: Node) -> Node:
    """The folders inside each of the parents."""
    shape, deep = read_shape(request), request.get("Traversal") == "Deep"

    def one(node: Node) -> Node:
        try:
            owner, parent = access.folder(node)
            inside = [
                folder_record(owner, child, access.mailbox(owner)) for child in below(parent, deep=deep)
            ]
            shown, paging = page(matching(inside, request), request)
        except EwsError as error:
            return failure("FindFolder", error)
        folders = t("Folders", *(record.shown(shape) for record in shown))
        return success("FindFolder", m("RootFolder", folders, **paging))

    return response("FindFolder", *map(one, children(find(request, "ParentFolderIds"))))


def sync_folder_hierarchy(access: Access, request: Node) -> Node:
    """Every folder at first, nothing afterwards. Raises: EwsError."""
    root = children(find(request, "SyncFolderId"))
    owner, parent = access.folder(root[0]) if root else (access.user, FOLDERS["msgfolderroot"])
    shape, known = read_shape(request), text_at(request, "SyncState")
    if known not in ("", _HIERARCHY_KNOWN):
        raise EwsError("ErrorInvalidSyncStateData", "Sync state data is invalid.")
    new = [] if known else below(parent, deep=True)
    created = [
        t("Create", folder_record(owner, folder, access.mailbox(owner)).shown(shape)) for folder in new
    ]
    return response(
        "SyncFolderHierarchy",
        success(
            "SyncFolderHierarchy",
            m("SyncState", _HIERARCHY_KNOWN),
            m("IncludesLastFolderInRange", "true"),
            m("Changes", *created),
        ),
    )
