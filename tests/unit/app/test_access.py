from __future__ import annotations

from ipaddress import ip_network

from handfast.app.access import build_named_subjects, build_roles
from handfast.app.domain import build_publications
from handfast.app.policy import build_policy
from handfast.decision.named_subjects import NamedSubject
from handfast.decision.stages.credential import CredentialKind
from handfast.identity.policies import PartnershipMode
from handfast.identity.roles import Role
from handfast.settings.model import Settings

SETTINGS = {
    "identity": {"default_domain": "CONTOSO"},
    "listener": [
        {"name": "outside", "address": "127.0.0.1:443"},
        {"name": "inside", "address": "127.0.0.1:444", "inside": True},
    ],
    "policy": [{"name": "default"}, {"name": "strict", "mode": "listed"}],
    "directory": {"lockout_margin": 3},
    "publication": [
        {
            "name": "mail",
            "hosts": ["mail.contoso.com"],
            "domain_password_listeners": ["inside"],
            "backend": {"urls": ["https://10.0.0.1"]},
        },
        {"name": "sogo", "hosts": ["sogo.contoso.com"], "backend": {"urls": ["https://10.0.0.2"]}},
    ],
    "access": [
        {
            "name": "staff",
            "publications": ["mail"],
            "groups": ["CONTOSO\\Staff"],
            "accounts": ["anna"],
            "listeners": ["inside"],
            "networks": ["10.0.0.0/8"],
            "credentials": ["domain-password", "kerberos"],
            "policy": "strict",
        },
        {"name": "guests", "allow": False, "publications": ["mail"]},
    ],
    "role": [{"name": "helpdesk", "groups": ["S-1-5-21-1"]}],
}


def test_rules_go_to_the_publications_they_name():
    published = build_publications(Settings.model_validate(SETTINGS))
    staff, guests = published["mail"].access
    assert published["sogo"].access == ()
    assert (staff.name, staff.allow, guests.allow, guests.devices) == ("staff", True, False, None)
    assert staff.subjects.accounts == {"CONTOSO\\ANNA"}
    assert staff.subjects.groups == {"CONTOSO\\STAFF"}
    assert (staff.listeners, staff.networks) == ({"inside"}, (ip_network("10.0.0.0/8"),))
    assert staff.credentials == {CredentialKind.DOMAIN_PASSWORD, CredentialKind.TICKET}
    assert staff.devices is not None
    assert staff.devices.mode is PartnershipMode.LISTED
    assert staff.devices.inside_listeners == {"inside"}


def test_domain_passwords_are_taken_where_the_settings_say_and_nowhere_else():
    published = build_publications(Settings.model_validate(SETTINGS))
    assert published["mail"].credentials.domain_password_listeners == {"inside"}
    assert published["mail"].credentials.lockout_margin == 3
    assert published["sogo"].credentials.domain_password_listeners == frozenset()


def test_roles():
    (rule,) = build_roles(Settings.model_validate(SETTINGS))
    assert (rule.role, rule.subjects.groups) == (Role.HELPDESK, {"S-1-5-21-1"})
    policy = build_policy(Settings.model_validate(SETTINGS))
    assert policy.role_policy.rules == (rule,)
    assert (policy.listeners, policy.default_domain) == (("outside", "inside"), "CONTOSO")


def named(*access, roles=()):
    rules = [{"name": f"r{number}", "publications": ["mail"], **one} for number, one in enumerate(access)]
    settings = Settings.model_validate({**SETTINGS, "access": rules, "role": list(roles)})
    return build_named_subjects(settings)


A, EVERYBODY = {"groups": ["D\\A"]}, {}


def test_every_group_and_account_is_told_with_the_rules_that_name_it():
    roles = [{"name": "auditor", "groups": ["d\\a", "S-1-5-21-1"], "accounts": ["anna"]}]
    both = {"groups": ["D\\A", "D\\B"], "accounts": ["contoso\\Anna"]}
    assert named(both, A, roles=roles) == (
        NamedSubject("D\\A", "D\\A", ("[[access]] r0", "[[access]] r1", "[[role]] auditor")),
        NamedSubject("D\\B", "D\\B", ("[[access]] r0",)),
        NamedSubject("contoso\\Anna", "CONTOSO\\ANNA", ("[[access]] r0", "[[role]] auditor"), is_group=False),
        NamedSubject("S-1-5-21-1", "S-1-5-21-1", ("[[role]] auditor",)),
    )
    assert named(EVERYBODY) == ()


def test_a_rule_holds_people_back_where_a_later_one_lets_them_further():
    for narrower in ({"allow": False}, {"policy": "strict"}, {"credentials": ["kerberos"]}):
        assert named({**A, **narrower}, EVERYBODY)[0].holds_back == ("[[access]] r0",), narrower
        for later in ({"allow": False}, {"publications": ["sogo"]}):
            assert named({**A, **narrower}, {**EVERYBODY, **later})[0].holds_back == ()
        assert named(EVERYBODY, {**A, **narrower})[0].holds_back == ()
    assert named(A, EVERYBODY)[0].holds_back == (), "whom it lets in is let in by the next one as well"


def test_a_name_that_rules_only_refuse_lets_nobody_in():
    refusal = {**A, "allow": False}
    assert named(EVERYBODY, refusal)[0].lets_in is False
    assert named(A, refusal)[0].lets_in is True
    assert named(refusal, roles=[{"name": "auditor", "groups": ["D\\A"]}])[0].lets_in is True
