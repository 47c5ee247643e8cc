from __future__ import annotations

from ipaddress import ip_network

from handfast.app.access import build_roles
from handfast.app.domain import build_publications
from handfast.app.policy import build_policy
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
