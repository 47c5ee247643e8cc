"""Looking back: the audit trail, single decisions, nodes, and how the installation stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import JsonRow, Office, as_json, checked_limit
from handfast.identity.audit import AuditEntry, AuditEvent
from handfast.identity.audit_verification import ChainVerifier
from handfast.identity.checkpoints import Checkpoint, parse_checkpoint
from handfast.identity.ports import Repositories
from handfast.identity.recent_evaluations import complete
from handfast.identity.records import RevocationScope
from handfast.protocols.errors import MalformedMessage

SEARCH_PAGE = 1000
MAX_SEARCHED = 200_000
"""Entries looked through for one event before the search stops."""


class TrailAdministration(Office):
    """Calls on what was recorded."""

    async def audit_show(
        self, *, actor: str, limit: int = 50, after: int = 0, event: str | None = None
    ) -> list[JsonRow]:
        """The newest `limit` entries in order, only those after number `after` and of that event."""
        del actor
        wanted = None if event is None else _checked_event(event)
        count = checked_limit(limit)

        def work(repositories: Repositories) -> list[JsonRow]:
            found: list[AuditEntry] = []
            for chain in repositories.audit.chains():
                found.extend(_newest(repositories, chain, count, after, wanted))
            found.sort(key=lambda entry: (entry.at, entry.chain, entry.sequence))
            return [as_json(entry) for entry in found[-count:]]

        return await self._records.read(work)

    async def audit_verify(self, *, actor: str, checkpoints: Sequence[str]) -> JsonRow:
        """Walks every chain, a page a transaction; `checkpoints` are lines as written outside the database."""
        del actor
        known, unreadable = _parse_checkpoints(checkpoints)
        chains = await self._records.read(lambda repositories: list(repositories.audit.chains()))
        names = sorted({*chains, *(checkpoint.chain for checkpoint in known)})
        entries, findings = 0, list(unreadable)
        for name in names:
            verifier = await self._walk(name, known)
            entries += verifier.entries
            findings.extend(str(finding) for finding in verifier.findings)
        return {"ok": not findings, "entries": entries, "findings": findings}

    async def _walk(self, chain: str, checkpoints: Sequence[Checkpoint]) -> ChainVerifier:
        verifier = ChainVerifier(chain, self._keyring, checkpoints)
        while await self._records.read(lambda repositories: verifier.read_page(repositories.audit)):
            pass
        await self._records.read(lambda repositories: verifier.finish(repositories.audit))
        return verifier

    async def audit_chains(self, *, actor: str) -> list[str]:
        """The names of the chains: one an identity process."""
        del actor
        return await self._records.read(lambda repositories: list(repositories.audit.chains()))

    async def audit_export(
        self, *, actor: str, chain: str, after: int = 0, limit: int = 1000
    ) -> list[JsonRow]:
        """One chain's entries after number `after`, oldest first; the first page is audited itself."""
        count = checked_limit(limit)
        if after == 0:
            await self._records.write(
                lambda repositories: repositories.audit.append(
                    AuditEvent.EXPORTED, now=self._clock.now(), actor=actor, subject=chain
                )
            )
        entries = await self._records.read(
            lambda repositories: repositories.audit.entries(chain=chain, after=after, limit=count)
        )
        return [as_json(entry) for entry in entries]

    async def explain(self, *, actor: str, request_id: str) -> JsonRow:
        """One decision, stage by stage."""
        del actor
        waiting = None if self._recent is None else self._recent.find(request_id)
        stored = await self._records.read(lambda repositories: repositories.evaluations.find(request_id))
        found = stored if waiting is None else complete(stored, waiting)
        if found is None:
            raise AdministrationError(
                "not-found",
                f"no decision with request id {request_id!r} is kept",
                "decisions are kept 14 days, in a flood of refusals only some; what a live grant let through"
                " (reused=true) is decided once. The gateway's log has each request",
            )
        return as_json(found)

    async def node_list(self, *, actor: str) -> list[JsonRow]:
        """Gateway nodes that ever showed a certificate of ours."""
        del actor
        nodes = await self._records.read(lambda repositories: repositories.nodes.list())
        return [as_json(node) for node in nodes]

    async def node_revoke(self, *, actor: str, name: str, unseen: bool = False) -> JsonRow:
        """Cuts a node off; returns what it saw: app passwords used through it, to be issued anew.

        A name that was never seen is taken for a slip of the pen unless `unseen`: then it is refused from now on.
        """
        now = self._clock.now()

        def work(repositories: Repositories) -> JsonRow:
            if not unseen and not any(node.name == name for node in repositories.nodes.list()):
                raise AdministrationError(
                    "not-found",
                    f"no node {name!r} was ever seen",
                    "`handfast pki list` shows the nodes; --unseen revokes one that never connected",
                )
            certificates = repositories.nodes.revoke(name, now)
            repositories.revocations.publish(RevocationScope.NODE, now=now, node=name)
            repositories.audit.append(AuditEvent.NODE_REVOKED, now=now, actor=actor, subject=name)
            return {"node": name, "certificates": certificates}

        revoked = await self._records.write(work)
        saw = await self._records.read(lambda repositories: _seen_by(repositories, name))
        return {**revoked, "saw": saw}

    async def status(self, *, actor: str) -> JsonRow:
        """Numbers for a first look."""
        del actor

        def work(repositories: Repositories) -> JsonRow:
            heads = {chain: repositories.audit.head(chain) for chain in repositories.audit.chains()}
            read_at = repositories.positions.newest_read_at()
            return {
                "now": self._clock.now().isoformat(),
                "accounts": repositories.accounts.count(),
                "epoch": repositories.revocations.current_epoch(),
                "nodes": len(repositories.nodes.list()),
                "directory_read_at": None if read_at is None else read_at.isoformat(),
                "directory_unreadable": len(self._unreadable),
                "audit_entries": {chain: head[0] if head else 0 for chain, head in heads.items()},
                "evaluations_dropped": 0 if self._recent is None else self._recent.dropped,
            }

        return await self._records.read(work)


def _newest(
    repositories: Repositories, chain: str, count: int, after: int, event: AuditEvent | None
) -> list[AuditEntry]:
    """Backwards in pages from the head, because an event may be rare."""
    head = repositories.audit.head(chain)
    end = 0 if head is None else head[0]
    found: list[AuditEntry] = []
    searched = 0
    while end > after and len(found) < count and searched < MAX_SEARCHED:
        start = max(after, end - SEARCH_PAGE)
        page = repositories.audit.entries(chain=chain, after=start, limit=end - start)
        found = [entry for entry in page if event in (None, entry.event)] + found
        searched += end - start
        end = start
    return found[-count:]


def _checked_event(event: str) -> AuditEvent:
    try:
        return AuditEvent(event)
    except ValueError:
        known = ", ".join(sorted(AuditEvent))
        raise AdministrationError("usage", f"no event is called {event!r}", f"known are {known}") from None


def _parse_checkpoints(lines: Sequence[str]) -> tuple[list[Checkpoint], list[str]]:
    known: list[Checkpoint] = []
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        try:
            known.append(parse_checkpoint(line.encode("utf-8", "backslashreplace")))
        except MalformedMessage as error:
            problems.append(f"checkpoint line {number}: {error.field} {error.problem}")
    return known, problems


def _seen_by(repositories: Repositories, node: str) -> list[JsonRow]:
    """App passwords whose use through the node the trail tells of, each with its account and number of uses."""
    uses: Counter[tuple[str, str]] = Counter()
    for chain in repositories.audit.chains():
        last = 0
        while page := repositories.audit.entries(chain=chain, after=last, limit=SEARCH_PAGE):
            for entry in page:
                if entry.actor == f"gateway:{node}" and "app_password" in entry.details:
                    uses[entry.details.get("account", ""), entry.details["app_password"]] += 1
            last = page[-1].sequence
    return [
        {"account": account, "app_password": int(password), "uses": count}
        for (account, password), count in sorted(uses.items())
    ]
