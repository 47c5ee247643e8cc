"""Signing accounts in behind us: a ticket for each account and service, and from it a token for each connection.

**Whose ticket.** A KDC is asked for a name, and answers for whoever has that name by what it knows at that moment: after a
renaming, an account deleted and made anew, or a name that also leads elsewhere (a UPN, a machine's name without its `$`), that is
another account than the one we mean. So the evidence (S4U2Self) is opened with our own key before anything is asked for with it,
and is worth nothing unless the SID in its verified PAC is the account's. What follows from it carries the same PAC.

A *cold* sign-in asks a KDC twice (S4U2Self, S4U2Proxy), a *warm* one only computes. They run in threads of their own, so
that users with tickets never stand behind a KDC that does not answer. Requests for the same ticket share one question. A
question that is not answered in time fails its callers, and counts against the KDC unless that answers others (`lanes`); a late
answer counts for it. Accounts of other realms have threads of their own and are counted apart. What a KDC refuses is not asked again for a while.

Source: MS-SFU 3.1.5, 3.2.5; MS-PAC 2.5.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from handfast.identity.directory.ports import DelegatedToken, DelegationFailure, DelegationRefused
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, AccountId
from handfast.kerberos.failures import Step, Verdict, spoils_own_ticket, verdict_on
from handfast.kerberos.impersonated import impersonated
from handfast.kerberos.lanes import Lane, Lanes
from handfast.kerberos.mechanism import Credential, Initiation, Mechanism, MechanismError
from handfast.kerberos.refusals import KdcRefused, RefusalMemory
from handfast.kerberos.service_account import ServiceAccount, ServiceKeys
from handfast.kerberos.tickets import Ticket, TicketCache, TicketKey
from handfast.kerberos.waiting import WaitingContexts
from handfast.kerberos.workers import Workers

WARM_THREADS = 2
MAX_WARM_WAITING = 2048
"""Tokens cost some 0.15 ms each, so the queue is never longer than a fraction of a second."""

T = TypeVar("T")
Obtained = tuple[Credential, float]


class KerberosDelegation:
    """`identity.directory.ports.Delegation`, for one event loop.

    `realm` is that of the services. `deadline_seconds` bounds each wait, for a KDC as for a thread.
    `on_silence` is told of each question that no KDC of `realm` answered: when it was put, and the time now.
    """

    def __init__(
        self,
        mechanism: Mechanism,
        keys: ServiceKeys,
        realm: str,
        *,
        deadline_seconds: float,
        threads: int,
        clock: Callable[[], float] = time.monotonic,
        on_silence: Callable[[float, float], None] | None = None,
    ) -> None:
        self._on_silence = on_silence
        self._mechanism = mechanism
        self._keys = keys
        self._realm = realm
        self._deadline_seconds = deadline_seconds
        self._clock = clock
        self._warm: Workers[None] = Workers("kerberos-token", WARM_THREADS, MAX_WARM_WAITING, lambda: None)
        self._lanes = Lanes(realm, threads, lambda: ServiceAccount(keys, clock))
        self._tickets = TicketCache()
        self._refusals = RefusalMemory()
        self._waiting = WaitingContexts()
        self._flights: dict[TicketKey, asyncio.Task[Ticket]] = {}
        self._tasks: set[asyncio.Task[Ticket]] = set()

    async def sign_in(self, account: Account, spn: str, channel_binding: bytes) -> DelegatedToken:
        """One token. Raises: DelegationRefused."""
        principal, sid = impersonated(account)
        key = TicketKey(account.id, sid, principal, f"{spn}@{self._realm}")
        ticket = await self._ticket(key)
        try:
            begun = await self._compute(
                lambda: self._mechanism.initiate(ticket.credential, key.service, channel_binding)
            )
        except MechanismError as error:
            self._tickets.drop(key)
            raise DelegationRefused(verdict_on(error, Step.SERVICE).failure, error.detail) from None
        except Unavailable as error:
            raise DelegationRefused(DelegationFailure.UNAVAILABLE, str(error)) from None
        return DelegatedToken(begun.token, self._waiting.keep(begun, account.id, self._clock()))

    async def confirm(self, handle: str, token: bytes) -> bool:
        """False only where the context that waits for it did not take the proof.

        Raises: Unavailable for a handle that was used, is older than a minute or had to make room, and where the threads lag.
        """
        begun = self._waiting.take(handle, self._clock())
        if begun is None:
            raise Unavailable("the context that the proof is for is no longer there")
        found: Initiation = begun
        return await self._compute(lambda: self._mechanism.confirm(found, token))

    def forget(self, account_id: AccountId) -> None:
        """Drops the account's tickets and refusals; what is being asked for at this moment will not be kept either."""
        self._tickets.drop_account(account_id)
        self._refusals.drop_account(account_id)
        for key in [key for key in self._flights if key.account_id == account_id]:
            del self._flights[key]

    async def close(self) -> None:
        """Drops everything. Threads that still wait for a KDC are left to themselves."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._flights.clear()
        self._tickets.clear()
        self._refusals.clear()
        self._waiting.clear()
        self._lanes.close()
        self._warm.close()

    async def _ticket(self, key: TicketKey) -> Ticket:
        now = self._clock()
        ticket = self._tickets.find(key, now)
        if ticket is None:
            self._refusals.check(key, now)
            # A caller that goes away must not take the answer from the others.
            return await asyncio.shield(self._flight(key))
        if ticket.takes_renewal(now):
            self._flight(key)
        return ticket

    def _flight(self, key: TicketKey) -> asyncio.Task[Ticket]:
        """The question for that ticket which is on its way, or a new one."""
        if key not in self._flights:
            task = asyncio.get_running_loop().create_task(self._ask(key))
            self._flights[key] = task
            self._tasks.add(task)
            task.add_done_callback(lambda ended: self._end_flight(key, ended))
        return self._flights[key]

    def _end_flight(self, key: TicketKey, task: asyncio.Task[Ticket]) -> None:
        self._tasks.discard(task)
        if self._flights.get(key) is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # Of a renewal nobody waits for: the ticket there is still good.

    async def _ask(self, key: TicketKey) -> Ticket:
        flight = asyncio.current_task()
        asked_at = self._clock()
        lane = self._lanes.of(_realm_of(key))
        if not lane.breaker.admits(asked_at):
            raise DelegationRefused(DelegationFailure.UNAVAILABLE, "no KDC answered lately")
        try:
            job = lane.workers.submit(lambda account: self._obtain(account, key))
        except Unavailable as error:
            raise DelegationRefused(DelegationFailure.UNAVAILABLE, str(error)) from None
        answer = asyncio.wrap_future(job)
        done, _ = await asyncio.wait([answer], timeout=self._deadline_seconds)
        if not done:
            is_silent = self._note_silence(lane, asked_at, "deadline")
            if not job.cancel():
                answer.add_done_callback(lambda late: self._take_late(lane, late))
            why = "no KDC answered" if is_silent else "KDCs answer others, and this was not its turn"
            raise DelegationRefused(
                DelegationFailure.UNAVAILABLE, f"{why} within {self._deadline_seconds:g} s"
            )
        try:
            credential, seconds_left = self._judge(lane, answer, asked_at)
        except DelegationRefused as refusal:
            if self._flights.get(key) is flight:
                self._refusals.note(key, refusal, self._clock())
            raise
        now = self._clock()
        if self._flights.get(key) is not flight:
            # Forgotten meanwhile: good for those who wait for it, and for nobody after them.
            return Ticket(credential, now + seconds_left, now + seconds_left)
        return self._tickets.keep(key, credential, seconds_left, now)

    def _judge(self, lane: Lane, answer: asyncio.Future[Obtained], asked_at: float) -> Obtained:
        """What came of a question; a refusal is an answer as well. Raises: DelegationRefused."""
        problem = answer.exception()
        if _is_answer(problem):
            lane.note_answer(self._clock())
        elif isinstance(problem, KdcRefused | Unavailable):
            # Unavailable: it waited for a thread that asks for our own ticket, and that one hears nothing.
            self._note_silence(lane, asked_at, str(problem))
        if isinstance(problem, Unavailable):
            raise DelegationRefused(DelegationFailure.UNAVAILABLE, str(problem))
        return answer.result()

    def _take_late(self, lane: Lane, late: asyncio.Future[Obtained]) -> None:
        if _is_answer(late.exception()):
            lane.note_answer(self._clock())

    def _note_silence(self, lane: Lane, asked_at: float, why: str) -> bool:
        """As `Lane.note_silence`."""
        now = self._clock()
        is_silent = lane.note_silence(asked_at, now, why)
        if is_silent and lane.is_own and self._on_silence is not None:
            self._on_silence(asked_at, now)
        return is_silent

    def _obtain(self, service: ServiceAccount, key: TicketKey) -> Obtained:
        """Both questions, in a worker thread. Raises: DelegationRefused, Unavailable."""
        own = service.credential()
        step = Step.USER
        try:
            user = self._mechanism.impersonate(own, key.principal)
            step = Step.IDENTITY
            sid = self._keys.identify(own, user)
            if sid != key.sid:
                detail = f"to the KDC {key.principal} is {sid}, and the account that is meant is {key.sid}"
                raise KdcRefused(Verdict.OTHER_ACCOUNT, detail)
            step = Step.SERVICE
            begun = self._mechanism.initiate(user, key.service, b"")
        except MechanismError as error:
            is_spoilt = spoils_own_ticket(error)
            if is_spoilt:
                service.forget()
            raise KdcRefused(verdict_on(error, step), error.detail, is_final=not is_spoilt) from None
        return user, min(begun.seconds_left, user.seconds_left)

    async def _compute(self, work: Callable[[], T]) -> T:
        """Runs it in a warm thread. Raises: Unavailable after the deadline or with too much before it."""
        return await self._warm.answer(lambda _: work(), self._deadline_seconds)


def _realm_of(key: TicketKey) -> str:
    """The account's, in capitals."""
    return key.principal.rpartition("@")[2].upper()


def _is_answer(problem: BaseException | None) -> bool:
    """Whether a KDC was heard: it gave the ticket, or said why it does not."""
    return problem is None or (isinstance(problem, KdcRefused) and problem.verdict is not Verdict.SILENCE)
