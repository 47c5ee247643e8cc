from __future__ import annotations

from handfast.decision.outcome import Pass
from handfast.decision.stages.credential import Authenticated, identified
from handfast.identity.records import StageTrace
from tests.fakes.one_phone import ALICE, BOUND


def test_who_is_identified_is_authenticated_and_no_failure():
    lockout = StageTrace("lockout", "pass")
    found = identified("alice", Authenticated(ALICE, BOUND), "app password 7", (lockout,))
    assert found.result == Pass(rule="app password 7")
    assert found.authenticated == Authenticated(ALICE, BOUND)
    assert (found.login, found.before, found.is_failure) == ("alice", (lockout,), False)


def test_a_session_begins_only_where_it_is_said():
    assert not Authenticated(ALICE, BOUND).starts_session
