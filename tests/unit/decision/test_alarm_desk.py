from __future__ import annotations

import pytest

from handfast.decision.alarm_desk import WITHHELD_EVENT, AlarmDesk
from handfast.decision.ports import GatewayEvent
from handfast.identity.audit import AuditEvent
from tests.fakes.identity_process import IdentityProcess


@pytest.fixture
def identity():
    return IdentityProcess()


def withheld(host="ex01.corp.internal", **more) -> GatewayEvent:
    details = {"request_id": "r1", "host": host, "detail": "names the inside", **more}
    return GatewayEvent(WITHHELD_EVENT, "mail", "192.0.2.1", details=tuple(details.items()))


def trail(identity):
    return [item for item in identity.records.tables.audit if item.event is AuditEvent.ANSWER_WITHHELD]


async def test_a_finding_stands_in_the_trail_with_who_claimed_it(identity):
    assert await AlarmDesk(identity.services).learn("edge1", withheld())
    (entry,) = trail(identity)
    assert (entry.actor, entry.subject) == ("gateway:edge1", "mail")
    assert dict(entry.details) == {
        "host": "ex01.corp.internal",
        "detail": "names the inside",
        "request_id": "r1",
    }


async def test_the_same_is_written_once_an_hour(identity):
    desk = AlarmDesk(identity.services)
    assert [await desk.learn("edge1", withheld()) for _ in range(3)] == [True, False, False]
    assert await desk.learn("edge1", withheld("ex02.corp.internal"))
    assert await desk.learn("edge2", withheld())
    identity.clock.advance(hours=1)
    assert await desk.learn("edge1", withheld())
    assert len(trail(identity)) == 4


async def test_without_a_host_the_detail_tells_findings_apart(identity):
    desk = AlarmDesk(identity.services)
    assert await desk.learn("edge1", withheld("", detail="broken"))
    assert not await desk.learn("edge1", withheld("", detail="broken"))
    assert await desk.learn("edge1", withheld("", detail="too long"))


async def test_a_node_that_finds_something_else_each_time_fills_no_trail(identity):
    desk = AlarmDesk(identity.services, max_remembered=5)
    for number in range(20):
        await desk.learn("edge1", withheld(f"ex{number}.corp.internal"))
    assert len(trail(identity)) == 5
    identity.clock.advance(hours=1, seconds=1)
    assert await desk.learn("edge1", withheld())


async def test_other_events_are_no_alarm(identity):
    assert not await AlarmDesk(identity.services).learn("edge1", GatewayEvent("other"))
    assert trail(identity) == []
