"""Failure counters: list and clear."""

from __future__ import annotations

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import JsonRow, Office, as_json
from handfast.identity.audit import AuditEvent
from handfast.identity.directory.bind_refusals import BIND_USER_SCOPE
from handfast.identity.names import principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Counter, CounterKind
from handfast.identity.sources import counted_source, parse_source

MAX_COUNTERS = 10_000


class CounterAdministration(Office):
    """Calls on counters."""

    async def counter_list(self, *, actor: str) -> list[JsonRow]:
        """The counters of human-chosen secrets, and whether the password that we read the directory with was refused."""
        del actor
        counters = await self._records.read(
            lambda repositories: repositories.counters.list(limit=MAX_COUNTERS)
        )
        return [{**as_json(counter), "scope": _shown_scope(counter)} for counter in counters]

    async def counter_clear(
        self,
        *,
        actor: str,
        account: str | None = None,
        source: str | None = None,
        everything: bool = False,
    ) -> JsonRow:
        """Forgets the failures of an account, of a source, or all: exactly one is named.

        Those of domain passwords stay (`records.DOMAIN_KINDS`): the domain counts on, and with a fresh start here the next
        guesses would lock the account there.
        """
        if sum((account is not None, source is not None, everything)) != 1:
            raise AdministrationError("usage", "name an account, a source, or everything: exactly one")
        if source is not None and parse_source(source) is None:
            raise AdministrationError("usage", f"{source!r} is no IP address")

        def work(repositories: Repositories) -> JsonRow:
            if account is not None:
                found = self._account(repositories, account)
                subject, cleared = principal_of(found), repositories.counters.clear_account(found.id)
            elif source is not None:
                subject, cleared = f"source {counted_source(source)}", _clear_source(repositories, source)
            else:
                subject, cleared = "everything", repositories.counters.clear_all()
            repositories.audit.append(
                AuditEvent.COUNTER_CLEARED, now=self._clock.now(), actor=actor, subject=subject
            )
            return {"cleared": cleared}

        result = await self._records.write(work)
        if self._delays is not None and account is None:
            self._delays.clear(source)
        return result


def _shown_scope(counter: Counter) -> str:
    """As it stands; of our own account the setting that names it, for the digest says nothing to anybody."""
    return "directory.bind_user" if counter.scope.startswith(f"{BIND_USER_SCOPE}:") else counter.scope


def _clear_source(repositories: Repositories, source: str) -> int:
    """The source's own counter, and those of accounts from it."""
    scope = counted_source(source)
    hit = [
        counter
        for counter in repositories.counters.list(limit=MAX_COUNTERS)
        if (counter.kind is CounterKind.SOURCE and counter.scope == scope)
        or (counter.kind is CounterKind.ACCOUNT_SOURCE and counter.scope.partition(":")[2] == scope)
    ]
    for counter in hit:
        repositories.counters.clear(counter.kind, counter.scope)
    return len(hit)
