from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.decision.access import BasicCredential
from handfast.decision.access_rules import AccessRule
from handfast.decision.outcome import Deny, Outcome, Pass, PhoneWords
from handfast.decision.reasons import Reason
from handfast.decision.stages.access import NO_RULE, choose_rule, decide_access, devices_of
from handfast.decision.stages.credential import CredentialKind
from handfast.identity.policies import DevicePolicy, PartnershipMode, PhoneRefusals
from handfast.identity.subjects import build_subjects
from tests.fakes.domain import mirror
from tests.fakes.identity_process import MAIL, IdentityProcess

STRICT = DevicePolicy(mode=PartnershipMode.LISTED, phone_refusals=PhoneRefusals.HTTP)
STAFF = AccessRule("staff", subjects=build_subjects((), ("CONTOSO\\Staff",), ""), devices=STRICT)
SHUT = AccessRule("shut", allow=False, subjects=build_subjects((), ("CONTOSO\\Guests",), ""))
KIND = CredentialKind.APP_PASSWORD


def ruled(*rules):
    return replace(MAIL, access=rules)


def test_no_rule_leaves_the_publication_open():
    assert decide_access(MAIL, None, KIND) == Pass("open", "no access rule names the publication")
    assert devices_of(MAIL, None) == MAIL.devices


def test_with_rules_whom_none_fits_is_refused():
    assert decide_access(ruled(STAFF), None, KIND) == Deny(Reason.ACCESS_REFUSED, NO_RULE)
    assert decide_access(ruled(STAFF), STAFF, KIND) == Pass("staff")
    assert decide_access(ruled(SHUT), SHUT, KIND) == Deny(Reason.ACCESS_REFUSED, "shut", "the rule refuses")
    tickets = replace(STAFF, credentials=frozenset({CredentialKind.TICKET}))
    assert decide_access(ruled(tickets), tickets, KIND) == Deny(
        Reason.CREDENTIAL_KIND_REFUSED, "staff", "app-password"
    )


def test_the_rules_policy_takes_the_place_of_the_publications():
    assert devices_of(MAIL, STAFF) is STRICT
    assert devices_of(MAIL, SHUT) is MAIL.devices


@pytest.fixture
async def site():
    identity = IdentityProcess()
    identity.account = await mirror(identity.records, "alice", identity.clock.now(), "Staff")
    identity.secret, _ = await identity.issue(identity.account)
    return identity


async def test_groups_are_read_only_where_a_rule_asks_for_them(site):
    request = site.request(BasicCredential("alice", "x"))

    class NoGroups:
        class accounts:  # noqa: N801 - stands for an attribute
            """Nobody may be asked."""

    def choose(repositories, publication):
        return choose_rule(repositories, publication, request, site.account)

    assert choose(NoGroups, MAIL) is None
    everybody = AccessRule("everybody")
    assert choose(NoGroups, ruled(everybody)) is everybody
    assert await site.records.read(lambda r: choose(r, ruled(SHUT, STAFF))) is STAFF


async def test_the_rules_policy_judges_the_device_and_its_words_go_to_the_phone(site):
    site.publish(ruled(STAFF))
    refused = await site.basic(site.secret)
    assert refused.reason is Reason.DEVICE_UNKNOWN
    assert refused.phone_words == PhoneWords(PhoneRefusals.HTTP, "")
    assert ("access", "pass", "staff") in [(one.stage, one.outcome, one.rule) for one in refused.stages]
    site.publish(ruled(replace(STAFF, devices=None)))
    allowed = await site.basic(site.secret)
    assert (allowed.outcome, allowed.phone_words) == (Outcome.ALLOW, None)


async def test_out_of_the_group_out_of_the_publication(site):
    site.publish(ruled(replace(STAFF, devices=None)))
    assert (await site.basic(site.secret)).outcome is Outcome.ALLOW
    await site.records.write(lambda r: r.accounts.set_groups(site.account.id, frozenset()))
    refused = await site.basic(site.secret)
    assert (refused.reason, refused.stages[-1].rule) == (Reason.ACCESS_REFUSED, NO_RULE)
    assert site.audit_events[-1] == "decision:access:refused"


async def test_listener_and_network_are_the_requests_own(site):
    inside = replace(STAFF, devices=None, listeners=frozenset({"inside"}))
    site.publish(ruled(inside))
    assert (await site.basic(site.secret)).reason is Reason.ACCESS_REFUSED
    assert (await site.basic(site.secret, listener="inside")).outcome is Outcome.ALLOW


async def test_where_the_rules_policy_watches_no_networks_nothing_is_cut(site):
    site.publish(ruled(replace(STAFF, devices=DevicePolicy())))
    await site.basic(site.secret, source="192.0.2.10")
    await site.basic(site.secret, source="198.51.100.20")
    assert len(site.records.tables.revocations) == 1, "what was granted elsewhere is asked anew"
    blind = DevicePolicy(two_networks_window=STRICT.two_networks_window * 0)
    site.publish(ruled(replace(STAFF, devices=blind)))
    await site.basic(site.secret, source="203.0.113.30")
    assert len(site.records.tables.revocations) == 1
