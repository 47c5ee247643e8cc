"""Devices: list, show, approve, block, unblock, wipe, remove, import, export; and enrolment windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import MAX_LIST, PAGE, JsonRow, Office, as_json
from handfast.identity.audit import AuditEvent
from handfast.identity.device_facts import FACT_NAMES, DeviceFacts, facts_of, with_facts
from handfast.identity.device_rows import RowProblem, build_index, encode_row, parse_row
from handfast.identity.names import principal_of
from handfast.identity.partnerships import (
    SHUT_STATES,
    WrongState,
    approve_partnership,
    block_device_everywhere,
    block_partnership,
    remove_partnership,
    unblock_partnership,
)
from handfast.identity.ports import Repositories
from handfast.identity.records import (
    Account,
    AccountId,
    Partnership,
    PartnershipState,
    RevocationScope,
    WipeKind,
)
from handfast.identity.windows import open_window
from handfast.identity.wipes import cancel_wipe, request_wipe
from handfast.protocols.activesync.device_id import canonical_device_id
from handfast.protocols.errors import MalformedMessage

IMPORT_STATES = frozenset({"allowed", "blocked", "pending", "quarantined"})
IMPORT_BATCH = 2000
"""Rows a transaction takes, so that a large import never holds the writer for long."""


def checked_device_id(text: str) -> str:
    """The canonical form. Raises: AdministrationError."""
    try:
        return canonical_device_id(text.strip().encode("utf-8"))
    except MalformedMessage as error:
        raise AdministrationError("usage", str(error), "a device id is letters and digits") from None


class DeviceAdministration(Office):
    """Calls on partnerships. A device is named by account and id."""

    async def device_list(
        self, *, actor: str, account: str | None = None, state: str | None = None
    ) -> list[JsonRow]:
        """Partnerships of one account or all, in one state or all."""
        del actor
        wanted = None if state is None else _checked_state(state, frozenset(PartnershipState))

        names = {} if account is not None else await self._accounts_by_id()

        def work(repositories: Repositories) -> list[JsonRow]:
            if account is not None:
                found = self._account(repositories, account)
                listed = repositories.partnerships.list_of_account(found.id)
                return [_row(one, found) for one in listed if wanted in (None, one.state)]
            return [
                _row(one, names[one.account_id])
                for one in _all_partnerships(repositories)
                if wanted in (None, one.state) and one.account_id in names
            ]

        return await self._records.read(work)

    async def device_show(self, *, actor: str, account: str, device_id: str) -> JsonRow:
        """One partnership."""
        del actor

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            return _row(self._partnership(repositories, found, checked_device_id(device_id)), found)

        return await self._records.read(work)

    async def device_approve(self, *, actor: str, account: str, device_id: str) -> JsonRow:
        """Lets a pending or quarantined device in; what was seen of its networks is forgotten."""
        row = await self._change(
            account,
            device_id,
            lambda repositories, found, known: approve_partnership(
                repositories, found, known, now=self._clock.now(), actor=actor
            ),
        )
        return self._judged(row)

    async def device_unblock(self, *, actor: str, account: str, device_id: str) -> JsonRow:
        """Lifts a block; what was seen of the device's networks is forgotten."""
        row = await self._change(
            account,
            device_id,
            lambda repositories, found, known: unblock_partnership(
                repositories, found, known, now=self._clock.now(), actor=actor
            ),
        )
        return self._judged(row)

    def _judged(self, row: JsonRow) -> JsonRow:
        """Somebody let the device in: the same two networks must not quarantine it again at its next request."""
        if self._networks is not None:
            self._networks.forget(AccountId(row["account_id"]), row["device_id"])
        return row

    async def device_block(
        self,
        *,
        actor: str,
        account: str,
        device_id: str,
        all_accounts: bool = False,
        reason: str = "",
    ) -> JsonRow:
        """Shuts the device out and cuts what it has open; `all_accounts` hits everybody's partnership with it."""

        def block(repositories: Repositories, found: Account, known: Partnership) -> Partnership:
            now = self._clock.now()
            if not all_accounts:
                return block_partnership(repositories, found, known, reason=reason, now=now, actor=actor)
            block_device_everywhere(repositories, known.device_id, reason=reason, now=now, actor=actor)
            return replace(known, state=PartnershipState.BLOCKED, state_reason=reason)

        return await self._change(account, device_id, block)

    async def device_wipe(
        self, *, actor: str, account: str, device_id: str, account_only: bool = False
    ) -> JsonRow:
        """Orders the device to erase itself (or this account on it), and cuts what it has open."""
        kind = WipeKind.ACCOUNT_ONLY if account_only else WipeKind.DEVICE
        return await self._change(
            account,
            device_id,
            lambda repositories, found, known: request_wipe(
                repositories, found, known, kind, now=self._clock.now(), actor=actor
            ),
        )

    async def device_wipe_cancel(self, *, actor: str, account: str, device_id: str) -> JsonRow:
        """Takes a wipe back that was not acknowledged; the device stays blocked."""
        return await self._change(
            account,
            device_id,
            lambda repositories, found, known: cancel_wipe(
                repositories, found, known, now=self._clock.now(), actor=actor
            ),
        )

    async def _change(
        self,
        account: str,
        device_id: str,
        step: Callable[[Repositories, Account, Partnership], Partnership],
    ) -> JsonRow:
        canonical = checked_device_id(device_id)

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            known = self._partnership(repositories, found, canonical)
            return _row(step(repositories, found, known), found)

        try:
            return await self._records.write(work)
        except WrongState as error:
            raise AdministrationError(
                "refused", str(error), "`handfast device show` tells its state"
            ) from None

    async def device_remove(self, *, actor: str, account: str, device_id: str) -> JsonRow:
        """Forgets the device; to come back it needs a new app password."""
        canonical = checked_device_id(device_id)

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            known = self._partnership(repositories, found, canonical)
            remove_partnership(repositories, found, known, now=self._clock.now(), actor=actor)
            return _row(known, found)

        return await self._records.write(work)

    async def device_import(
        self, *, actor: str, rows: Sequence[Mapping[str, str]], state: str | None = None
    ) -> JsonRow:
        """Takes rows of our own export or of Exchange's; good rows go in, bad ones are reported.

        A known device is updated; one that the file blocks is cut. One that is being wiped, or was, is left alone: no
        file lets it in again.
        """
        wanted = None if state is None else _checked_state(state, IMPORT_STATES)
        index = build_index([*(await self._accounts_by_id()).values()])
        now = self._clock.now()
        result: JsonRow = {"imported": 0, "updated": 0, "problems": []}
        parsed: list[tuple[int, Partnership]] = []
        for number, row in enumerate(rows, start=1):
            try:
                parsed.append((number, parse_row(row, index, now, wanted)))
            except RowProblem as problem:
                result["problems"].append({"row": number, "problem": str(problem)})
        for start in range(0, len(parsed), IMPORT_BATCH):
            batch = parsed[start : start + IMPORT_BATCH]
            added, updated, problems = await self._import_batch(batch, actor)
            result["imported"] += added
            result["updated"] += updated
            result["problems"] += problems
        return result

    async def _import_batch(
        self, batch: Sequence[tuple[int, Partnership]], actor: str
    ) -> tuple[int, int, list[JsonRow]]:
        return await self._records.write(lambda repositories: self._import(repositories, batch, actor))

    def _import(
        self, repositories: Repositories, batch: Sequence[tuple[int, Partnership]], actor: str
    ) -> tuple[int, int, list[JsonRow]]:
        added = updated = 0
        problems: list[JsonRow] = []
        for number, told in batch:
            known = repositories.partnerships.find(told.account_id, told.device_id)
            partnership = told if known is None else with_facts(told, _unsaid(told, known))
            if known is not None and known.state in SHUT_STATES:
                if told.state is not known.state:
                    problem = f"the device is {known.state}; remove it first (`handfast device remove`)"
                    problems.append({"row": number, "problem": problem})
                continue
            if known is None:
                repositories.partnerships.add(partnership)
                added += 1
            elif partnership != known:
                repositories.partnerships.save(partnership)
                updated += 1
            if known is not None and known.state is not partnership.state:
                repositories.revocations.publish(
                    RevocationScope.PARTNERSHIP,
                    now=self._clock.now(),
                    account_id=partnership.account_id,
                    device_id=partnership.device_id,
                )
            if partnership != known:
                self._record_import(repositories, partnership, known, actor)
        return added, updated, problems

    def _record_import(
        self, repositories: Repositories, partnership: Partnership, known: Partnership | None, actor: str
    ) -> None:
        account = repositories.accounts.find(partnership.account_id)
        name = str(partnership.account_id) if account is None else principal_of(account)
        repositories.audit.append(
            AuditEvent.DEVICE_IMPORTED,
            now=self._clock.now(),
            actor=actor,
            subject=f"{name} {partnership.device_id}",
            details={
                "state": partnership.state.value,
                "before": "" if known is None else known.state.value,
            },
        )

    async def device_export(self, *, actor: str) -> list[dict[str, str]]:
        """All partnerships as rows that `device_import` takes back unchanged."""
        del actor

        names = await self._accounts_by_id()

        def work(repositories: Repositories) -> list[dict[str, str]]:
            return [
                encode_row(one, names[one.account_id])
                for one in _all_partnerships(repositories)
                if one.account_id in names
            ]

        return await self._records.read(work)

    async def _accounts_by_id(self) -> dict[AccountId, Account]:
        return {one.id: one for one in await self._of_all_accounts(lambda _, account: account)}

    async def window_open(self, *, actor: str, account: str, minutes: float = 10) -> JsonRow:
        """Lets one new device of the account pair in the next minutes."""

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            window = open_window(repositories, found, minutes=minutes, now=self._clock.now(), actor=actor)
            return {**as_json(window), "account": principal_of(found)}

        try:
            return await self._records.write(work)
        except ValueError as error:
            raise AdministrationError("usage", str(error)) from None


def _unsaid(partnership: Partnership, known: Partnership) -> DeviceFacts:
    """What the device told us itself and the file is silent on: a list of Exchange's must not make us forget it."""
    told, kept = facts_of(partnership), facts_of(known)
    values = {name: getattr(kept, name) for name in FACT_NAMES if not getattr(told, name)}
    return DeviceFacts(**values)


def _row(partnership: Partnership, account: Account) -> JsonRow:
    return {"account": principal_of(account), **as_json(partnership)}


def _checked_state(state: str, known: frozenset[str]) -> PartnershipState:
    if state not in known:
        raise AdministrationError(
            "usage", f"state {state!r} is unknown", f"known are {', '.join(sorted(known))}"
        )
    return PartnershipState(state)


def _all_partnerships(repositories: Repositories) -> list[Partnership]:
    listed: list[Partnership] = []
    after: tuple[AccountId, str] | None = None
    while len(listed) < MAX_LIST:
        page = repositories.partnerships.list(limit=PAGE, after=after)
        listed.extend(page)
        if len(page) < PAGE:
            break
        after = (page[-1].account_id, page[-1].device_id)
    return listed
