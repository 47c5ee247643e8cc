"""Which domain controller is asked, by which threads, and for how long: the only file that knows of threads and deadlines.

Each controller has a few threads of its own. A call waits on the event loop with a deadline; when that passes the
connection is shut, which ends the thread's waiting too, and the next controller is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from handfast.directory.breaker import Breaker
from handfast.directory.entries import Entry
from handfast.directory.library import ldap3
from handfast.directory.own_account import OwnAccount
from handfast.directory.session import (
    PAGE_SIZE,
    Address,
    BindRefused,
    ControllerFailed,
    Controls,
    NoSuchObject,
    Page,
    Session,
)
from handfast.identity.ports import Unavailable
from handfast.observability.logging import event_log

T = TypeVar("T")
_LOG = event_log("directory")

LISTING_PATIENCE = 6
"""A page of many objects may take so many timeouts: the controller works it out, and has just answered in one."""
THREADS = 4
"""For each controller: what one call more may wait behind."""
SPARE_SECONDS = 0.5
"""A session's own timeout comes so much after the deadline, which is the one that speaks."""
KEPT_SESSIONS = 2
KEPT_SECONDS = 60.0
"""Controllers close idle connections after 900 s (MaxConnIdleTime), firewalls sooner. Source: MS-ADTS 3.1.1.3.4.6."""


class Link:
    """A session with one controller for one piece of work; every call has the deadline. Raises: ControllerFailed."""

    def __init__(self, controller: Controller, session: Session) -> None:
        self._controller = controller
        self._session = session
        self.name = controller.address.name

    async def page(
        self,
        base: str,
        query: str,
        attributes: Sequence[str],
        *,
        scope: str = ldap3.SUBTREE,
        controls: Controls = (),
        page_size: int = PAGE_SIZE,
        cookie: bytes = b"",
        patience: int = 1,
    ) -> Page:
        """One page; see `Session.search`. `patience` is in timeouts."""
        search = partial(self._session.search, base, query, attributes, patience=patience)
        call = partial(search, scope=scope, controls=controls, page_size=page_size, cookie=cookie)
        return await self._controller.call(self._session, call, patience)

    async def pages(
        self, base: str, query: str, attributes: Sequence[str], *, controls: Controls = ()
    ) -> AsyncIterator[tuple[Entry, ...]]:
        """Every page of a search, one at a time."""
        cookie = b""
        while True:
            page = await self.page(
                base, query, attributes, controls=controls, cookie=cookie, patience=LISTING_PATIENCE
            )
            yield page.entries
            cookie = page.cookie
            if not cookie:
                return

    async def read(self, dn: str, attributes: Sequence[str], *, controls: Controls = ()) -> Entry | None:
        """One object; None where it is not there, or hidden from us."""
        try:
            page = await self.page(dn, "(objectClass=*)", attributes, scope=ldap3.BASE, controls=controls)
        except NoSuchObject:
            return None
        return page.entries[0] if page.entries else None

    async def call(self, work: Callable[[Session], T], *, patience: int = 1) -> T:
        """Anything else that blocks on the session, or keeps a thread busy; `patience` is in timeouts."""
        return await self._controller.call(self._session, partial(work, self._session), patience)


class Controller:
    """One domain controller: its threads, its breaker, the sessions kept for the next call."""

    def __init__(self, address: Address, context: ssl.SSLContext, timeout_seconds: float) -> None:
        self.address = address
        self.breaker = Breaker()
        self._context = context
        self._timeout_seconds = timeout_seconds
        self._kept: list[tuple[float, Session]] = []
        self._is_closed = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"ldap-{address.name}")

    @contextlib.asynccontextmanager
    async def link(self, account: OwnAccount | None) -> AsyncIterator[Link]:
        """A session signed in as `account`; with None a fresh one, not signed in and not kept."""
        session = self._take_kept() if account is not None else None
        if session is None:
            session = await self._open(account)
        try:
            yield Link(self, session)
        except BaseException:
            # Whatever it was, an answer may be still under way: nobody else must read it.
            session.end()
            raise
        if account is None:
            session.end()
        else:
            self._keep(session)

    async def call(self, session: Session, work: Callable[[], T], patience: int = 1) -> T:
        """Runs `work` in a thread of this controller's. Raises: ControllerFailed at the deadline, and what it raises."""
        seconds = self._timeout_seconds * patience
        waiting = asyncio.get_running_loop().run_in_executor(self._threads, session.within, work)
        try:
            async with asyncio.timeout(seconds):
                return await waiting
        except TimeoutError:
            session.abort()
            raise ControllerFailed(f"{self.address.name}: no answer within {seconds:g} s") from None
        except asyncio.CancelledError:
            session.abort()
            raise

    def close(self) -> None:
        """Ends the kept sessions; threads end with their work."""
        self._is_closed = True
        while self._kept:
            self._kept.pop()[1].end()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _open(self, account: OwnAccount | None) -> Session:
        session = Session(self.address, self._context, self._timeout_seconds + SPARE_SECONDS)
        try:
            await self.call(session, session.open)
            if account is not None:
                await self._sign_in(session, account)
        except BaseException:
            session.end()
            raise
        return session

    async def _sign_in(self, session: Session, account: OwnAccount) -> None:
        async def send(password: str) -> None:
            await self.call(session, partial(session.sign_in, account.user, password))

        await account.sign_in(send, self._timeout_seconds)

    def _take_kept(self) -> Session | None:
        while self._kept:
            kept_at, session = self._kept.pop()
            if time.monotonic() - kept_at < KEPT_SECONDS and session.is_usable():
                return session
            session.end()
        return None

    def _keep(self, session: Session) -> None:
        if len(self._kept) < KEPT_SESSIONS and not self._is_closed:
            self._kept.append((time.monotonic(), session))
        else:
            session.end()


class Controllers:
    """All controllers, in order of preference."""

    def __init__(self, controllers: Sequence[Controller], account: OwnAccount) -> None:
        self.controllers = tuple(controllers)
        self.account = account
        self._looking: set[asyncio.Task[None]] = set()

    async def ask(self, work: Callable[[Link], Awaitable[T]]) -> T:
        """`work`'s answer from the first controller that gives one; it may be begun anew at the next one.

        Raises: Unavailable, with what each of them said.
        """
        said = []
        for controller in self._admitted():
            try:
                async with controller.link(self.account) as link:
                    answer = await work(link)
            except ControllerFailed as failure:
                said.append(self._note_failure(controller, failure))
            else:
                self._note_answer(controller)
                return answer
        raise self._nobody(said)

    @contextlib.asynccontextmanager
    async def first(self, account: OwnAccount | None) -> AsyncIterator[Link]:
        """A session with the first controller that gives one. What fails within the block is not tried elsewhere.

        Raises: Unavailable.
        """
        said: list[str] = []
        async with contextlib.AsyncExitStack() as stack:
            for controller in self._admitted():
                try:
                    link = await stack.enter_async_context(controller.link(account))
                except ControllerFailed as failure:
                    said.append(self._note_failure(controller, failure))
                    continue
                try:
                    yield link
                except ControllerFailed as failure:
                    self._note_failure(controller, failure)
                    raise
                self._note_answer(controller)
                return
        raise self._nobody(said)

    def _admitted(self) -> Iterator[Controller]:
        """Those to ask, in turn. One that failed lately is tried by nobody who has another, but beside (`_look_again`)."""
        closed = [one for one in self.controllers if not one.breaker.is_open]
        admitted = [
            one for one in self.controllers if one.breaker.is_open and one.breaker.admits(time.monotonic())
        ]
        if closed:
            for controller in admitted:
                task = asyncio.get_running_loop().create_task(self._look_again(controller))
                self._looking.add(task)
                task.add_done_callback(self._looking.discard)
        yield from closed or admitted

    async def _look_again(self, controller: Controller) -> None:
        try:
            async with controller.link(self.account):
                self._note_answer(controller)
        except Unavailable as failure:
            self._note_failure(controller, failure)

    def _note_failure(self, controller: Controller, failure: Unavailable) -> str:
        """Opens the breaker, unless it is our own account that is refused: the controller is well then."""
        is_its_own = not isinstance(failure, BindRefused | NoSuchObject)
        if is_its_own and controller.breaker.failed(time.monotonic(), str(failure)):
            _LOG.warning("directory-controller-failed", controller=controller.address.name, why=str(failure))
        return str(failure)

    def _note_answer(self, controller: Controller) -> None:
        """Closes the breaker."""
        if controller.breaker.succeeded():
            _LOG.info("directory-controller-answers-again", controller=controller.address.name)

    def _nobody(self, said: Sequence[str]) -> Unavailable:
        """What is raised when none answered."""
        reasons = said or [one.breaker.last_failure for one in self.controllers if one.breaker.is_open]
        return Unavailable("no domain controller answers: " + "; ".join(dict.fromkeys(reasons)))

    def close(self) -> None:
        """Ends every session."""
        for task in self._looking:
            task.cancel()
        for controller in self.controllers:
            controller.close()
