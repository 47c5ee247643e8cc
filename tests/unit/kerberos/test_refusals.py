import pytest

from handfast.identity.directory.ports import DelegationFailure, DelegationRefused
from handfast.identity.records import AccountId
from handfast.kerberos.failures import Verdict
from handfast.kerberos.refusals import REFUSED_SECONDS, KdcRefused, RefusalMemory
from handfast.kerberos.tickets import TicketKey


def key(account: int = 1, service: str = "HTTP/fe@R") -> TicketKey:
    return TicketKey(AccountId(account), "S-1", "alice@R", service)


def refused(verdict: Verdict = Verdict.REFUSED, *, is_final: bool = True) -> KdcRefused:
    return KdcRefused(verdict, "in the KDC's words", is_final=is_final)


def is_remembered(memory: RefusalMemory, which: TicketKey, now: float = 0) -> bool:
    try:
        memory.check(which, now)
    except DelegationRefused:
        return True
    return False


@pytest.mark.parametrize(
    "verdict", [Verdict.REFUSED, Verdict.SERVICE_UNKNOWN, Verdict.UNIDENTIFIED, Verdict.OTHER_ACCOUNT]
)
def test_the_same_question_gets_the_same_answer_for_a_while(verdict):
    memory = RefusalMemory()
    memory.note(key(), refused(verdict), 0)
    with pytest.raises(DelegationRefused, match="in the KDC's words") as again:
        memory.check(key(), REFUSED_SECONDS - 0.1)
    assert again.value.failure is verdict.failure
    assert not is_remembered(memory, key(2))
    assert not is_remembered(memory, key(service="HTTP/ex@R"))
    assert not is_remembered(memory, key(), REFUSED_SECONDS)
    assert len(memory) == 0


@pytest.mark.parametrize(
    "passing",
    [
        refused(Verdict.SILENCE),
        refused(Verdict.UNABLE),
        refused(Verdict.CLOCK_SKEW),
        refused(Verdict.KEYTAB),
        refused(is_final=False),
        DelegationRefused(DelegationFailure.REFUSED),
    ],
)
def test_what_may_be_better_at_once_is_not_remembered(passing):
    memory = RefusalMemory()
    memory.note(key(), passing, 0)
    assert not is_remembered(memory, key())


def test_the_oldest_makes_room():
    memory = RefusalMemory(max_refusals=2)
    for account in (1, 2, 1, 3):
        memory.note(key(account), refused(), 0)
    assert [is_remembered(memory, key(account)) for account in (1, 2, 3)] == [True, False, True]
    assert len(memory) == 2


def test_forgotten():
    memory = RefusalMemory()
    for one in (key(1), key(1, "HTTP/ex@R"), key(2)):
        memory.note(one, refused(), 0)
    memory.drop_account(AccountId(1))
    memory.drop_account(AccountId(7))
    assert (is_remembered(memory, key(1)), is_remembered(memory, key(2)), len(memory)) == (False, True, 1)
    memory.clear()
    assert not is_remembered(memory, key(2))
