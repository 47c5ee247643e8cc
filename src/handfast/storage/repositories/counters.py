"""Failure counters, and the networks in which a device of an account is familiar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, case, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.records import DOMAIN_KINDS, AccountId, Counter, CounterKind
from handfast.storage.schema import counters, familiar_networks
from handfast.storage.statements import Row, Transaction

FAMILIAR_KEPT = timedelta(days=60)
"""Twice the time a success makes a network familiar; older rows are swept."""

_c = counters.c
_COUNTER = select(_c.kind, _c.scope, _c.window_start, _c.failures)
_FIND = _COUNTER.where(_c.kind == bindparam("kind"), _c.scope == bindparam("scope"))
_LIST = _COUNTER.order_by(_c.kind, _c.scope).limit(bindparam("page"))
_ENDED = _c.ends_at <= bindparam("now")
_INCREMENT = (
    insert(counters)
    .values(
        kind=bindparam("kind"),
        scope=bindparam("scope"),
        window_start=bindparam("now"),
        ends_at=bindparam("ends_at"),
        failures=1,
    )
    .on_conflict_do_update(
        index_elements=["kind", "scope"],
        set_={
            "failures": case((_ENDED, 1), else_=_c.failures + 1),
            "window_start": case((_ENDED, bindparam("now")), else_=_c.window_start),
            "ends_at": case((_ENDED, bindparam("ends_at")), else_=_c.ends_at),
        },
    )
    .returning(_c.failures)
)
_SAVE = (
    insert(counters)
    .values(
        kind=bindparam("kind"),
        scope=bindparam("scope"),
        window_start=bindparam("window_start"),
        ends_at=bindparam("ends_at"),
        failures=bindparam("failures"),
    )
    .on_conflict_do_update(
        index_elements=["kind", "scope"],
        set_={
            "failures": bindparam("failures"),
            "window_start": bindparam("window_start"),
            "ends_at": bindparam("ends_at"),
        },
    )
)
_CLEAR = delete(counters).where(_c.kind == bindparam("kind"), _c.scope == bindparam("scope"))
# The scope of an account's counter is its id, alone or before a colon; ";" follows ":", so this is a range of the key.
_CLEAR_ACCOUNT = delete(counters).where(
    _c.kind == bindparam("kind"),
    or_(
        _c.scope == bindparam("scope"),
        and_(_c.scope >= bindparam("first"), _c.scope < bindparam("end")),
    ),
)
_ACCOUNT_KINDS = (CounterKind.ACCOUNT, CounterKind.ACCOUNT_SOURCE, CounterKind.FAMILIAR)
_CLEAR_ALL = delete(counters).where(*(_c.kind != kind for kind in sorted(DOMAIN_KINDS)))
_SWEEP = delete(counters).where(_c.ends_at < bindparam("before"))

_f = familiar_networks.c
_FAMILIAR = select(_f.account_id).where(
    _f.account_id == bindparam("account_id"),
    _f.device_id == bindparam("device_id"),
    _f.network == bindparam("network"),
    _f.last_success_at >= bindparam("since"),
)
_REMEMBER = (
    insert(familiar_networks)
    .values(
        account_id=bindparam("account_id"),
        device_id=bindparam("device_id"),
        network=bindparam("network"),
        last_success_at=bindparam("now"),
    )
    .on_conflict_do_update(
        index_elements=["account_id", "device_id", "network"], set_={"last_success_at": bindparam("now")}
    )
)
_SWEEP_FAMILIAR = delete(familiar_networks).where(_f.last_success_at < bindparam("before"))


def _counter(row: Row) -> Counter:
    kind, scope, window_start, failures = row
    return Counter(CounterKind(kind), scope, window_start, failures)


class SqlCounters:
    """Fits `identity.ports.CounterRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def find(self, kind: CounterKind, scope: str) -> Counter | None:
        row = self._t.first(_FIND, kind=kind, scope=scope)
        return None if row is None else _counter(row)

    def increment(self, kind: CounterKind, scope: str, *, now: datetime, window_seconds: int) -> int:
        """One statement, so that parallel failures each count."""
        ends_at = now + timedelta(seconds=window_seconds)
        row = self._t.first(_INCREMENT, kind=kind, scope=scope, now=now, ends_at=ends_at)
        assert row is not None
        return int(row[0])

    def save(self, counter: Counter, *, window_seconds: int) -> None:
        self._t.run(
            _SAVE,
            kind=counter.kind,
            scope=counter.scope,
            window_start=counter.window_start,
            ends_at=counter.window_start + timedelta(seconds=window_seconds),
            failures=counter.failures,
        )

    def clear(self, kind: CounterKind, scope: str) -> None:
        self._t.run(_CLEAR, kind=kind, scope=scope)

    def clear_account(self, account_id: AccountId) -> int:
        key = str(account_id)
        return sum(
            self._t.run(_CLEAR_ACCOUNT, kind=kind, scope=key, first=f"{key}:", end=f"{key};")
            for kind in _ACCOUNT_KINDS
        )

    def clear_all(self) -> int:
        return self._t.run(_CLEAR_ALL)

    def list(self, *, limit: int) -> Sequence[Counter]:
        return [_counter(row) for row in self._t.all(_LIST, page=limit)]

    def sweep(self, *, before: datetime) -> int:
        """How many counters went; networks long unfamiliar go too."""
        self._t.run(_SWEEP_FAMILIAR, before=before - FAMILIAR_KEPT)
        return self._t.run(_SWEEP, before=before)

    def is_familiar(self, account_id: AccountId, device_id: str, network: str, *, since: datetime) -> bool:
        found = self._t.first(
            _FAMILIAR, account_id=account_id, device_id=device_id, network=network, since=since
        )
        return found is not None

    def remember_success(self, account_id: AccountId, device_id: str, network: str, now: datetime) -> None:
        self._t.run(_REMEMBER, account_id=account_id, device_id=device_id, network=network, now=now)
