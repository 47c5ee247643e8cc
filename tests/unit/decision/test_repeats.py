from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.decision.access import BasicCredential
from handfast.decision.question import Question
from handfast.decision.reasons import Reason
from handfast.decision.repeats import REPEAT_WINDOW, RepeatedRefusals
from handfast.decision.stages.credential import Authenticated
from handfast.identity.records import AccountId, AppPasswordId
from tests.fakes.identity_process import MAIL, IdentityProcess
from tests.fakes.one_phone import ALICE, BOUND, NOW


def question(*, device="P1", source="192.0.2.1", account=ALICE, password=BOUND, publication=MAIL, now=NOW):
    request = IdentityProcess().request(BasicCredential("a", "b"), device=device, source=source)
    return Question(publication, request, Authenticated(account, password), now)


@pytest.fixture
def repeats():
    repeats = RepeatedRefusals()
    repeats.remember(question(), Reason.DEVICE_BLOCKED)
    return repeats


def test_the_like_is_known_for_ten_seconds(repeats):
    assert repeats.find(question()) is Reason.DEVICE_BLOCKED
    assert repeats.find(question(now=NOW + REPEAT_WINDOW / 2)) is Reason.DEVICE_BLOCKED
    assert repeats.find(question(now=NOW + REPEAT_WINDOW)) is None


def test_made_up_device_ids_and_addresses_of_one_party_are_the_like(repeats):
    assert repeats.find(question(device="MADE-UP")) is Reason.DEVICE_BLOCKED
    repeats.remember(question(source="2001:db8::1"), Reason.DEVICE_BLOCKED)
    assert repeats.find(question(source="2001:db8::2")) is Reason.DEVICE_BLOCKED


@pytest.mark.parametrize(
    "other",
    [
        question(source="192.0.2.2"),
        question(account=replace(ALICE, id=AccountId(2))),
        question(password=replace(BOUND, id=AppPasswordId(8))),
        question(password=None),
        question(publication=replace(MAIL, name="other")),
    ],
)
def test_what_differs_in_who_whence_or_what_for_is_another(repeats, other):
    assert repeats.find(other) is None


def test_the_newest_reason_counts_and_memory_is_bounded():
    repeats = RepeatedRefusals(max_repeats=2)
    first, second, third = (question(source=f"192.0.2.{n}") for n in (1, 2, 3))
    repeats.remember(first, Reason.DEVICE_PENDING)
    repeats.remember(second, Reason.DEVICE_PENDING)
    repeats.remember(first, Reason.DEVICE_BLOCKED)
    repeats.remember(third, Reason.DEVICE_PENDING)
    assert repeats.find(first) is Reason.DEVICE_BLOCKED
    assert repeats.find(second) is None, "the one not refused for longest is forgotten first"
