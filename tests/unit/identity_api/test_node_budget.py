import pytest

from handfast.decision.access import AccessRequest, BasicCredential, NoCredential
from handfast.identity.channels import Channel
from handfast.identity_api.node_budget import BURST, PER_SECOND, NodeBudget, may_be_guessed


def request(credential) -> AccessRequest:
    return AccessRequest(
        "r", "edge1", "outside", "192.0.2.1", "mail", "activesync", Channel.ACTIVESYNC, credential
    )


def test_the_budget_is_spent_once_and_refills():
    budget = NodeBudget(0.0)
    assert [budget.spend(0.0) for _ in range(BURST + 2)].count(False) == 1
    assert budget.is_spent(0.0)
    assert not budget.is_spent(1 / PER_SECOND)
    assert not budget.is_spent(1e9)
    assert [budget.spend(1e9) for _ in range(BURST)].count(False) == 1


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("abcde-fghij-kmnpq-rstuv-wxyza", False),
        ("ABCDEFGHIJKMNPQRSTUVWXYZA", False),
        ("abcde fghij kmnpq rstuv wxyza", False),
        ("1234", True),
        ("", True),
        ("abcdefghijkmnpqrstuvwxyz1", True),
        ("ä" * 25, True),
    ],
)
def test_only_what_can_not_be_generated_may_be_guessed(secret: str, expected: bool):
    assert may_be_guessed(request(BasicCredential("alice", secret))) is expected
    assert not may_be_guessed(request(NoCredential()))
