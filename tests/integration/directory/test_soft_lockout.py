"""Domain passwords behind the soft lockout: our guessing stops before the domain would lock anybody.

Two listeners of one running installation with two gateway workers; the one inside takes domain passwords. The domain locks after
five wrong passwords, our margin is two: three may reach it. What the controller itself counts for an account
(`badPwdCount`, `lockoutTime`) tells how many did.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest

from handfast.identity.directory.ports import PasswordVerdict
from tests.door import BALANCED, ask
from tests.installation import Installation, installation
from tests.integration.directory.accounts import as_account
from tests.integration.directory.conftest import Open
from tests.integration.directory.policies import let_read, make_policy
from tests.integration.load.echo_backend import echo_backend
from tests.servers.processes import server_directory, wait_until
from tests.servers.samba import AUDIT, NEEDS, DomainController
from tests.servers.samba_domain import LOCKOUT_THRESHOLD, PASSWORD

pytestmark = NEEDS

MARGIN = 2
MAY_REACH = LOCKOUT_THRESHOLD - MARGIN
WINDOW = timedelta(minutes=32)
"""The domain's observation window of 30 minutes, and what ours is longer by."""
AT_ONCE = 8
STALE = 50
GUESSES = 40
STRICT = "  old password allowed period = 0\n"
"""Else the domain itself takes a password for another hour after it was changed."""


@dataclass
class Place:
    """A domain, an installation over it, and its two doors."""

    dc: DomainController
    outside: Installation
    inside: Installation

    def try_inside(self, user: str, secret: str, source: str) -> int:
        """The status that a phone at the address `source` gets."""
        return ask(self.inside, f"CONTOSO\\{user}", secret, source=source, device="INSIDE1").status

    def guess(self, number: int, user: str, source: str) -> int:
        """A wrong password, another one for each number."""
        return self.try_inside(user, f"Guess-{number}", source)

    def counted(self, user: str) -> tuple[int, int]:
        """(`badPwdCount`, `lockoutTime`) in the controller's database."""
        bad, locked = (self.dc.value(user, name) for name in ("badPwdCount", "lockoutTime"))
        return int(bad or 0), int(locked or 0)

    def pass_time(self, elapsed: timedelta, user: str) -> None:
        """What our counters and the domain's look like that much later."""
        micros = elapsed // timedelta(microseconds=1)
        with sqlite3.connect(self.outside.folder / "handfast.db", timeout=20) as database:
            changed = database.execute(
                "UPDATE counters SET window_start = window_start - ?, ends_at = ends_at - ?", (micros, micros)
            )
            assert changed.rowcount
        at = int(self.dc.value(user, "badPasswordTime")) - micros * 10
        self.dc.set_user(user, badPasswordTime=at)


def at_once(tries: list[Callable[[], int]]) -> list[int]:
    """Their statuses; many of them under way at the same time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda one: one(), tries))


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with (
        DomainController(log_level=AUDIT, smb_options=STRICT) as dc,
        server_directory("echo") as folder,
        echo_backend(folder) as url,
        installation(
            backend=url,
            inside=BALANCED,
            workers=2,
            publication='domain_password_listeners = ["inside"]',
            more=dc.settings(lockout_margin=MARGIN),
        ) as site,
    ):
        site.wait_for_account("alice")
        yield Place(dc, site, site.indoors)


def test_wrong_passwords_stop_below_the_domains_threshold(place: Place) -> None:
    guesses = [place.guess(number, "bob", "10.1.0.1") for number in range(MAY_REACH + 2)]
    assert guesses == [401] * (MAY_REACH + 2)
    assert place.counted("bob") == (MAY_REACH, 0), "what came after the third was refused without asking"
    # The right one is not asked about either: else guessing on would be worth it.
    assert place.try_inside("bob", PASSWORD, "10.1.0.2") == 401
    assert place.counted("bob") == (MAY_REACH, 0)

    place.pass_time(WINDOW, "bob")
    assert place.try_inside("bob", PASSWORD, "10.1.0.2") == 200
    assert place.guess(MAY_REACH + 2, "bob", "10.1.0.3") == 401
    assert place.counted("bob") == (1, 0), "the domain began anew, and so did we"


def test_a_stale_password_counts_once_however_often_it_is_sent(place: Place) -> None:
    statuses = at_once([partial(place.try_inside, "grace", "Stale-1", "10.2.0.1")] * STALE)
    assert statuses == [401] * STALE
    assert place.counted("grace") == (1, 0)
    assert place.try_inside("grace", PASSWORD, "10.2.0.1") == 200


def test_guesses_from_many_sources_over_two_workers_stop_there_too(place: Place) -> None:
    assert len(place.outside.children("gateway")) == 2
    guesses = [partial(place.guess, number, "erin", f"10.3.{number}.1") for number in range(GUESSES)]
    assert at_once(guesses) == [401] * GUESSES
    assert place.counted("erin") == (MAY_REACH, 0)


def test_others_and_app_passwords_go_on(place: Place) -> None:
    secret = place.outside.issue("CONTOSO\\other-name")
    for number in range(MAY_REACH + 1):
        assert place.guess(number, "other-name", "10.4.0.1") == 401
    assert place.try_inside("other-name", PASSWORD, "10.4.0.2") == 401
    assert ask(place.inside, "CONTOSO\\other-name", secret, source="10.4.0.1", device="PHONE1").status == 200
    assert ask(place.outside, "CONTOSO\\other-name", secret, device="PHONE1").status == 200
    assert place.try_inside("alice", PASSWORD, "10.4.0.1") == 200
    assert place.counted("other-name") == (MAY_REACH, 0)
    assert place.counted("alice") == (0, 0)


def test_the_other_listener_never_asks(place: Place) -> None:
    for secret in ("Guess-outside", PASSWORD):
        assert ask(place.outside, "CONTOSO\\no-upn", secret, device="PHONE2").status == 401
    assert "no-upn" not in {user for _, user in place.dc.sign_ins()}
    assert "alice" in {user for _, user in place.dc.sign_ins()}, "whom it is asked about is on record"
    assert place.counted("no-upn") == (0, 0)


def test_a_stricter_policy_wins_and_one_that_can_not_be_read_is_not_tried_at(place: Place) -> None:
    make_policy(place.dc, "strict", 10, 4, "back")
    assert place.try_inside("back", PASSWORD, "10.5.0.1") == 401
    assert place.guess(0, "back", "10.5.0.1") == 401
    assert place.counted("back") == (0, 0)
    line = place.outside.wait_for_log_line("reason=domain-password-not-tried")[0]
    explained = place.outside.cli("explain", line.partition("request=")[2].split()[0])
    assert "under the policy CN=strict" in explained["stages"][-1]["detail"]

    let_read(place.dc)
    assert place.try_inside("back", PASSWORD, "10.5.0.2") == 200
    assert [place.guess(number, "back", "10.5.0.3") for number in range(1, 6)] == [401] * 5
    assert place.counted("back") == (4 - MARGIN, 0)


def test_a_password_that_is_changed_ends_what_the_old_one_opened(place: Place) -> None:
    """The old one was right a moment ago, and would never have expired."""
    assert place.try_inside("grace", PASSWORD, "10.6.0.1") == 200
    place.dc.samba_tool("user", "setpassword", "grace", "--newpassword=An0ther-one")
    old = lambda: place.try_inside("grace", PASSWORD, "10.6.0.1")
    wait_until(lambda: old() == 401, "the old password is refused")
    assert place.try_inside("grace", "An0ther-one", "10.6.0.2") == 200
    assert place.counted("grace")[1] == 0


async def test_what_somebody_got_wrong_in_windows_counts_too(place: Place, opened: Open) -> None:
    """The person mistyped twice at a desk: one more guess is all that may come from here."""
    directory = opened(place.dc)
    account = as_account(await directory.find("no-upn"))
    for secret in ("typo", "another typo"):
        assert await directory.check_password(account, secret) is PasswordVerdict.WRONG
    guesses = [partial(place.guess, number, "no-upn", f"10.7.{number}.1") for number in range(AT_ONCE)]
    assert await asyncio.to_thread(at_once, guesses) == [401] * AT_ONCE
    assert place.counted("no-upn") == (MAY_REACH, 0)
