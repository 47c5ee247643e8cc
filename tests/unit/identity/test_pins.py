from __future__ import annotations

import pytest

from handfast.identity.pins import MAX_CHARACTERS, MIN_CHARACTERS, find_weakness, set_pin
from handfast.identity.records import CounterKind, RevocationScope
from tests.fakes.identity_process import IdentityProcess


@pytest.mark.parametrize(
    ("pin", "weakness"),
    [
        ("1" * (MIN_CHARACTERS - 1), "6 to 128 characters"),
        ("a1b" * 43, "6 to 128 characters"),
        ("111111", "three different"),
        ("121212", "three different"),
        ("123456", "no run"),
        ("987654", "no run"),
        ("abcdefg", "no run"),
        ("my-ALICE-1", "user's name"),
    ],
)
def test_what_people_choose_badly_is_refused_with_why(pin, weakness):
    assert weakness in find_weakness(pin, "alice")


@pytest.mark.parametrize(
    "pin", ["123457", "blue-42", "aab" * 42 + "cd", "6" + "x" * (MAX_CHARACTERS - 2) + "1"]
)
def test_a_fair_choice_is_taken(pin):
    assert find_weakness(pin, "alice") == ""


async def test_a_new_pin_ends_what_the_old_one_opened_and_forgets_failures():
    identity = IdentityProcess()
    account = await identity.add_account()
    now = identity.clock.now()

    def fail(repositories):
        repositories.counters.increment(CounterKind.ACCOUNT, str(account.id), now=now, window_seconds=900)

    await identity.records.write(fail)
    for verifier, event in (
        ("$argon2id$x", "identity:account:pin-set"),
        (None, "identity:account:pin-cleared"),
    ):
        await identity.records.write(lambda r, v=verifier: set_pin(r, account, v, now=now, actor="uid:7"))
        assert identity.records.tables.accounts[account.id].pin_verifier == verifier
        assert identity.audit_events[-1] == event
    assert identity.records.tables.counters == {}
    assert [r.scope for r in identity.records.tables.revocations] == [RevocationScope.ACCOUNT] * 2
