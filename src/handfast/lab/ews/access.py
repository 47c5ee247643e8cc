"""Which mailbox a request of Exchange Web Services may touch: its user's own, and those it is a delegate of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from handfast.lab.documents import Node, local_name, text_at
from handfast.lab.ews.answers import EwsError
from handfast.lab.ews.folders import EwsFolder, folder_by_id, read_id, well_known
from handfast.lab.mailbox import Mailbox, Message, mailbox_name
from handfast.lab.site_names import SiteNames


@dataclass(frozen=True, slots=True)
class Access:
    """One request's reach. `user` is a mailbox name; `delegates` holds pairs (owner, delegate)."""

    user: str
    names: SiteNames
    mailboxes: Callable[[str], Mailbox]
    delegates: frozenset[tuple[str, str]]

    def mailbox(self, owner: str) -> Mailbox:
        """Raises: EwsError where the user may not open it."""
        if owner != self.user and (owner, self.user) not in self.delegates:
            raise EwsError(
                "ErrorAccessDenied",
                "Access is denied. Check credentials and try again., Cannot open mailbox.",
            )
        return self.mailboxes(owner)

    def folder(self, node: Node) -> tuple[str, EwsFolder]:
        """Owner and folder of a FolderId or DistinguishedFolderId. Raises: EwsError."""
        if local_name(node) == "DistinguishedFolderId":
            address = text_at(node, "Mailbox", "EmailAddress")
            owner, folder = mailbox_name(address) or self.user, well_known(str(node.get("Id", "")))
        else:
            owner, folder = folder_by_id(str(node.get("Id", "")))
        self.mailbox(owner)
        return owner, folder

    def message(self, identifier: str) -> tuple[str, Message]:
        """Owner and message of an ItemId. Raises: EwsError."""
        owner, server_id = read_id(identifier, "item")
        return owner, self.find(owner, server_id)

    def find(self, owner: str, server_id: str) -> Message:
        """The message of that id in a mailbox. Raises: EwsError."""
        message = self.mailbox(owner).find(server_id)
        if message is None:
            raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
        return message
