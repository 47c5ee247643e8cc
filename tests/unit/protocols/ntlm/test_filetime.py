from datetime import UTC, datetime, timedelta, timezone

from handfast.protocols.ntlm.filetime import TICKS_PER_SECOND, filetime_from_datetime, ticks_from_timedelta


def test_known_times():
    assert filetime_from_datetime(datetime(1601, 1, 1, tzinfo=UTC)) == 0
    assert filetime_from_datetime(datetime(1970, 1, 1, tzinfo=UTC)) == 116444736000000000


def test_zones_do_not_matter():
    there = datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert filetime_from_datetime(there) == filetime_from_datetime(datetime(2030, 1, 1, tzinfo=UTC))


def test_spans_are_exact():
    assert ticks_from_timedelta(timedelta(hours=36)) == 36 * 3600 * TICKS_PER_SECOND
    assert ticks_from_timedelta(timedelta(microseconds=1)) == 10
