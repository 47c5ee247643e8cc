from __future__ import annotations

import inspect

import pytest

from handfast.identity.administration.calls import Administration
from handfast.identity.roles import (
    ADMINISTERING,
    HELPING,
    LEAST_ROLES,
    READING,
    Role,
    RoleRule,
    find_role,
    least_role,
)
from handfast.identity.subjects import Subjects, build_subjects
from tests.fakes.domain import group
from tests.fakes.one_phone import ALICE

HELP = RoleRule(Role.HELPDESK, build_subjects((), ("CONTOSO\\Help Desk",), ""))
AUDIT = RoleRule(Role.AUDITOR, build_subjects(("CONTOSO\\alice",), (), ""))


def test_every_call_has_a_least_role_and_no_other_has_one():
    calls = {
        name
        for name, call in inspect.getmembers(Administration, inspect.iscoroutinefunction)
        if not name.startswith("_") and "actor" in inspect.signature(call).parameters
    }
    assert set(LEAST_ROLES) == calls
    assert len(LEAST_ROLES) == len(READING) + len(HELPING) + len(ADMINISTERING)


@pytest.mark.parametrize(
    ("call", "role"),
    [("device_block", Role.HELPDESK), ("explain", Role.AUDITOR), ("account_add", Role.ADMINISTRATOR)],
)
def test_the_least_role(call, role):
    assert least_role(call) is role
    assert least_role("something_new") is Role.ADMINISTRATOR


def test_roles_grow():
    order = [Role.AUDITOR, Role.HELPDESK, Role.ADMINISTRATOR]
    for place, role in enumerate(order):
        assert [role.covers(other) for other in order] == [index <= place for index in range(3)]


def test_the_greatest_role_of_an_account():
    helping = frozenset({group("Help Desk")})
    assert find_role((AUDIT, HELP), ALICE, helping) is Role.HELPDESK
    assert find_role((AUDIT, HELP), ALICE, frozenset()) is Role.AUDITOR
    assert find_role((HELP,), ALICE, frozenset()) is None


def test_a_rule_that_names_nobody_gives_nothing():
    assert find_role((RoleRule(Role.ADMINISTRATOR, Subjects()),), ALICE, frozenset()) is None
