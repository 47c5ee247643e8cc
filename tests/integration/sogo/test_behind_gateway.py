"""A real ActiveSync server behind the gateway: a phone's day, other people's phones, a block, a password changed behind us."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from handfast.lab.phone import PhoneAnswer, SimulatedPhone
from handfast.protocols.activesync import Command
from tests.installation import HOST, Installation, installation
from tests.servers.processes import wait_until
from tests.servers.sogo import ACTIVESYNC_PATH, FIRST_MAIL, AccessLine, SogoServer, sogo

pytestmark = pytest.mark.needs("sogod", "dovecot", "memcached", "pg_ctlcluster")

USERS = ("alice", "bob", "carol", "dave", "erin", "frank")
PING_CHANGES = 2
PING_SECONDS = 50
ESTABLISHED = "01"


def inside_password(user: str) -> str:
    """SOGo's own: it must never be seen outside."""
    return f"Inside-{user}-1"


@dataclass
class Site:
    """SOGo, and the gateway before it."""

    server: SogoServer
    gateway: Installation

    def enrol(self, user: str) -> str:
        """An account with SOGo's password stored behind, and a fresh app password for outside."""
        self.gateway.add_account(user)
        self.gateway.store_secret(user, user, inside_password(user))
        return self.gateway.issue(user)

    @contextlib.asynccontextmanager
    async def phone(self, user: str, password: str, device_id: str) -> AsyncIterator[SimulatedPhone]:
        """A phone with connections of its own, closed at the end."""
        phone = SimulatedPhone(self.gateway.url, self.gateway.ca_file, HOST, user, password, device_id)
        try:
            yield phone
        finally:
            await phone.close()

    async def logged(self, *words: str) -> None:
        """Waits until the gateway's log has a line with all the words."""
        await asyncio.to_thread(self.gateway.wait_for_log_line, *words)

    def reached(self, device_id: str) -> list[AccessLine]:
        """The requests of that device that SOGo has answered and written down, which it does after its answer."""
        return [line for line in self.server.requests() if f"DeviceId={device_id}" in line.target]

    async def reached_at_last(self, device_id: str, count: int) -> list[AccessLine]:
        """The same, once there are as many as were answered."""
        await asyncio.to_thread(
            wait_until, lambda: len(self.reached(device_id)) >= count, f"{count} requests of {device_id}"
        )
        return self.reached(device_id)

    def held_behind(self) -> int:
        """Connections to SOGo that stand: with `idle_seconds = 0` each of them is a request or a health check.

        Source: proc(5), /proc/net/tcp.
        """
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ports = [int(row[2].rpartition(":")[2], 16) for row in rows if row[3] == ESTABLISHED]
        return ports.count(self.server.port)

    def alarms(self) -> float:
        """What Prometheus would read of suspended secrets, all together."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.gateway.metrics_port}/metrics", timeout=20
        ) as page:
            text = page.read().decode()
        found = re.search(
            r'^handfast_alarms_total\{[^}]*alarm="stored-secret-suspended"[^}]*\} (\S+)', text, re.MULTILINE
        )
        return float(found[1]) if found else 0.0


@pytest.fixture(scope="module")
def site():
    with sogo({user: inside_password(user) for user in USERS}) as server:
        with installation(
            backend=server.url,
            auth='["basic"]',
            backend_auth="stored",
            # SOGo closes after every answer without saying so.
            backend_options=f'path = "{ACTIVESYNC_PATH}"\nidle_seconds = 0',
        ) as gateway:
            yield Site(server, gateway)


async def caught_up(phone: SimulatedPhone) -> list[str]:
    """Syncs the inbox until its key stands still, as phones do before a Ping; the subjects that came."""
    subjects: list[str] = []
    for _ in range(10):
        before = dict(phone._sync_keys)
        answer, mails = await phone.sync()
        assert answer.ok, answer
        subjects += [mail.subject for mail in mails]
        if before == phone._sync_keys:
            return subjects
    raise AssertionError("Sync never comes to an end")


async def hanging_ping(site: Site, phone: SimulatedPhone) -> asyncio.Task[PhoneAnswer]:
    """A Ping that still hangs two seconds after it went to SOGo."""
    await asyncio.to_thread(wait_until, lambda: site.held_behind() == 0, "what was asked before is over")
    ping = asyncio.ensure_future(phone.ping(PING_SECONDS))
    await asyncio.to_thread(wait_until, lambda: site.held_behind() > 0, "the Ping goes to SOGo")
    await asyncio.wait({ping}, timeout=2)
    assert not ping.done(), f"the Ping did not hang: {ping}"
    return ping


async def test_options_folder_sync_sync_and_a_ping_that_hangs_until_mail_comes(site):
    async with site.phone("alice", site.enrol("alice"), "ALICEPHONE1") as phone:
        options = await phone.options()
        assert options.http_status == 200
        assert "14.1" in options.headers.get("MS-ASProtocolVersions").split(",")
        folders = await phone.folder_sync()
        assert (folders.http_status, folders.status) == (200, 1)
        assert phone.inbox
        assert await caught_up(phone) == [FIRST_MAIL]
        site.server.deliver("alice", "Before Sync", "Its text.")
        assert await caught_up(phone) == ["Before Sync"]
        ping = await hanging_ping(site, phone)
        delivered = time.monotonic()
        await asyncio.to_thread(site.server.deliver, "alice", "News")
        answer = await asyncio.wait_for(ping, PING_SECONDS + 10)
        assert (answer.http_status, answer.status) == (200, PING_CHANGES)
        assert time.monotonic() - delivered < PING_SECONDS / 2
        assert await caught_up(phone) == ["News"]
    assert site.server.failed_logins("alice") == 0


async def test_a_second_device_is_refused_and_reaches_nothing(site):
    password = site.enrol("bob")
    async with site.phone("bob", password, "BOBPHONE1") as phone:
        assert (await phone.folder_sync()).http_status == 200
        async with site.phone("bob", password, "THIEFPHONE1") as thief:
            assert (await thief.folder_sync()).http_status == 403
            assert (await thief.command(Command.PING, None)).http_status == 403
            await site.logged("THIEFPHONE1", "reason=app-password-other-device", "status=403")
            assert (await phone.folder_sync()).http_status == 200
        assert len(await site.reached_at_last("BOBPHONE1", 2)) == 2
        assert [line for line in site.server.requests() if line.user == "bob"] == site.reached("BOBPHONE1")
        assert site.reached("THIEFPHONE1") == []


@pytest.mark.alone
async def test_a_block_cuts_a_ping_within_a_second(site):
    async with site.phone("carol", site.enrol("carol"), "CAROLPHONE1") as phone:
        assert (await phone.folder_sync()).ok
        assert await caught_up(phone) == [FIRST_MAIL]
        ping = await hanging_ping(site, phone)
        await asyncio.to_thread(site.gateway.cli, "device", "block", "carol", "CAROLPHONE1")
        blocked = time.monotonic()
        await asyncio.wait({ping}, timeout=20)
        assert time.monotonic() - blocked < 1
        # Nothing of the answer had been sent, so the phone still learns why; the connection ends with it.
        answer = ping.result()
        assert (answer.http_status, answer.headers.get("Connection")) == (403, "close")
        await site.logged("CAROLPHONE1", "command=Ping", "reason=revoked-in-flight")
        assert (await phone.folder_sync()).http_status == 403
        await asyncio.to_thread(site.gateway.cli, "device", "unblock", "carol", "CAROLPHONE1")
        assert (await phone.folder_sync()).http_status == 200


async def test_the_servers_own_password_opens_nothing_outside_and_is_not_even_tried_there(site):
    password = site.enrol("dave")
    for user in ("dave", "CONTOSO\\dave", "dave@contoso.lab"):
        async with site.phone(user, inside_password("dave"), "DAVEPHONE1") as thief:
            assert (await thief.folder_sync()).http_status == 401
    # It is the right one all the same: with the app password the gateway signs in with it.
    async with site.phone("dave", password, "DAVEPHONE1") as phone:
        assert (await phone.folder_sync()).http_status == 200
    # This one came after the others: it is all that SOGo ever saw.
    assert [line.status for line in await site.reached_at_last("DAVEPHONE1", 1)] == [200]
    assert site.server.failed_logins("dave") == 0


async def test_a_password_changed_behind_us_costs_one_attempt_and_then_503_until_it_is_stored_anew(site):
    password = site.enrol("erin")
    device = "ERINPHONE1"
    async with site.phone("erin", password, device) as phone:
        assert (await phone.folder_sync()).http_status == 200
        alarms = site.alarms()
        site.server.set_password("erin", "Changed-behind-us-2")
        answer = await phone.folder_sync()
        assert answer.http_status == 503
        assert int(answer.headers.get("Retry-After")) > 0
        for _ in range(6):  # New connections, so that both workers are asked.
            async with site.phone("erin", password, device) as other:
                answer = await other.folder_sync()
                assert answer.http_status == 503
                assert int(answer.headers.get("Retry-After")) > 0
                assert not answer.headers.all("WWW-Authenticate")
        await site.logged("stored-secret-suspended", "level=error")
        await asyncio.to_thread(wait_until, lambda: site.server.failed_logins("erin") > 0, "SOGo says so")
        assert site.server.failed_logins("erin") == 1
        (event,) = site.gateway.cli("audit", "show", "--event", "identity:stored_secret:suspended")
        assert event["subject"] == "erin@contoso.lab"
        await asyncio.to_thread(wait_until, lambda: site.alarms() == alarms + 1, "the alarm is counted")
        await asyncio.to_thread(site.gateway.store_secret, "erin", "erin", "Changed-behind-us-2")
        assert (await phone.folder_sync()).http_status == 200
        statuses = [line.status for line in await site.reached_at_last(device, 3)]
        assert statuses == [200, 401, 200]
        assert site.server.failed_logins("erin") == 1


async def test_passwords_are_seen_nowhere(site):
    """Neither SOGo's passwords nor the app passwords are in any log, nor in what SOGo was sent outside of sign-in."""
    password = site.enrol("frank")
    async with site.phone("frank", password, "FRANKPHONE1") as phone:
        assert (await phone.folder_sync()).ok
    async with site.phone("frank", password[::-1], "FRANKPHONE1") as wrong:
        assert (await wrong.folder_sync()).http_status == 401
    await site.logged("FRANKPHONE1", "status=200")
    await site.logged("FRANKPHONE1", "status=401")
    await site.reached_at_last("FRANKPHONE1", 1)
    written = site.gateway.log.read_text() + site.server.log.read_text(errors="replace")
    for secret in (password, password[::-1], *map(inside_password, USERS)):
        assert secret not in written
        assert b64encode(f"frank:{secret}".encode()).decode() not in written
