from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from handfast.app.facts_queue import FactsQueue
from handfast.decision.ports import GatewayEvent
from handfast.identity.ports import Unavailable


class Desk:
    """Stores what it is told, once `opened`; some events are trouble."""

    def __init__(self):
        self.opened = asyncio.Event()
        self.learned = []

    async def learn(self, node, event):
        await self.opened.wait()
        if event.name == "unavailable":
            raise Unavailable("locked")
        if event.name == "odd":
            raise ValueError(event.details)
        self.learned.append((node, event.name))
        return True


async def test_reports_are_stored_in_order_and_one_that_fails_stops_nobody():
    desk = Desk()
    queue = FactsQueue(desk)
    for name in ("a", "unavailable", "odd", "b"):
        queue.put("edge1", GatewayEvent(name))
    desk.opened.set()
    await queue.close()
    assert desk.learned == [("edge1", "a"), ("edge1", "b")]


async def test_what_an_error_quotes_stands_in_no_log():
    """A database's error may quote the row it did not take, and with it an IMEI."""
    desk = Desk()
    desk.opened.set()
    queue = FactsQueue(desk)
    with capture_logs() as lines:
        queue.put("edge1", GatewayEvent("odd", details=(("imei", "356938035643809"),)))
        await queue.close()
    (line,) = lines
    assert line["error"] == "ValueError"
    assert "356938035643809" not in str(line)


async def test_only_so_many_wait():
    desk = Desk()
    queue = FactsQueue(desk, max_waiting=3)
    for number in range(10):
        queue.put("edge1", GatewayEvent(str(number)))
    desk.opened.set()
    await queue.close()
    assert [name for _, name in desk.learned] == ["0", "1", "2"]


async def test_it_begins_again_after_a_pause():
    desk = Desk()
    desk.opened.set()
    queue = FactsQueue(desk)
    await queue.close()
    for name in ("a", "b"):
        queue.put("edge1", GatewayEvent(name))
        await queue.close()
    assert [name for _, name in desk.learned] == ["a", "b"]
