"""One identity reads the directory, of however many share the records.

Domain controllers hear of a change one after the other, and nothing tells which of two has the newer word for an account. Two
identities that read two controllers would overwrite each other's: a disabled account would be enabled again for as long
as the other controller has not heard of it. So one reads, and the others wait until it has not gone on for a while, or gives
up. What it still stores after that is refused: whoever took over reads everything anew. Who waits measures the while itself, from
when it saw the other one go on: no two clocks need agree.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from handfast.identity.directory.entries import Readership
from handfast.identity.ports import Repositories

GIVEN_UP = datetime(1970, 1, 1, tzinfo=UTC)
"""The end that is told where one gave up: it is past by any clock."""


class ReadershipLost(Exception):
    """Another identity reads now."""


def go_on_reading(
    repositories: Repositories,
    reader: str,
    *,
    now: datetime,
    lasts: timedelta,
    stalled: Readership | None = None,
) -> Readership:
    """Who reads from now on: `reader`, if it did before, nobody does, or who does is still `stalled`; else that other one.

    `stalled` is what `reader` has seen unchanged for longer than `lasts`.
    """
    known = repositories.positions.readership()
    if known is None:
        mine = Readership(reader, 1, now + lasts)
    elif known.reader == reader:
        mine = Readership(reader, known.term, now + lasts)
    elif known.ends_at <= GIVEN_UP or known == stalled:
        mine = Readership(reader, known.term + 1, now + lasts)
    else:
        return known
    repositories.positions.save_readership(mine)
    return mine


def give_up_reading(repositories: Repositories, reader: str) -> None:
    """Lets another one read at once."""
    known = repositories.positions.readership()
    if known is not None and known.reader == reader:
        repositories.positions.save_readership(Readership(reader, known.term, GIVEN_UP))


def check_readership(repositories: Repositories, mine: Readership) -> None:
    """Within the transaction that stores what was read. Raises: ReadershipLost."""
    known = repositories.positions.readership()
    if known is None or (known.reader, known.term) != (mine.reader, mine.term):
        raise ReadershipLost
