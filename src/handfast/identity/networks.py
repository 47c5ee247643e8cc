"""One device id, live on two networks at once: seen on A, then B, then A again, all within a short window.

A phone that leaves its WLAN is seen on A and then on B, and that is ordinary; only the return within the window
shows two parties. Networks are compared within one address family, because dual-stack phones use both by turns.
Kept in memory, bounded, lost by a restart: a second alternation then takes its place.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from handfast.identity.records import AccountId
from handfast.identity.sources import family, home_network

MAX_DEVICES = 65_536
"""Devices watched at a time; the one not seen for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class _Sightings:
    current: str
    current_at: datetime
    previous: str = ""
    previous_at: datetime | None = None


class NetworkSightings:
    """The last two networks of each device."""

    def __init__(self, max_devices: int = MAX_DEVICES) -> None:
        self._max_devices = max_devices
        self._seen: OrderedDict[tuple[AccountId, str, int], _Sightings] = OrderedDict()

    def returned_after(
        self, account_id: AccountId, device_id: str, source: str, *, now: datetime
    ) -> timedelta | None:
        """How long ago the device left `source`, where that is the network before the last one; else None."""
        seen = self._seen.get((account_id, device_id, family(source)))
        if seen is None or seen.previous_at is None or home_network(source) != seen.previous:
            return None
        return now - seen.previous_at

    def has_moved(
        self, account_id: AccountId, device_id: str, source: str, *, within: timedelta, now: datetime
    ) -> bool:
        """True where the device was on another network of that family `within` that time.

        What it was granted there must then be asked for anew, or a return would stay unseen behind a live grant.
        """
        seen = self._seen.get((account_id, device_id, family(source)))
        return seen is not None and seen.current != home_network(source) and now - seen.current_at <= within

    def note(self, account_id: AccountId, device_id: str, source: str, now: datetime) -> None:
        """Remembers a sighting of the device by its rightful password."""
        key = (account_id, device_id, family(source))
        network = home_network(source)
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = _Sightings(network, now)
        elif seen.current == network:
            self._seen[key] = _Sightings(network, now, seen.previous, seen.previous_at)
        else:
            self._seen[key] = _Sightings(network, now, seen.current, seen.current_at)
        self._seen.move_to_end(key)
        while len(self._seen) > self._max_devices:
            self._seen.popitem(last=False)

    def forget(self, account_id: AccountId, device_id: str) -> None:
        """Starts over for a device, after an administrator has judged it."""
        for version in (0, 4, 6):
            self._seen.pop((account_id, device_id, version), None)
