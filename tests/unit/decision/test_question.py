from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.decision.access import BasicCredential
from handfast.decision.question import Question, build_question
from handfast.decision.stages.credential import Authenticated
from handfast.identity.networks import NetworkSightings
from tests.fakes.identity_process import MAIL, IdentityProcess
from tests.fakes.one_phone import ALICE, BOUND, FRESH, NOW

HOME, AWAY = "192.0.2.10", "198.51.100.20"


def request(device="P1", source=HOME):
    return IdentityProcess().request(BasicCredential("alice", "x"), device=device, source=source)


@pytest.fixture
def networks():
    """P1 was at home, then away, and now asks from home again."""
    networks = NetworkSightings()
    networks.note(ALICE.id, "P1", HOME, NOW - timedelta(seconds=20))
    networks.note(ALICE.id, "P1", AWAY, NOW - timedelta(seconds=20))
    return networks


def ask(networks, password=BOUND, *, publication=MAIL, **more) -> Question:
    return build_question(networks, publication, request(**more), Authenticated(ALICE, password), NOW)


WINDOW = timedelta(seconds=60)


def seen(question):
    return question.has_moved, question.has_returned(WINDOW)


def test_a_rightful_devices_networks_are_looked_up(networks):
    question = ask(networks)
    assert (seen(question), question.returned_after) == ((True, True), timedelta(seconds=20))
    assert seen(ask(networks, source=AWAY)) == (False, False)
    assert seen(ask(networks, source="203.0.113.1")) == (True, False)


@pytest.mark.parametrize(
    "password", [FRESH, replace(BOUND, bound_device_id="P2")], ids=["fresh", "another device's"]
)
def test_a_stranger_who_claims_the_id_quarantines_nobody(networks, password):
    question = ask(networks, password)
    assert not question.is_rightful
    assert seen(question) == (False, False)


def test_a_persons_own_secret_is_rightful_on_any_device_but_not_without_one(networks):
    assert ask(networks, None).has_returned(WINDOW)
    bare = ask(networks, None, device=None)
    assert (bare.device_id, bare.is_rightful, bare.has_moved) == (None, False, False)


def test_the_policy_says_how_long_a_return_counts_and_whether_at_all(networks):
    question = ask(networks)
    assert question.has_returned(timedelta(seconds=20))
    assert not question.has_returned(timedelta(seconds=19))
    assert not replace(question, returned_after=timedelta(0)).has_returned(timedelta(0))
