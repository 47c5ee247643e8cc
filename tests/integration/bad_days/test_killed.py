"""`kill -9` of every process under load: no answer crosses, nothing acknowledged is lost, nobody gets in, and all is back.

While a process is killed, phones ask without pause, a thief tries wrong credentials, and an administrator issues app
passwords and blocks devices. What the administrator was told is done must stand in the audit trail afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.audit import AuditEvent
from handfast.identity_api.admin_client import IdentityNotRunning
from tests.installation import Installation, installation
from tests.integration.load.echo_backend import echo_backend
from tests.integration.load.phones import Lost, Office, Phone, basic, hang_up
from tests.servers.processes import descendants, is_running, server_directory, wait_until

pytestmark = pytest.mark.alone

PHONES = 12
BACK_SECONDS = 5.0
KILLS = 3
PAUSE_SECONDS = 0.01
"""Between two requests of a phone: the load is real and leaves something of two cores to what has to start anew."""
TRICKLING = 4
"""One phone in so many takes its answers in pieces, a tenth of a second each: a kill finds it in the middle of one."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What reached the back end: a line `USER NONCE` a request."""
    return tmp_path / "reached.log"


@pytest.fixture
def site(log: Path) -> Iterator[Installation]:
    with server_directory("echo") as folder, echo_backend(folder, log=log) as url:
        with installation(backend=url, workers=2) as running:
            yield running


class Days:
    """Phones and a thief at work until `stop`; every answer is checked as it comes."""

    def __init__(self, site: Installation, phones: list[Phone]) -> None:
        self._site = site
        self._phones = phones
        self._context = site.context()
        self.counts: Counter[str] = Counter()
        self.is_over = False

    async def run(self) -> None:
        thieves = [
            Phone(self._phones[0].user, "wrong", self._phones[0].device, source="127.0.6.1"),
            Phone("nobody", "wrong", "THIEF01", source="127.0.6.2"),
        ]
        everybody = [*self._phones, *thieves]
        try:
            async with asyncio.TaskGroup() as group:
                for number, phone in enumerate(self._phones):
                    group.create_task(self._use(phone, b"" if number % TRICKLING else b"trickle"))
                for number, thief in enumerate(thieves):
                    group.create_task(self._steal(thief, number))
        finally:
            await hang_up(everybody)

    async def _use(self, phone: Phone, wish: bytes) -> None:
        while not self.is_over:
            try:
                if phone.connection is None or not phone.connection.is_open:
                    await phone.connect(self._site.port, self._context)
                assert phone.connection is not None
                nonce = phone.nonce()
                request = phone.request(b"body", nonce=nonce, wish=wish)
                answer = await phone.connection.exchange(request, seconds=20)
            except (OSError, Lost, AssertionError) as error:
                # An NTLM sign-in asserts what it expects: 503 in the middle of one is no crossing.
                if isinstance(error, AssertionError) and "503" not in str(error):
                    raise
                self.counts["lost"] += 1
                if phone.connection is not None:
                    phone.connection.abort()
                await asyncio.sleep(0.02)
                continue
            if answer.status == 200:
                assert answer.body == b"%b %b body" % (phone.user.encode(), nonce), (phone.user, answer.body)
                self.counts["served"] += 1
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                assert answer.status == 503, (phone.user, answer.status, answer.body)
                assert answer.value(b"retry-after"), answer.fields
                self.counts["told to wait"] += 1
                await asyncio.sleep(0.05)

    async def _steal(self, thief: Phone, number: int) -> None:
        """Wrong credentials, from ever new addresses; whatever else happens, it is never let in."""
        while not self.is_over:
            self.counts["tried"] += 1
            thief.source = f"127.0.{60 + number}.{self.counts['tried'] % 250 + 1}"
            with contextlib.suppress(OSError, Lost):
                connection = await thief.connect(self._site.port, self._context)
                wrong = basic(thief.user, f"wrong{self.counts['tried']}")
                request = thief.request(b"", nonce=b"THIEF", authorization=wrong)
                answer = await connection.exchange(request, seconds=20)
                assert answer.status in (401, 503), (answer.status, answer.body)
                self.counts["refused"] += 1
                connection.close()
            await asyncio.sleep(0.01)


class Changes:
    """An administrator who makes changes one after another, and notes which ones were acknowledged."""

    def __init__(self, site: Installation) -> None:
        self._office = Office(site)
        self.acknowledged: Counter[str] = Counter()
        self.labels: set[str] = set()
        self.unsure = 0

    def run(self, is_over: threading.Event) -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            label = f"change {number}"
            try:
                self._office.call("app_password_issue", account="admin", label=label)
                self.acknowledged["issued"] += 1
                self.labels.add(label)
                self._office.call("device_block", account="admin", device_id="BLOCK1")
                self.acknowledged["blocked"] += 1
                self._office.call("device_unblock", account="admin", device_id="BLOCK1")
                self.acknowledged["unblocked"] += 1
            except (IdentityNotRunning, AdministrationError):
                self.unsure += 1
                time.sleep(0.05)
            time.sleep(PAUSE_SECONDS)


@contextlib.contextmanager
def busy(site: Installation) -> Iterator[tuple[Days, Changes]]:
    """Phones, thieves and the administrator at work while the block runs."""
    office = Office(site)
    users = [f"user{number:02}" for number in range(PHONES)]
    office.add_accounts([*users, "admin"])
    phones = [
        office.phone(user, f"DEVICE{number:02}", ("basic", "ntlm")[number % 2])
        for number, user in enumerate(users)
    ]
    row = {"account": "CONTOSO\\admin", "device_id": "BLOCK1", "device_type": "Phone", "state": "allowed"}
    done = office.call("device_import", rows=[row])
    assert done["imported"] == 1, done
    days, changes, is_over = Days(site, phones), Changes(site), threading.Event()
    failures: list[BaseException] = []

    def live() -> None:
        try:
            uvloop.run(days.run())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=live), threading.Thread(target=changes.run, args=(is_over,))]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: days.counts["served"] > 30 * PHONES or failures, "phones are served", 60)
        yield days, changes
        served = days.counts["served"]
        wait_until(lambda: days.counts["served"] > served + 20 * PHONES or failures, "served again", 60)
    finally:
        days.is_over = True
        is_over.set()
        for thread in threads:
            thread.join(60)
    for failure in failures:
        raise failure
    assert not any(thread.is_alive() for thread in threads)


def kill(site: Installation, kind: str) -> None:
    """SIGKILL to one process of that kind, and the whole service back within seconds."""
    before = site.children(kind)
    victim = before[0]
    os.kill(victim, signal.SIGKILL)
    begun = time.monotonic()
    wait_until(
        lambda: victim not in site.children(kind) and len(site.children(kind)) == len(before),
        f"another {kind} runs",
        BACK_SECONDS,
    )
    wait_until(site.is_healthy, "the service is healthy", BACK_SECONDS)
    print(f"{kind} back after {time.monotonic() - begun:.2f} s")


def check_nothing_lost(site: Installation, changes: Changes, log: Path) -> None:
    """Every acknowledged change is in the trail, which is whole; nothing of the thief's reached the back end."""
    office = Office(site)
    counted = {
        "issued": AuditEvent.APP_PASSWORD_ISSUED,
        "blocked": AuditEvent.DEVICE_BLOCKED,
        "unblocked": AuditEvent.DEVICE_UNBLOCKED,
    }
    assert min(changes.acknowledged[name] for name in counted) > 0
    for name, event in counted.items():
        entries = [
            entry
            for entry in office.call("audit_show", limit=10_000, event=event.value)
            if entry["subject"].startswith("admin@contoso.lab")
        ]
        # A change whose answer was lost may have been made; one that was acknowledged must have been.
        surplus = len(entries) - changes.acknowledged[name]
        assert 0 <= surplus <= changes.unsure, (name, len(entries), changes.acknowledged, changes.unsure)
    kept = {one["label"] for one in office.call("app_password_list", account="admin")}
    assert changes.labels <= kept
    assert site.cli("audit", "verify")["ok"] is True
    reached = log.read_bytes()
    assert b"THIEF" not in reached
    assert b"nobody" not in reached


def test_a_gateway_worker_is_killed(site: Installation, log: Path) -> None:
    with busy(site) as (days, changes):
        for _ in range(KILLS):
            kill(site, "gateway")
            served = days.counts["served"]
            wait_until(lambda: days.counts["served"] > served + PHONES, "phones are served again")  # noqa: B023
    print(days.counts, changes.acknowledged)
    assert days.counts["lost"] > 0
    assert days.counts["refused"] > 0
    check_nothing_lost(site, changes, log)


def test_identity_is_killed(site: Installation, log: Path) -> None:
    with busy(site) as (days, changes):
        for _ in range(KILLS):
            kill(site, "identity")
            acknowledged = changes.acknowledged.total()
            wait_until(lambda: changes.acknowledged.total() > acknowledged + 10, "changes go on")  # noqa: B023
    print(days.counts, changes.acknowledged, changes.unsure)
    assert changes.unsure > 0
    assert days.counts["refused"] > 0
    check_nothing_lost(site, changes, log)


def test_the_supervisor_is_killed(site: Installation, log: Path) -> None:
    with busy(site) as (days, changes):
        assert site.process is not None
        children = descendants(site.process.pid)
        assert len(children) >= 3
        site.process.kill()
        site.process.wait()
        wait_until(lambda: not any(is_running(child) for child in children), "its children ended with it", 10)
        begun = time.monotonic()
        site.start()
        print(f"served again after {time.monotonic() - begun:.2f} s")
    print(days.counts, changes.acknowledged, changes.unsure)
    assert days.counts["refused"] > 0
    check_nothing_lost(site, changes, log)
