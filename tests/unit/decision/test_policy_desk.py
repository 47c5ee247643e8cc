from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from handfast.decision.access_rules import AccessRule
from handfast.decision.outcome import Outcome
from handfast.decision.policy_desk import InstallationPolicy, PolicyDesk
from handfast.decision.publication import AuthMethod, CredentialPolicy
from handfast.decision.stages.credential import CredentialKind
from handfast.identity.administration.errors import AdministrationError
from handfast.identity.directory.entries import SyncPosition
from handfast.identity.policies import DevicePolicy, PartnershipMode
from handfast.identity.records import AccountState, CounterKind
from handfast.identity.roles import Role, RoleRule
from handfast.identity.subjects import build_subjects
from tests.fakes.domain import SID, FakeDomain, facts_at, mirror
from tests.fakes.identity_process import MAIL, IdentityProcess

OFFERS = CredentialPolicy(
    methods=frozenset(AuthMethod),
    human_secrets=True,
    ticket_listeners=frozenset({"inside"}),
    domain_password_listeners=frozenset({"inside"}),
)
STAFF = AccessRule(
    "staff",
    subjects=build_subjects((), ("CONTOSO\\Staff",), ""),
    credentials=frozenset({CredentialKind.APP_PASSWORD, CredentialKind.TICKET}),
    devices=DevicePolicy(mode=PartnershipMode.LISTED, device_limit=2),
)
MAILBOX = replace(MAIL, credentials=OFFERS, access=(STAFF,))
LOCAL = replace(MAIL, name="local", listeners=frozenset({"inside"}), networks=(ip_network("10.0.0.0/8"),))
REDIRECTING = frozenset({"port80"})


class Office:
    def __init__(self):
        self.identity = IdentityProcess(publication=MAILBOX)
        mailbox = replace(MAILBOX, redirect_listeners=REDIRECTING, redirect_rules=MAIL.rules)
        self.policy = InstallationPolicy(
            {"mail": mailbox, "local": LOCAL},
            ("inside", "outside", "port80"),
            (RoleRule(Role.AUDITOR, build_subjects(("anna",), (), "CONTOSO")),),
            "CONTOSO",
        )
        self.desk = PolicyDesk(self.identity.records, self.identity.clock, self.policy)

    async def check(self, account="anna", **more):
        told = await self.desk.check(account=account, **more)
        return json.loads(json.dumps(told))


@pytest.fixture
async def office():
    office = Office()
    now = office.identity.clock.now()
    office.anna = await mirror(office.identity.records, "anna", now, "Staff", "All")
    await office.identity.add_account("local", pin="blue-42")
    return office


def places(told):
    return [
        (one["publication"], one["listener"], one["outcome"], one["rule"]) for one in told["publications"]
    ]


async def test_standing_groups_role_and_the_rule_of_each_publication(office):
    records = office.identity.records
    await records.write(
        lambda r: r.positions.save(SyncPosition("i", 7), scope="", read_at=office.identity.clock.now())
    )
    office.identity.clock.advance(seconds=12)
    now = office.identity.clock.now()
    await records.write(
        lambda r: r.counters.increment(CounterKind.DOMAIN, str(office.anna.id), now=now, window_seconds=60)
    )
    told = await office.check()
    assert (told["account"], told["home"], told["sid"]) == ("anna@contoso.lab", "directory", f"{SID}1000")
    assert (told["standing"], told["stands_until"], told["mirror_age_seconds"]) == ("", None, 12.0)
    assert (told["role"], told["role_by"], told["roles_are_set"]) == ("auditor", "the account itself", True)
    assert told["domain_failures"] == 1
    assert [one["group"] for one in told["groups"]] == ["CONTOSO\\All", "CONTOSO\\Staff"]
    assert places(told) == [
        ("mail", "inside", "allow", "staff"),
        ("mail", "outside", "allow", "staff"),
        ("local", "inside", "allow", "open"),
    ]
    assert [one["fits_by"] for one in told["publications"]] == ["CONTOSO\\Staff", "CONTOSO\\Staff", ""]
    inside, outside, _ = told["publications"]
    assert inside["credentials"] == ["app-password", "kerberos"]
    assert outside["credentials"] == ["app-password"]
    assert (inside["policy"]["mode"], inside["policy"]["device_limit"]) == ("listed", 2)
    assert inside["policy"]["companion_window"] == timedelta(hours=24).total_seconds()
    assert not inside["asks_for_source"]


async def test_who_is_in_no_group_is_refused_as_the_sign_in_is(office):
    told = await office.check("local", publication="mail", listener="outside")
    assert places(told) == [("mail", "outside", "deny", "no rule fits")]
    assert told["publications"][0]["reason"] == "access-refused"
    assert (told["home"], told["groups"], told["role"], told["mirror_age_seconds"]) == ("local", [], "", None)
    decision = await office.identity.basic("blue-42", login="local")
    assert (decision.outcome, decision.stages[-1].rule) == (Outcome.DENY, "no rule fits")


async def test_the_source_counts_where_it_is_given(office):
    told = await office.check("local", publication="local")
    assert told["publications"][0]["asks_for_source"]
    refused = await office.check("local", publication="local", source="192.0.2.1")
    assert [one["reason"] for one in refused["publications"]] == ["source-refused"]
    allowed = await office.check("local", publication="local", source="10.1.2.3")
    assert places(allowed) == [("local", "inside", "allow", "open")]
    assert allowed["publications"][0]["credentials"] == ["app-password"]


async def test_a_person_who_has_nothing_that_is_taken_is_told_so(office):
    pins = replace(STAFF, subjects=build_subjects((), (), ""), credentials=frozenset({CredentialKind.PIN}))
    office.desk.replace(replace(office.policy, publications={"mail": replace(MAILBOX, access=(pins,))}))
    refused = (await office.check(listener="outside"))["publications"][0]
    assert (refused["reason"], refused["credentials"]) == ("credential-kind-refused", [])
    local = (await office.check("local", listener="outside"))["publications"][0]
    assert (local["outcome"], local["credentials"]) == ("allow", ["pin"])
    networked = replace(pins, networks=(ip_network("10.0.0.0/8"),))
    office.desk.replace(replace(office.policy, publications={"mail": replace(MAILBOX, access=(networked,))}))
    assert (await office.check("local", listener="outside"))["publications"][0]["asks_for_source"]


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"account": "nobody"}, "not-found"),
        ({"publication": "else"}, "usage"),
        ({"listener": "else"}, "usage"),
        ({"source": "else"}, "usage"),
    ],
)
async def test_what_is_not_there(office, asked, kind):
    with pytest.raises(AdministrationError) as refused:
        await office.check(**asked)
    assert refused.value.kind == kind


async def test_whose_account_may_not_sign_in_is_refused_everywhere_and_has_no_role(office):
    await office.identity.records.write(lambda r: r.accounts.set_state(office.anna.id, AccountState.DISABLED))
    told = await office.check(publication="mail", listener="outside")
    assert (told["standing"], told["role"], told["role_by"]) == ("account-disabled", "", "")
    (row,) = told["publications"]
    assert (row["outcome"], row["reason"], row["rule"], row["fits_by"]) == (
        "deny",
        "account-disabled",
        "state",
        "",
    )
    decision = await office.identity.basic("blue-42", login="CONTOSO\\anna")
    assert decision.outcome is not Outcome.ALLOW


async def test_an_account_that_is_not_mirrored_yet_is_told_from_one_that_there_is_not(office):
    office.desk.replace(replace(office.policy, has_directory=True))
    with pytest.raises(AdministrationError, match="has not been read yet") as refused:
        await office.check("nobody")
    assert "start the service" in refused.value.remedy
    domain = FakeDomain(office.identity.clock)
    office.desk = PolicyDesk(
        office.identity.records, office.identity.clock, replace(office.policy, has_directory=True), domain
    )
    with pytest.raises(AdministrationError, match="has not been read yet") as refused:
        await office.check("nobody")
    assert "handfast directory check" in refused.value.remedy
    now = office.identity.clock.now()
    await office.identity.records.write(
        lambda r: r.positions.save(SyncPosition("i", 7), scope="", read_at=now)
    )
    with pytest.raises(AdministrationError, match=r"no account is called 'nobody'$") as refused:
        await office.check("nobody")
    assert "handfast directory show" in refused.value.remedy


async def test_a_name_that_several_have_is_told_from_one_that_nobody_has(office):
    def add(repositories):
        for domain in ("EAST", "WEST"):
            repositories.accounts.add(
                user="alice", domain=domain, upn="", display_name="", now=office.identity.clock.now()
            )

    await office.identity.records.write(add)
    with pytest.raises(
        AdministrationError, match=r"more than one account .*EAST\\alice, WEST\\alice"
    ) as refused:
        await office.check("alice")
    assert "UPN or DOMAIN" in refused.value.remedy


@pytest.mark.parametrize("name", ["Bob@contoso.lab", "CONTOSO\\bob"])
async def test_a_name_that_another_account_holds_is_told_with_the_way_out(office, name):
    now = office.identity.clock.now()
    names = {"user": "bob", "domain": "CONTOSO", "upn": "bob@contoso.lab", "display_name": ""}
    await office.identity.records.write(
        lambda r: r.accounts.add(**names, now=now, sid=f"{SID}1007", directory=facts_at(now), is_named=False)
    )
    with pytest.raises(AdministrationError, match="has its name") as refused:
        await office.check(name)
    assert "handfast account adopt" in refused.value.remedy
    with pytest.raises(AdministrationError, match="no account is called"):
        await office.check("carol")
