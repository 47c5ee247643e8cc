from __future__ import annotations

import pytest

from handfast.decision.alarm_desk import WITHHELD_EVENT, AlarmDesk
from handfast.decision.ports import GatewayEvent
from handfast.identity.audit import AuditEvent
from handfast.identity.ports import Unavailable
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


def numbers(identity):
    return [
        dict(item.details)
        for item in identity.records.tables.audit
        if item.event is AuditEvent.ANSWERS_UNLISTED
    ]


async def test_what_is_beyond_the_limit_is_counted_and_told_once_an_hour(identity):
    desk = AlarmDesk(identity.services, max_remembered=5)
    began = identity.clock.now()
    for number in range(20):
        await desk.learn("edge1", withheld(f"ex{number}.corp.internal"))
        assert await desk.tell_unlisted() == 0, "not yet an hour"
    await desk.learn("edge1", withheld("ex1.corp.internal"))
    identity.clock.advance(hours=1)
    assert await desk.tell_unlisted() == 15, "what stands in the trail is none of them"
    assert numbers(identity) == [{"findings": "15", "since": began.isoformat()}]
    identity.clock.advance(hours=1)
    assert await desk.tell_unlisted() == 0, "nothing new"
    assert await desk.learn("edge1", withheld("ex19.corp.internal"))
    assert len(numbers(identity)) == 1


async def test_at_the_end_it_is_told_at_once(identity):
    desk = AlarmDesk(identity.services, max_remembered=1)
    assert await desk.tell_unlisted(at_once=True) == 0
    for number in range(3):
        await desk.learn("edge1", withheld(f"ex{number}.corp.internal"))
    assert await desk.tell_unlisted(at_once=True) == 2
    assert [told["findings"] for told in numbers(identity)] == ["2"]


async def test_what_could_not_be_written_is_told_later_with_what_came_meanwhile(identity, monkeypatch):
    desk = AlarmDesk(identity.services, max_remembered=1)
    for number in range(3):
        await desk.learn("edge1", withheld(f"ex{number}.corp.internal"))
    real = identity.records.write

    async def locked(_work):
        raise Unavailable("locked")

    monkeypatch.setattr(identity.records, "write", locked)
    with pytest.raises(Unavailable):
        await desk.tell_unlisted(at_once=True)

    async def slow(work):
        await desk.learn("edge1", withheld("ex9.corp.internal"))
        return await real(work)

    monkeypatch.setattr(identity.records, "write", slow)
    assert await desk.tell_unlisted(at_once=True) == 2
    assert await desk.tell_unlisted(at_once=True) == 1, "it came while that was written"


async def test_other_events_are_no_alarm(identity):
    assert not await AlarmDesk(identity.services).learn("edge1", GatewayEvent("other"))
    assert trail(identity) == []
