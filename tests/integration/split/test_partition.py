"""The link between gateway and identity breaks: never open, never longer than the grace, and back by itself."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import threading
import time

import pytest

from tests.servers.processes import wait_until
from tests.split_installation import needs_root, split_site

pytestmark = pytest.mark.needs("ip")

GRACE = 6.0
"""More than the three silent seconds after which identity counts as unreachable."""
HEARTBEAT = 1.0


@pytest.fixture(scope="module")
def site():
    needs_root()
    with split_site(grace=GRACE, workers=1) as one:
        yield one


class Watch(threading.Thread):
    """A phone that asks again and again on its kept connection, until it is refused."""

    def __init__(self, site, client, person):
        super().__init__(name="watch")
        self._site, self._client, self._person = site, client, person
        self.last_success = 0.0
        self.refusal = None

    def run(self):
        while self.refusal is None:
            answer = self._client.ask(self._person.login, self._person.password, "PHONE1")
            if answer.status == 200:
                self.last_success = answer.at
                time.sleep(0.1)
            else:
                self.refusal = answer


@pytest.mark.alone
def test_new_sign_ins_wait_live_grants_end_after_the_grace_and_all_is_back_after_it(site):
    kept, hanging, new = site.enrol(), site.enrol(), site.enrol()
    for person in (kept, hanging):
        assert site.ask(person, "PHONE1").status == 200
    with (
        site.client() as connection,
        site.client() as poll,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        assert connection.ask(kept.login, kept.password, "PHONE1").status == 200
        poll.send(hanging.login, hanging.password, "PHONE1", "Ping")
        wait_until(lambda: site.hung(hanging) == 1, "the Ping hangs")
        waiting = pool.submit(poll.answer)
        watch = Watch(site, connection, kept)
        not_cut_at = time.monotonic()
        site.network.cut("identity")
        cut_at = time.monotonic()
        watch.start()

        refused = site.ask(new, "PHONE1")
        assert (refused.status, int(refused.headers["Retry-After"]) > 0) == (503, True)
        assert site.reached(new) == 0
        site.identity.cli("device", "block", kept.user, "PHONE1")  # the LAN works on; the DMZ can't be told

        watch.join(30)
        ended = waiting.result(20)
        assert watch.refusal is not None
        assert (watch.refusal.status, int(watch.refusal.headers["Retry-After"]) > 0) == (503, True)
        assert ended.status == 503
        for last in (watch.last_success, ended.at):
            # Between the two clocks the link was cut; the last heartbeat came up to a second before.
            assert last - not_cut_at > GRACE - HEARTBEAT - 1
            assert last - cut_at < GRACE + 1.5

    reached = site.reached(kept)
    site.network.heal("identity")
    wait_until(lambda: site.ask(new, "PHONE1").status == 200, "new sign-ins work again")
    assert site.ask(hanging, "PHONE1").status == 200
    assert site.ask(kept, "PHONE1").status == 403, "it was blocked meanwhile"
    assert site.reached(kept) == reached


def test_a_short_break_is_not_noticed_by_who_is_signed_in(site):
    person, new = site.enrol(), site.enrol()
    with site.client() as connection:
        assert connection.ask(person.login, person.password, "PHONE1").status == 200

        def blink() -> None:
            site.network.cut("identity")
            for _ in range(10):
                assert connection.ask(person.login, person.password, "PHONE1").status == 200
            site.network.heal("identity")
            wait_until(lambda: site.ask(new, "PHONE1").status == 200, "sign-ins work")
            site.exchange.deliver(person.user, "It came through")

        assert site.while_hanging(person, "PHONE1", blink).status == 200


def test_identity_killed_is_back_within_seconds_and_the_long_poll_lives_on(site):
    person, new = site.enrol(), site.enrol()
    assert site.ask(person, "PHONE1").status == 200

    def restart() -> None:
        [pid] = site.identity.children("identity")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: site.identity.children("identity") not in ([], [pid]), "a new identity", 10)
        wait_until(lambda: site.ask(new, "PHONE1").status == 200, "sign-ins work")
        site.exchange.deliver(person.user, "It came through")

    assert site.while_hanging(person, "PHONE1", restart).status == 200
