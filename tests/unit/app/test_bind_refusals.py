from __future__ import annotations

from datetime import timedelta

from handfast.app.bind_refusals import BindRefusals
from tests.fakes.clock import SettableClock
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.records import InMemoryRecords

PAUSE = timedelta(minutes=10)
USER = "svc-read@contoso.lab"


async def test_a_refusal_outlives_its_process_and_ends_with_its_pause():
    clock, keyring = SettableClock(), FakeKeyRing()
    records = InMemoryRecords(keyring)
    await BindRefusals(records, keyring, clock).keep(USER, "wrong-secret", PAUSE)
    started = BindRefusals(records, keyring, clock)
    assert await started.holds(USER, "wrong-secret", PAUSE)
    assert not await started.holds(USER, "corrected", PAUSE)
    assert not await started.holds("other@contoso.lab", "wrong-secret", PAUSE)
    clock.advance(seconds=PAUSE.total_seconds())
    assert not await started.holds(USER, "wrong-secret", PAUSE)
    assert "wrong-secret" not in repr(records.tables)


async def test_clearing_counters_does_not_try_it_again():
    clock, keyring = SettableClock(), FakeKeyRing()
    records = InMemoryRecords(keyring)
    refusals = BindRefusals(records, keyring, clock)
    await refusals.keep(USER, "wrong-secret", PAUSE)
    await records.write(lambda repositories: repositories.counters.clear_all())
    assert await refusals.holds(USER, "wrong-secret", PAUSE)
