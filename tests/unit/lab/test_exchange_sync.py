"""Sync keys: good once, the one before again, any other never."""

from handfast.lab.exchange_sync import SyncStates
from handfast.lab.mailbox import Mailbox
from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import decode, encode

DEVICE = ("alice", "A1")


def request(key, folder="1", *more):
    parts = (Element("AirSync", "SyncKey", text=key), Element("AirSync", "CollectionId", text=folder), *more)
    return Element(
        "AirSync", "Sync", (Element("AirSync", "Collections", (Element("AirSync", "Collection", parts),)),)
    )


class Conversation:
    def __init__(self):
        self.mailbox = Mailbox("alice@corp.example")
        self.states = SyncStates()

    def sync(self, key, folder="1", *more):
        """Status, new key, subjects, whether there is more; None for an empty answer."""
        document = self.states.synchronise(self.mailbox, DEVICE, request(key, folder, *more))
        if document is None:
            return None
        assert decode(encode(document)) == document
        collection = document.first("Collections", "Collection")
        commands = collection.first("Commands")
        subjects = (
            [add.text_at("ApplicationData", "Subject") for add in commands.all("Add")] if commands else []
        )
        return (
            collection.text_at("Status"),
            collection.text_at("SyncKey"),
            subjects,
            collection.first("MoreAvailable") is not None,
        )


async def test_key_items_silence():
    talk = Conversation()
    talk.mailbox.deliver("one", "1", sender="bob")
    assert talk.sync("0") == ("1", "1", [], False)
    assert talk.sync("1") == ("1", "2", ["one"], False)
    assert talk.sync("2") is None
    talk.mailbox.deliver("two", "2", sender="bob")
    assert talk.sync("2") == ("1", "3", ["two"], False)


async def test_a_lost_answer_is_given_again():
    talk = Conversation()
    talk.mailbox.deliver("one", "1", sender="bob")
    talk.sync("0")
    assert talk.sync("1") == talk.sync("1") == ("1", "2", ["one"], False)
    talk.mailbox.deliver("two", "2", sender="bob")
    assert talk.sync("2") == ("1", "3", ["two"], False)
    assert talk.sync("1") == ("3", "0", [], False)


async def test_unknown_keys_and_folders():
    talk = Conversation()
    assert talk.sync("1") == ("3", "0", [], False)
    assert talk.sync("0", "77")[0] == "8"
    talk.sync("0")
    for key in ("", "5", "-1", "x"):
        assert talk.sync(key)[0] == "3"


async def test_a_window_leaves_more():
    talk = Conversation()
    for subject in ("one", "two", "three"):
        talk.mailbox.deliver(subject, "", sender="bob")
    talk.sync("0")
    window = Element("AirSync", "WindowSize", text="2")
    assert talk.sync("1", "1", window) == ("1", "2", ["one", "two"], True)
    assert talk.sync("2", "1", window) == ("1", "3", ["three"], False)


async def test_the_phone_reads_and_deletes():
    talk = Conversation()
    message = talk.mailbox.deliver("one", "1", sender="bob")
    talk.sync("0")
    talk.sync("1")
    server_id = Element("AirSync", "ServerId", text=message.server_id)
    read = Element("AirSync", "ApplicationData", (Element("Email", "Read", text="1"),))
    unknown = Element("AirSync", "Delete", (Element("AirSync", "ServerId", text="9:9"),))
    commands = Element("AirSync", "Commands", (Element("AirSync", "Change", (server_id, read)), unknown))
    assert talk.sync("2", "1", commands) == ("1", "3", [], False)
    assert message.read
    commands = Element("AirSync", "Commands", (Element("AirSync", "Delete", (server_id,)),))
    assert talk.sync("3", "1", commands) == ("1", "4", [], False)
    assert talk.mailbox.messages == []
