from __future__ import annotations

import pytest

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.role_desk import RoleDesk, RolePolicy
from handfast.identity.records import AccountState
from handfast.identity.roles import Role, RoleRule
from handfast.identity.subjects import build_subjects
from tests.fakes.domain import mirror
from tests.fakes.identity_process import IdentityProcess

HELP = RoleRule(Role.HELPDESK, build_subjects((), ("CONTOSO\\Help Desk",), ""))
POLICY = RolePolicy((HELP,), "CONTOSO")


class Office:
    def __init__(self):
        self.identity = IdentityProcess()
        self.desk = RoleDesk(self.identity.records, self.identity.clock, POLICY)

    async def may(self, call, user="anna"):
        try:
            await self.desk.check(user=user, actor=f"uid:1000({user})", call=call)
        except AdministrationError as refusal:
            self.refusal = refusal
            return False
        return True


@pytest.fixture
async def office():
    office = Office()
    office.anna = await mirror(office.identity.records, "anna", office.identity.clock.now(), "Help Desk")
    return office


async def test_a_unix_user_has_the_role_of_the_account_of_that_name(office):
    assert await office.may("device_block")
    assert await office.may("audit_show")
    assert not await office.may("account_add")
    assert office.identity.audit_events == ["identity:administration:refused"]
    entry = office.identity.records.tables.audit[0]
    assert (entry.actor, entry.subject) == ("uid:1000(anna)", "account_add")
    assert dict(entry.details) == {"role": "helpdesk", "needed": "administrator"}
    assert office.refusal.kind == "refused"
    assert "CONTOSO\\anna has the role helpdesk" in office.refusal.message
    assert "[[role]]" in office.refusal.remedy


@pytest.mark.parametrize("user", ["bob", "", "FABRIKAM\\anna"])
async def test_who_has_no_account_has_no_role(office, user):
    assert not await office.may("status", user)
    assert "has no role: no account is called so" in office.refusal.message


async def test_without_a_default_domain_a_bare_name_is_told_why_it_is_nobody(office):
    office.desk.replace(RolePolicy((HELP,), ""))
    assert not await office.may("status")
    assert "identity.default_domain, where it would be looked for, is empty" in office.refusal.message
    assert not await office.may("status", "FABRIKAM\\anna")
    assert "default_domain" not in office.refusal.message


@pytest.mark.parametrize("user", ["CONTOSO\\anna", "CONTOSO+anna", "anna@contoso.lab"])
async def test_a_user_whose_name_has_the_domain_is_the_same_one(office, user):
    assert await office.may("device_block", user)
    assert not await office.may("account_add", user)
    assert "anna has the role helpdesk" in office.refusal.message


async def test_whose_account_may_not_sign_in_may_not_administer(office):
    await office.identity.records.write(lambda r: r.accounts.set_state(office.anna.id, AccountState.DISABLED))
    assert not await office.may("status")
    assert "CONTOSO\\anna has no role: account-disabled" in office.refusal.message


async def test_out_of_the_group_out_of_the_role(office):
    await office.identity.records.write(lambda r: r.accounts.set_groups(office.anna.id, frozenset()))
    assert not await office.may("status")


async def test_without_roles_whoever_is_let_in_may_everything_as_before(office):
    office.desk.replace(RolePolicy())
    assert await office.may("account_remove", "anybody")
    office.desk.replace(RolePolicy((HELP,)))
    assert not await office.may("status"), "the users of another domain are others"
    assert office.refusal.message.startswith("anna has no role")
