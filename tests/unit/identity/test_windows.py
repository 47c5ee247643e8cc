from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.identity.records import EnrolmentWindow
from handfast.identity.windows import MAX_MINUTES, lets_in, open_window
from tests.fakes.identity_process import IdentityProcess
from tests.fakes.one_phone import ALICE, NOW

WINDOW = EnrolmentWindow(ALICE.id, NOW, NOW + timedelta(minutes=10), "uid:0")


@pytest.mark.parametrize(
    ("after", "is_open"),
    [(-1, False), (0, True), (599, True), (600, False), (9999, False)],
)
def test_a_window_is_open_from_its_opening_until_before_its_end(after, is_open):
    assert lets_in(WINDOW, "P1", NOW + timedelta(seconds=after)) is is_open


def test_the_device_that_used_it_may_knock_twice_and_no_other_once():
    used = EnrolmentWindow(ALICE.id, NOW, WINDOW.closes_at, "uid:0", used_by_device_id="P1")
    assert lets_in(used, "P1", NOW)
    assert not lets_in(used, "P2", NOW)
    assert not lets_in(used, "P1", used.closes_at)


async def test_opening_is_audited_and_replaces_what_was_open():
    identity = IdentityProcess()
    account = await identity.add_account()
    now = identity.clock.now()

    def opening(minutes):
        return lambda r: open_window(r, account, minutes=minutes, now=now, actor="uid:7")

    await identity.records.write(opening(5))
    window = await identity.records.write(opening(MAX_MINUTES))
    assert window.closes_at == now + timedelta(days=1)
    assert identity.records.tables.windows == {account.id: window}
    assert identity.audit_events == ["identity:window:opened"] * 2
    assert identity.records.tables.audit[-1].actor == "uid:7"


@pytest.mark.parametrize("minutes", [0, -1, MAX_MINUTES + 1, float("nan")])
async def test_a_window_without_end_or_beginning_is_refused(minutes):
    identity = IdentityProcess()
    account = await identity.add_account()
    with pytest.raises(ValueError, match="1440"):
        await identity.records.write(
            lambda r: open_window(r, account, minutes=minutes, now=identity.clock.now(), actor="a")
        )
    assert identity.records.tables.windows == {}
    assert identity.audit_events == []
