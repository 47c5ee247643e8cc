"""When an answer is read: while neither the client nor a server's proof is waited for."""

from types import SimpleNamespace

import pytest

from handfast.gateway.upstream import HoldFor, UpstreamConnection


class Transport:
    is_reading = True

    def is_closing(self):
        return False

    def pause_reading(self):
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True


@pytest.fixture
def upstream():
    connection = UpstreamConnection(SimpleNamespace(), SimpleNamespace(), 1)
    connection.transport = Transport()
    connection._sink = object()
    connection.hold(HoldFor.PROOF, held=True)
    return connection


def test_a_proof_that_is_good_does_not_hurry_a_slow_client(upstream):
    upstream.hold(held=True)
    upstream.answer_to(object())
    assert not upstream.transport.is_reading
    upstream.hold(held=False)
    assert upstream.transport.is_reading


def test_a_client_that_caught_up_does_not_stand_for_the_proof(upstream):
    upstream.hold(held=True)
    upstream.hold(held=False)
    assert not upstream.transport.is_reading
    upstream.answer_to(object())
    assert upstream.transport.is_reading
