"""`/EWS/Exchange.asmx`: which operation a request names, and its answer."""

from __future__ import annotations

from collections.abc import Callable

from handfast.lab.documents import Node
from handfast.lab.ews import directory_operations, folder_operations, item_operations
from handfast.lab.ews.access import Access
from handfast.lab.ews.answers import EwsError, envelope, failure, response
from handfast.lab.ews.attachments import get_attachment
from handfast.lab.ews.notifications import Subscriptions
from handfast.lab.mailbox import Mailbox, mailbox_name
from handfast.lab.reply import FinishedReply, StreamedReply, xml_reply
from handfast.lab.site_names import SiteNames
from handfast.lab.soap import Envelope, soap_fault

Operation = Callable[[Access, Node], Node | StreamedReply]


class ExchangeWebServices:
    """The web services of one site. `mailboxes` gives the mailbox of a name."""

    def __init__(
        self, names: SiteNames, mailboxes: Callable[[str], Mailbox], *, streaming_heartbeat: float
    ) -> None:
        self._names = names
        self._mailboxes = mailboxes
        self.delegates: set[tuple[str, str]] = set()
        """Pairs of mailbox names: the owner, and who may open the owner's mailbox."""
        subscriptions = Subscriptions(streaming_heartbeat)
        self._operations: dict[str, Operation] = {
            "ConvertId": directory_operations.convert_id,
            "CreateItem": item_operations.create_item,
            "FindFolder": folder_operations.find_folder,
            "FindItem": item_operations.find_item,
            "GetAttachment": get_attachment,
            "GetFolder": folder_operations.get_folder,
            "GetItem": item_operations.get_item,
            "GetServerTimeZones": directory_operations.get_server_time_zones,
            "GetStreamingEvents": subscriptions.stream,
            "GetUserAvailability": directory_operations.get_user_availability,
            "ResolveNames": directory_operations.resolve_names,
            "Subscribe": subscriptions.subscribe,
            "SyncFolderHierarchy": folder_operations.sync_folder_hierarchy,
            "SyncFolderItems": item_operations.sync_folder_items,
            "Unsubscribe": subscriptions.unsubscribe,
            "UpdateItem": item_operations.update_item,
        }

    def answer(self, user: str, request: Envelope) -> FinishedReply:
        """In whose name a request says it comes is believed: keeping strangers from saying so is a gateway's work."""
        operation = self._operations.get(request.operation)
        if operation is None:
            return soap_fault("The request failed schema validation.", code="ErrorSchemaValidation")
        acting = mailbox_name(request.impersonated or user)
        access = Access(acting, self._names, self._mailboxes, frozenset(self.delegates))
        try:
            answered = operation(access, request.element)
        except EwsError as error:
            answered = response(request.operation, failure(request.operation, error))
        except (IndexError, ValueError):  # An element that must be there isn't, or text that no XML can hold.
            return soap_fault("The request failed schema validation.", code="ErrorSchemaValidation")
        return answered if isinstance(answered, StreamedReply) else xml_reply(envelope(answered))
