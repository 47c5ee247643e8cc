"""FILETIME, the time of NTLM: 100-nanosecond steps since 1601-01-01 UTC, eight bytes, little-endian."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
TICKS_PER_SECOND = 10_000_000


def filetime_from_datetime(moment: datetime) -> int:
    """Ticks since 1601 of an aware `moment` (1601 or later)."""
    return ticks_from_timedelta(moment - _EPOCH)


def ticks_from_timedelta(span: timedelta) -> int:
    """`span` in steps of 100 ns, exactly."""
    return span // timedelta(microseconds=1) * 10
