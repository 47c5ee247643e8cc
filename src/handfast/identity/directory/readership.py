"""One identity reads the directory, of however many share the records.

Domain controllers hear of a change one after the other, and nothing tells which of two has the newer word for an account. Two
identities that read two controllers would overwrite each other's: a disabled account would be enabled again for as long
as the other controller has not heard of it. So one reads, and the others wait until it has not gone on for a while, or gives
up. What it still stores after that is refused: whoever took over reads everything anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from handfast.identity.directory.entries import Readership
from handfast.identity.ports import Repositories

LONGEST = timedelta(minutes=20)
"""Nobody reads for longer without going on; an end that is further away was set while a clock was wrong."""


class ReadershipLost(Exception):
    """Another identity reads now."""


def go_on_reading(
    repositories: Repositories, reader: str, *, now: datetime, lasts: timedelta
) -> Readership | None:
    """`reader`'s for as long as `lasts`, if it was before or nobody's is now; None while another reads."""
    known = repositories.positions.readership()
    if known is None:
        mine = Readership(reader, 1, now + lasts)
    elif known.reader == reader:
        mine = Readership(reader, known.term, now + lasts)
    elif known.ends_at <= now or known.ends_at - now > LONGEST:
        mine = Readership(reader, known.term + 1, now + lasts)
    else:
        return None
    repositories.positions.save_readership(mine)
    return mine


def give_up_reading(repositories: Repositories, reader: str, now: datetime) -> None:
    """Lets another one read at once."""
    known = repositories.positions.readership()
    if known is not None and known.reader == reader:
        repositories.positions.save_readership(Readership(reader, known.term, now))


def check_readership(repositories: Repositories, mine: Readership) -> None:
    """Within the transaction that stores what was read. Raises: ReadershipLost."""
    known = repositories.positions.readership()
    if known is None or (known.reader, known.term) != (mine.reader, mine.term):
        raise ReadershipLost
