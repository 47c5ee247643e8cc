"""Mailboxes in memory."""

import asyncio

import pytest

from handfast.lab.mailbox import SENT_ITEMS, Mailbox, mailbox_name


@pytest.mark.parametrize("login", ["alice", "CORP\\Alice", "ALICE@corp.example", "CORP\\alice@corp.example"])
def test_one_mailbox_for_every_form_of_a_name(login):
    assert mailbox_name(login) == "alice"


async def test_messages_are_numbered_and_found():
    mailbox = Mailbox("alice@corp.example")
    first = mailbox.deliver("one", "1", sender="bob")
    second = mailbox.deliver("two", "2", sender="bob", folder=SENT_ITEMS)
    assert (first.server_id, second.server_id, mailbox.newest()) == ("1:1", "2:2", 2)
    assert mailbox.newer_than("1", 0) == [first]
    assert mailbox.newer_than("1", 1) == []
    assert mailbox.find("2:2") is second
    assert mailbox.find("9:9") is None


async def test_waiting_ends_with_the_arrival_that_counts_or_in_time():
    mailbox = Mailbox("alice@corp.example")
    assert await mailbox.wait_until(lambda: True, 0.01)
    assert not await mailbox.wait_until(lambda: False, 0.01)
    waiting = asyncio.ensure_future(mailbox.wait_until(lambda: mailbox.newest() >= 2, 5))
    await asyncio.sleep(0)
    mailbox.deliver("one", "", sender="bob")
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    mailbox.deliver("two", "", sender="bob")
    assert await waiting
