"""The Sync command's memory: which device has been given which messages, under which key.

Source: MS-ASCMD 2.2.1.21. A key is good once; its predecessor is taken again, because an answer can get lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handfast.lab.mailbox import FOLDERS, Mailbox, Message
from handfast.protocols.activesync.element import Element

_PAGE = "AirSync"
_DEFAULT_WINDOW = 100

Device = tuple[str, str]
Place = tuple[str, str, str]  # user, device id, folder


@dataclass(slots=True)
class _State:
    key: int
    delivered: int
    delivered_before: int


class SyncStates:
    """Sync keys and positions of every device in every folder."""

    def __init__(self) -> None:
        self._states: dict[Place, _State] = {}

    def delivered(self, place: Place, *, default: int) -> int:
        """The number of the last message this device was given there."""
        state = self._states.get(place)
        return state.delivered if state else default

    def is_quiet(self, mailbox: Mailbox, device: Device, document: Element) -> bool:
        """Whether the request would bring nothing: every key is current, nothing is new, the client changes nothing."""
        return all(
            (state := self._states.get((*device, collection.text_at("CollectionId")))) is not None
            and collection.text_at("SyncKey") == str(state.key)
            and collection.first("Commands") is None
            and not mailbox.newer_than(collection.text_at("CollectionId"), state.delivered)
            for collection in _collections(document)
        )

    def synchronise(self, mailbox: Mailbox, device: Device, document: Element) -> Element | None:
        """The answer's document, None where there is nothing to say."""
        if self.is_quiet(mailbox, device, document):
            return None
        answers = tuple(
            self._collection(mailbox, device, collection) for collection in _collections(document)
        )
        return Element(_PAGE, "Sync", (Element(_PAGE, "Collections", answers),))

    def properties(self, message: Message) -> tuple[Element, ...]:
        """A mail's ApplicationData. Source: MS-ASEMAIL 2.2.2."""
        text = message.body.encode()
        body = (
            Element("AirSyncBase", "Type", text="1"),
            Element("AirSyncBase", "EstimatedDataSize", text=str(len(text))),
            Element("AirSyncBase", "Data", text=message.body),
        )
        return (
            Element("Email", "To", text=message.recipient),
            Element("Email", "From", text=message.sender),
            Element("Email", "Subject", text=message.subject),
            Element("Email", "DateReceived", text=f"{message.received_at:%Y-%m-%dT%H:%M:%S}.000Z"),
            Element("Email", "Read", text=str(int(message.read))),
            Element("AirSyncBase", "Body", body),
        )

    def _collection(self, mailbox: Mailbox, device: Device, collection: Element) -> Element:
        folder, key = collection.text_at("CollectionId"), collection.text_at("SyncKey")
        place = (*device, folder)
        if folder not in {known.server_id for known in FOLDERS}:
            return _answer(folder, key, 8)
        if key == "0":
            self._states[place] = _State(1, 0, 0)
            return _answer(folder, "1", 1)
        state = self._states.get(place)
        if state is None or key not in (str(state.key), str(state.key - 1)) or key == "":
            return _answer(folder, "0", 3)
        start = state.delivered if key == str(state.key) else state.delivered_before
        _apply(mailbox, collection.first("Commands"))
        window = collection.text_at("WindowSize")
        limit = int(window) if window.isdigit() and len(window) < 5 and int(window) else _DEFAULT_WINDOW
        waiting = mailbox.newer_than(folder, start)
        chosen = waiting[:limit]
        self._states[place] = _State(int(key) + 1, chosen[-1].number if chosen else start, start)
        return _answer(folder, str(int(key) + 1), 1, self._additions(chosen, more=len(waiting) > limit))

    def _additions(self, messages: list[Message], *, more: bool) -> Iterable[Element]:
        if more:
            yield Element(_PAGE, "MoreAvailable")
        added = tuple(
            Element(
                _PAGE,
                "Add",
                (
                    Element(_PAGE, "ServerId", text=message.server_id),
                    Element(_PAGE, "ApplicationData", self.properties(message)),
                ),
            )
            for message in messages
        )
        if added:
            yield Element(_PAGE, "Commands", added)


def _collections(document: Element) -> list[Element]:
    collections = document.first("Collections")
    return list(collections.all("Collection")) if collections else []


def _answer(folder: str, key: str, status: int, more: Iterable[Element] = ()) -> Element:
    said = (
        Element(_PAGE, "SyncKey", text=key),
        Element(_PAGE, "CollectionId", text=folder),
        Element(_PAGE, "Status", text=str(status)),
    )
    return Element(_PAGE, "Collection", (*said, *more))


def _apply(mailbox: Mailbox, commands: Element | None) -> None:
    """What the phone did meanwhile: marked as read, or deleted. Success needs no word in the answer."""
    for command in commands.children if commands else ():
        message = mailbox.find(command.text_at("ServerId"))
        if message is None:
            continue
        if command.name == "Change":
            message.read = command.text_at("ApplicationData", "Read") == "1"
        elif command.name == "Delete":
            mailbox.messages.remove(message)
