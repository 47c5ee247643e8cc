"""Subscribe, GetStreamingEvents and Unsubscribe: a client leaves one request open and is told of new mail on it.

Source: MS-OXWSNTIF 3.1.4; Microsoft, "Notification subscriptions, mailbox events, and EWS in Exchange".
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from handfast.lab.documents import Node, children, find, text_at
from handfast.lab.ews.access import Access
from handfast.lab.ews.answers import EwsError, envelope, m, response, success, t
from handfast.lab.ews.folders import FOLDERS, EwsFolder, folder_id
from handfast.lab.ews.messages import item_identity
from handfast.lab.mailbox import Mailbox, Message
from handfast.lab.reply import XML_TYPE, StreamedReply, xml_bytes

_OPERATION = "GetStreamingEvents"
MAX_MINUTES = 30


@dataclass(slots=True)
class _Subscription:
    user: str
    owner: str
    folders: tuple[EwsFolder, ...]
    seen: int


class Subscriptions:
    """All subscriptions of one server. A quiet connection says that it lives every `heartbeat` seconds."""

    def __init__(self, heartbeat: float = 45) -> None:
        self._heartbeat = heartbeat
        self._known: dict[str, _Subscription] = {}

    def subscribe(self, access: Access, request: Node) -> Node:
        """Streaming subscriptions only. Raises: EwsError."""
        wanted = find(request, "StreamingSubscriptionRequest")
        if wanted is None:
            raise EwsError("ErrorInvalidSubscriptionRequest", "Only streaming subscriptions are served.")
        named = [access.folder(node) for node in children(find(wanted, "FolderIds"))]
        owner = named[0][0] if named else access.user
        folders = tuple(folder for _, folder in named) or tuple(FOLDERS.values())
        identifier = str(uuid.uuid4())
        seen = access.mailbox(owner).newest()
        self._known[identifier] = _Subscription(access.user, owner, folders, seen)
        return response("Subscribe", success("Subscribe", m("SubscriptionId", identifier)))

    def unsubscribe(self, access: Access, request: Node) -> Node:
        """Raises: EwsError."""
        identifier = text_at(request, "SubscriptionId")
        self._of(access, identifier)
        del self._known[identifier]
        return response("Unsubscribe", success("Unsubscribe"))

    def stream(self, access: Access, request: Node) -> StreamedReply:
        """Goes on for ConnectionTimeout minutes. Raises: EwsError."""
        identifiers = [node.text or "" for node in children(find(request, "SubscriptionIds"))]
        minutes = text_at(request, "ConnectionTimeout")
        if not minutes.isdigit() or not 1 <= int(minutes[:4]) <= MAX_MINUTES:
            raise EwsError(
                "ErrorInvalidArgument", f"ConnectionTimeout must be from 1 to {MAX_MINUTES} minutes."
            )
        watched = {identifier: self._of(access, identifier) for identifier in identifiers}
        if not watched:
            raise EwsError("ErrorInvalidSubscription", "No subscription.")
        mailbox = access.mailbox(next(iter(watched.values())).owner)
        return StreamedReply(self._events(watched, mailbox, 60 * int(minutes)), XML_TYPE)

    async def _events(
        self, watched: dict[str, _Subscription], mailbox: Mailbox, seconds: float
    ) -> AsyncIterator[bytes]:
        """Each yield is a whole envelope, as a client reads them one by one."""
        end = asyncio.get_running_loop().time() + seconds
        yield _status("OK")
        while (left := end - asyncio.get_running_loop().time()) > 0:
            earliest = min(one.seen for one in watched.values())
            await mailbox.wait_until(lambda: mailbox.newest() > earliest, min(self._heartbeat, left))  # noqa: B023
            told = [_notification(*one, mailbox) for one in watched.items()]
            yield _message(m("Notifications", *told)) if any(len(one) > 1 for one in told) else _status("OK")
        yield _status("Closed")

    def _of(self, access: Access, identifier: str) -> _Subscription:
        known = self._known.get(identifier)
        if known is None or known.user != access.user:
            raise EwsError("ErrorSubscriptionNotFound", "The subscription was not found.")
        return known


def _notification(identifier: str, subscription: _Subscription, mailbox: Mailbox) -> Node:
    """What happened since the last time it was told."""
    folders = {folder.key: folder for folder in subscription.folders if folder.key}
    new = [one for one in mailbox.messages if one.number > subscription.seen and one.folder in folders]
    subscription.seen = mailbox.newest()
    events = [_event(subscription.owner, one, folders[one.folder]) for one in new]
    return m("Notification", t("SubscriptionId", identifier), *events)


def _event(owner: str, message: Message, folder: EwsFolder) -> Node:
    return t(
        "NewMailEvent",
        t("TimeStamp", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"),
        item_identity(owner, message),
        t("ParentFolderId", Id=folder_id(owner, folder)),
    )


def _status(status: str) -> bytes:
    return _message(m("ConnectionStatus", status))


def _message(*content: Node) -> bytes:
    return xml_bytes(envelope(response(_OPERATION, success(_OPERATION, *content))))
