"""The tickets accounts have behind us, in memory alone, the least lately used ones dropped first.

One credential cache for each account and service. The library locks a cache while a KDC is asked with it, so with one for
all of an account's services a silent KDC would stop those it has tickets for as well.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from handfast.identity.records import AccountId
from handfast.kerberos.mechanism import Credential

MAX_TICKETS = 4096
"""At 20 to 35 KiB each, some 120 MiB; an account that was dropped costs two questions to a KDC (10 ms) when it returns."""
SPARE_SECONDS = 60.0
"""A ticket that ends sooner is not used: clocks differ, and the service must still take it."""
RENEW_SECONDS = 900.0
"""From then on a new one is asked for in the background, at most once in `RENEW_AGAIN_SECONDS`."""
RENEW_AGAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class TicketKey:
    """Whose ticket for which service. The SID says whose it is; the names, both whole principals, are what a KDC is asked for."""

    account_id: AccountId
    sid: str
    principal: str
    service: str


@dataclass(slots=True)
class Ticket:
    """A credential that has the service's ticket. Times are monotonic seconds."""

    credential: Credential = field(repr=False)
    ends_at: float
    renew_at: float

    def is_usable(self, now: float) -> bool:
        """Whether it may still sign in."""
        return now < self.ends_at - SPARE_SECONDS

    def takes_renewal(self, now: float) -> bool:
        """Whether a new one is due; True is answered once, and again after a while if none came."""
        if now < self.renew_at:
            return False
        self.renew_at = now + RENEW_AGAIN_SECONDS
        return True


class TicketCache:
    """Tickets by account, for one thread. An account is dropped with all its tickets."""

    def __init__(self, max_tickets: int = MAX_TICKETS) -> None:
        self._max_tickets = max_tickets
        self._accounts: OrderedDict[AccountId, dict[TicketKey, Ticket]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, key: TicketKey, now: float) -> Ticket | None:
        """The ticket, if it is still good."""
        tickets = self._accounts.get(key.account_id, {})
        ticket = tickets.get(key)
        if ticket is None:
            return None
        if not ticket.is_usable(now):
            self.drop(key)
            return None
        self._accounts.move_to_end(key.account_id)
        return ticket

    def keep(self, key: TicketKey, credential: Credential, seconds_left: float, now: float) -> Ticket:
        """Stores what a KDC gave, in place of an older one. What lasts less than half an hour is renewed at half its time."""
        renew_at = now + max(seconds_left - RENEW_SECONDS, seconds_left / 2)
        ticket = Ticket(credential, now + seconds_left, renew_at)
        tickets = self._accounts.setdefault(key.account_id, {})
        self._count += key not in tickets
        tickets[key] = ticket
        self._accounts.move_to_end(key.account_id)
        while self._count > self._max_tickets:
            self._count -= len(self._accounts.popitem(last=False)[1])
        return ticket

    def drop(self, key: TicketKey) -> None:
        """Forgets one ticket."""
        tickets = self._accounts.get(key.account_id, {})
        if tickets.pop(key, None) is not None:
            self._count -= 1
        if not tickets:
            self._accounts.pop(key.account_id, None)

    def drop_account(self, account_id: AccountId) -> None:
        """Forgets all tickets of an account."""
        self._count -= len(self._accounts.pop(account_id, {}))

    def clear(self) -> None:
        """Forgets everything."""
        self._accounts.clear()
        self._count = 0
