from __future__ import annotations

import pytest

from handfast.decision.named_subjects import (
    NamedSubject,
    SubjectFinding,
    SubjectState,
    describe_finding,
    find_subjects,
)
from handfast.identity.ports import Unavailable
from handfast.identity.records import DirectoryGroup
from handfast.identity.subjects import rule_key
from tests.fakes.clock import START
from tests.fakes.directory import FakeDirectory
from tests.fakes.domain import SID, group, mirror
from tests.fakes.records import InMemoryRecords

STAFF, BANNED = group("Staff"), group("Banned")
S = SubjectState


@pytest.fixture
async def records():
    records = InMemoryRecords()
    await mirror(records, "anna", START, "Staff")
    return records


async def state(records, name: str, directory: FakeDirectory | None) -> SubjectState:
    (found,) = await find_subjects(records, directory, [NamedSubject(name, rule_key(name), ("r",))])
    return found.state


@pytest.mark.parametrize("name", ["contoso\\staff", STAFF.sid])
async def test_a_group_that_somebody_is_in_is_asked_of_nobody(records, name):
    assert await state(records, name, FakeDirectory(is_down=True)) is S.PRESENT


@pytest.mark.parametrize("name", ["CONTOSO\\Banned", "contoso\\BANNED", BANNED.sid])
async def test_a_group_that_nobody_is_in_is_empty_where_the_directory_has_it(records, name):
    assert await state(records, name, FakeDirectory(groups={BANNED})) is S.EMPTY
    assert await state(records, name, FakeDirectory()) is S.MISSING
    assert await state(records, name, FakeDirectory(is_down=True)) is S.UNSEEN
    assert await state(records, name, None) is S.UNSEEN


async def test_an_account_that_no_rule_would_know_by_that_spelling_is_missing(records):
    await mirror(records, "ștefan", START, number=1002)
    for name, expected in (("ștefan", S.PRESENT), ("Ștefan", S.MISSING)):
        named = NamedSubject(name, rule_key(f"CONTOSO\\{name}"), ("r",), is_group=False)
        (finding,) = await find_subjects(records, None, [named])
        assert finding.state is expected


async def test_a_directory_that_does_not_answer_is_waited_for_once(records):
    class Frozen(FakeDirectory):
        asked = 0

        async def find_group(self, name: str) -> DirectoryGroup | None:
            self.asked += 1
            raise Unavailable("no answer within 5 s")

    frozen = Frozen()
    named = [
        NamedSubject(name, rule_key(name), ("r",)) for name in ("D\\A", "CONTOSO\\Staff", "D\\B", "D\\C")
    ]
    found = await find_subjects(records, frozen, named)
    assert [one.state for one in found] == [S.UNSEEN, S.PRESENT, S.UNSEEN, S.UNSEEN]
    assert frozen.asked == 1


async def test_what_the_directory_has_by_a_name_that_no_rule_would_know_is_missing(records):
    class Lenient(FakeDirectory):
        async def find_group(self, name: str) -> DirectoryGroup | None:
            return DirectoryGroup("S-1-5-32-545", "BUILTIN", "Users")

    assert await state(records, "CONTOSO\\Users", Lenient()) is S.MISSING
    assert await state(records, "BUILTIN\\Users", Lenient()) is S.EMPTY


async def test_without_named_subjects_nobody_is_asked():
    assert await find_subjects(InMemoryRecords(), None, []) == []


@pytest.mark.parametrize(
    ("state", "holds_back", "is_amiss", "is_dangerous", "words"),
    [
        (S.PRESENT, (), False, False, None),
        (S.PRESENT, ("[[access]] no",), False, False, None),
        (S.EMPTY, ("[[access]] no",), False, False, None),
        (S.EMPTY, (), True, False, "put somebody into it"),
        (S.MISSING, (), True, False, "it lets nobody in"),
        (S.UNSEEN, (), True, False, "could not be asked"),
        (S.MISSING, ("[[access]] no",), True, True, "[[access]] no holds nobody back by it"),
        (S.UNSEEN, ("[[access]] no",), True, True, "[[access]] no holds nobody back by it"),
    ],
)
def test_an_empty_group_is_refused_in_peace_and_a_missing_one_is_not(
    state, holds_back, is_amiss, is_dangerous, words
):
    rules = ("[[access]] no", "[[role]] auditor")
    finding = SubjectFinding(NamedSubject("D\\G", "D\\G", rules, holds_back), state)
    assert (finding.is_amiss, finding.is_dangerous) == (is_amiss, is_dangerous)
    assert finding.is_error == (is_dangerous and state is S.MISSING)
    if words is not None:
        what, remedy = describe_finding(finding)
        assert what.startswith("D\\G, named by [[access]] no, [[role]] auditor: ")
        assert words in f"{what}; {remedy}"


@pytest.mark.parametrize(
    ("key", "is_there"),
    [
        ("CONTOSO\\ANNA", True),
        ("ANNA@CONTOSO.LAB", True),
        (f"{SID}1000", True),
        ("CONTOSO\\ANAN", False),
        ("FABRIKAM\\ANNA", False),
        ("ANAN@CONTOSO.LAB", False),
        (f"{SID}1001", False),
    ],
)
async def test_an_account_is_there_or_not_and_nobody_is_asked(records, key, is_there):
    directory = FakeDirectory(is_down=True)
    anna = NamedSubject("as written", key, ("[[access]] no",), ("[[access]] no",), is_group=False)
    (found,) = await find_subjects(records, directory, [anna])
    assert found.state is (S.PRESENT if is_there else S.MISSING)
    assert found.is_error != is_there
    if not is_there:
        what, remedy = describe_finding(found)
        assert what.startswith(
            "as written, named by [[access]] no: no account here is called so; [[access]] no holds"
        )
        assert "handfast account list" in remedy


def test_a_refusal_that_an_earlier_rule_makes_idle_lets_nobody_in_either():
    subject = NamedSubject("D\\G", "D\\G", ("[[access]] late",), lets_in=False)
    what, _ = describe_finding(SubjectFinding(subject, S.MISSING))
    assert what.endswith("; it holds nobody back")
