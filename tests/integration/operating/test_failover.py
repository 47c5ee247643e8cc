"""Two back ends, and one of them in every kind of trouble; what was sent once is never sent again."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from tests.installation import HOST, installation
from tests.scenarios.client import Answer, Client, Door
from tests.servers.counting import HEALTH_PATH, CountingBackend, counting_backend, deaf_server
from tests.servers.processes import wait_until

CONNECT_SECONDS = 0.5
BACKEND = (
    f'connect_timeout_seconds = {CONNECT_SECONDS}\nhealth_every_seconds = 0.2\nhealth_path = "{HEALTH_PATH}"'
)


class Site:
    """A gateway before two back ends, and one signed-in phone that numbers its requests."""

    def __init__(self, gateway, first: CountingBackend, second: CountingBackend) -> None:
        self.gateway, self.first, self.second = gateway, first, second
        self.door = Door(gateway.address, gateway.port, HOST, gateway.ca_file)
        gateway.add_account("alice")
        self.password = gateway.issue("alice")
        self.sent: list[str] = []

    def ask(self, client: Client | None = None) -> Answer:
        """One POST with a name of its own."""
        if client is None:
            with Client(self.door) as fresh:
                return self.ask(fresh)
        self.sent.append(f"request/{len(self.sent)}")
        return client.ask("CONTOSO\\alice", self.password, "PHONE1", user_agent=self.sent[-1])

    def who_answers(self) -> str:
        """The name of the back end a new request reaches, or its status."""
        answer = self.ask()
        return answer.body.decode() if answer.status == 200 else str(answer.status)

    def until(self, wanted: CountingBackend) -> None:
        """Until that one answers; kept connections to the other are ended, since they would be used first."""
        other = self.second if wanted is self.first else self.first

        def answers() -> bool:
            other.cut()
            return self.who_answers() == wanted.name

        wait_until(answers, f"{wanted.name} answers", 15, every=0.1)

    def reached(self) -> list[str]:
        return [*self.first.agents, *self.second.agents]

    def check_nothing_came_twice(self) -> None:
        reached = self.reached()
        assert len(reached) == len(set(reached)), "a request was sent twice"
        assert set(reached) <= set(self.sent)


@pytest.fixture(scope="module")
def shared():
    with counting_backend("first") as first, counting_backend("second") as second:
        with installation(backend=[first.url, second.url], workers=1, backend_options=BACKEND) as gateway:
            yield Site(gateway, first, second)


@pytest.fixture
def site(shared):
    """Both back ends well again, and every test's requests counted at the end."""
    shared.until(shared.first)
    yield shared
    for backend in (shared.first, shared.second):
        backend.is_well, backend.drops = True, False
        backend.kill()
        backend.start()
    shared.check_nothing_came_twice()


def test_one_killed_the_other_serves_and_the_first_is_used_again_when_it_is_back(site):
    with Client(site.door) as kept:
        assert site.ask(kept).body == b"first"
        site.first.kill()
        answers = [site.ask(kept) for _ in range(10)] + [site.ask() for _ in range(5)]
        assert {(answer.status, answer.body) for answer in answers} == {(200, b"second")}
        site.first.start()
        site.until(site.first)
        assert site.ask(kept).status == 200


def test_one_whose_health_check_fails_gets_nothing_although_it_would_answer(site):
    site.first.is_well = False
    site.until(site.second)
    before = len(site.first.agents)
    assert [site.who_answers() for _ in range(10)] == ["second"] * 10
    assert len(site.first.agents) == before
    site.first.is_well = True
    site.until(site.first)


def test_both_down_is_502_with_retry_after_and_over_as_soon_as_one_is_back(site):
    site.first.kill()
    site.second.kill()
    with Client(site.door) as kept:
        for answer in (site.ask(kept), site.ask(kept), site.ask()):
            assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (502, True)
        site.second.start()
        site.until(site.second)
        assert site.ask(kept).body == b"second"


def test_a_post_that_was_read_and_not_answered_is_not_sent_to_the_other(site):
    site.first.drops = True
    for number in range(5):
        answer = site.ask()
        assert answer.status == 502, number
        assert site.reached().count(site.sent[-1]) == 1
        assert site.sent[-1] in site.first.agents
    site.first.drops = False


def test_a_back_end_that_closes_kept_connections_loses_no_request_and_gets_none_twice(site):
    """The connection dies in the pool, between two requests."""
    with Client(site.door) as kept:
        for _ in range(20):
            assert site.ask(kept).status == 200
            site.first.kill()
            site.first.start()
    assert len(set(site.reached()) & set(site.sent[-20:])) == 20


def test_one_that_hangs_on_connect_delays_once_and_is_then_left_alone():
    with counting_backend("second") as second, deaf_server() as deaf:
        slow_checks = f"connect_timeout_seconds = {CONNECT_SECONDS}\nhealth_every_seconds = 5"
        with installation(backend=[deaf, second.url], workers=1, backend_options=slow_checks) as gateway:
            site = Site(gateway, SimpleNamespace(agents=[]), second)
            began = time.monotonic()
            assert site.who_answers() == "second"
            assert time.monotonic() - began < CONNECT_SECONDS + 2
            began = time.monotonic()
            assert [site.who_answers() for _ in range(10)] == ["second"] * 10
            assert time.monotonic() - began < 10 * CONNECT_SECONDS
            site.check_nothing_came_twice()
