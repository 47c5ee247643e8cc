from __future__ import annotations

from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from handfast.app.housekeeping import tell_unlisted_alarms
from handfast.decision.alarm_desk import WITHHELD_EVENT, AlarmDesk
from handfast.decision.ports import GatewayEvent
from tests.fakes.identity_process import IdentityProcess


def alarms() -> float:
    return REGISTRY.get_sample_value("handfast_alarms_total", {"alarm": "answers-unlisted"}) or 0.0


async def test_alarms_that_the_trail_has_in_numbers_alone_are_logged_and_counted():
    desk, before = AlarmDesk(IdentityProcess().services, max_remembered=1), alarms()
    with capture_logs() as lines:
        await tell_unlisted_alarms(desk, at_once=True)
        assert (lines, alarms()) == ([], before), "there is nothing to say"
        for number in range(3):
            event = GatewayEvent(WITHHELD_EVENT, "mail", details=(("host", f"ex{number}.corp.internal"),))
            await desk.learn("edge1", event)
        await tell_unlisted_alarms(desk)
        assert lines == [], "not before an hour has passed"
        await tell_unlisted_alarms(desk, at_once=True)
    assert [(line["log_level"], line["findings"]) for line in lines] == [("warning", 2)]
    assert alarms() == before + 1
