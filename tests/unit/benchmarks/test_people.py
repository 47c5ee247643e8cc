"""Made-up people are accounts that a mirror takes, and those for a domain controller are LDIF that it takes."""

import base64

from benchmarks.people import BATCH, Synthetic, build_entry, name_of
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


def test_an_entry_is_an_addition():
    lines = dict(line.split(":: ") for line in build_entry(7).strip().splitlines() if ":: " in line)
    values = {name: base64.b64decode(value).decode() for name, value in lines.items()}
    assert values["sAMAccountName"] == name_of(7) == "person000007"
    assert "unicodePwd" not in values
    assert "changetype: add" in build_entry(7)
