from dataclasses import replace
from datetime import UTC, datetime

from handfast.backend_auth.live_grants import (
    GRACE_SECONDS,
    MAX_REMEMBERED_REVOCATIONS,
    LiveGrants,
    RememberingDecider,
)
from handfast.decision.access import AccessRequest, NoCredential
from handfast.decision.outcome import Decision, Grant, Outcome
from handfast.decision.ports import IssuedChallenge
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.identity.records import AccountId, Revocation, RevocationScope


def grant(grant_id: str, seconds: float = 300.0, node: str = "edge1") -> Grant:
    return Grant(grant_id, "mail", AccountId(1), "alice", 0, seconds, node=node)


def test_a_grant_is_found_by_its_node_until_it_ends():
    now = [0.0]
    register = LiveGrants(monotonic=lambda: now[0])
    register.remember(grant("a", 10.0))
    assert register.find("a", "edge1") == grant("a", 10.0)
    assert register.find("a", "edge2") is None
    assert register.find("b", "edge1") is None
    now[0] = 10.0 + GRACE_SECONDS
    assert register.find("a", "edge1") is None


def test_no_grant_lives_longer_than_five_minutes():
    now = [0.0]
    register = LiveGrants(monotonic=lambda: now[0])
    register.remember(grant("a", 1e9))
    now[0] = 300.0 + GRACE_SECONDS
    assert register.find("a", "edge1") is None


def test_the_register_is_bounded_and_swept():
    now = [0.0]
    register = LiveGrants(max_grants=3, monotonic=lambda: now[0])
    for number in range(5):
        register.remember(grant(str(number)))
    assert len(register) == 3
    assert register.find("1", "edge1") is None
    assert register.find("4", "edge1") is not None
    now[0] = 1000.0
    register.remember(grant("last"))
    assert len(register) == 1


class Allowing:
    async def issue_challenge(
        self, publication: str, connection_id: str, negotiate: bytes
    ) -> IssuedChallenge:
        return IssuedChallenge(connection_id, negotiate)

    async def evaluate(self, request: AccessRequest) -> Decision:
        if request.request_id == "no":
            return Decision(Outcome.DENY, Reason.DEVICE_BLOCKED)
        return Decision(Outcome.ALLOW, Reason.ALLOWED, grant("a"))


async def test_grants_are_remembered_on_their_way_out():
    register = LiveGrants()
    decider = RememberingDecider(Allowing(), register, "p1")
    request = AccessRequest("yes", "edge1", "l", "s", "mail", "r", Channel.ACTIVESYNC, NoCredential())
    given = (await decider.evaluate(request)).grant
    assert given == grant("p1.a") == register.find("p1.a", "edge1")
    assert (given.origin, grant("a").origin) == ("p1", "")
    assert await decider.issue_challenge("mail", "c", b"1") == IssuedChallenge("c", b"1")
    denied = AccessRequest("no", "edge1", "l", "s", "mail", "r", Channel.ACTIVESYNC, NoCredential())
    assert (await decider.evaluate(denied)).grant is None
    assert len(register) == 1


def revocation(epoch: int, account: int) -> Revocation:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return Revocation(epoch, RevocationScope.ACCOUNT, at, account_id=AccountId(account))


def test_what_was_revoked_signs_nobody_in_behind_any_more():
    register = LiveGrants()
    register.remember(grant("a"))
    register.revoke([revocation(1, account=2)])
    assert register.find("a", "edge1") is not None
    register.revoke([revocation(2, account=1)])
    assert register.find("a", "edge1") is None
    register.remember(replace(grant("b"), epoch=2))
    assert register.find("b", "edge1") is not None, "decided after it"


def test_a_revocation_that_was_forgotten_still_counts():
    register = LiveGrants()
    register.remember(grant("old"))
    register.remember(replace(grant("new"), epoch=MAX_REMEMBERED_REVOCATIONS + 5))
    register.revoke([revocation(1, account=1)])
    register.revoke([revocation(2 + one, account=9) for one in range(MAX_REMEMBERED_REVOCATIONS)])
    assert register.find("old", "edge1") is None
    assert register.find("new", "edge1") is not None
