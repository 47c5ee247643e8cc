"""Made-up people are accounts that a mirror takes."""

from benchmarks.people import BATCH, Synthetic
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.rounds import MirrorRound
from tests.fakes.clock import SettableClock
from tests.fakes.records import InMemoryRecords


async def test_a_reading_is_whole_in_pages_and_names_everybody_once():
    batches = [batch async for batch in Synthetic(BATCH + 5).whole()]
    assert [(len(batch.accounts), batch.is_last) for batch in batches] == [(BATCH, False), (5, True)]
    assert len({one.sid for batch in batches for one in batch.accounts}) == BATCH + 5
    assert all(batch.is_whole for batch in batches)


async def test_the_mirror_takes_all_of_them():
    records = InMemoryRecords()
    round_ = MirrorRound(records, SettableClock(), MirrorPolicy(), "x")
    async for batch in Synthetic(30).whole():
        await round_.store(batch)
    assert (len(round_.report.events), round_.report.unfit, round_.report.conflicts) == (30, [], [])
