from __future__ import annotations

from datetime import timedelta

from handfast.identity.directory.bind_refusals import BindRefusals
from tests.fakes.clock import SettableClock
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.records import InMemoryRecords

PAUSE = timedelta(minutes=10)
USER = "svc-read@contoso.lab"


async def test_a_refusal_outlives_its_process_and_ends_when_the_password_is_accepted():
    clock, keyring = SettableClock(), FakeKeyRing()
    records = InMemoryRecords(keyring)
    await BindRefusals(records, keyring, clock).keep(USER, "wrong-secret", 3, PAUSE)
    clock.advance(seconds=60)
    started = BindRefusals(records, keyring, clock)
    assert await started.find(USER, "wrong-secret") == (3, timedelta(minutes=1))
    assert await started.find(USER, "corrected") is None
    assert await started.find("other@contoso.lab", "wrong-secret") is None
    assert "wrong-secret" not in repr(records.tables)
    await started.forget(USER, "corrected")
    assert await started.find(USER, "wrong-secret") is not None
    await started.forget(USER, "wrong-secret")
    assert await started.find(USER, "wrong-secret") is None


async def test_clearing_counters_does_not_try_it_again():
    clock, keyring = SettableClock(), FakeKeyRing()
    records = InMemoryRecords(keyring)
    refusals = BindRefusals(records, keyring, clock)
    await refusals.keep(USER, "wrong-secret", 1, PAUSE)
    await records.write(lambda repositories: repositories.counters.clear_all())
    assert await refusals.find(USER, "wrong-secret") == (1, timedelta(0))
