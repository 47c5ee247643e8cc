from __future__ import annotations

import pytest

from handfast.settings.check import draft_of, find_problems, find_warnings
from handfast.settings.load import parse_settings
from handfast.settings.model import Settings
from handfast.settings.problems import SettingsError

BASE = {
    "identity": {"default_domain": "CONTOSO"},
    "listener": [
        {"name": "outside", "address": "127.0.0.1:443"},
        {"name": "inside", "address": "127.0.0.1:444", "inside": True, "max_head_bytes": 98304},
    ],
    "directory": {"server": [{"name": "dc1.contoso.lab"}]},
    "policy": [{"name": "default"}, {"name": "strict"}],
}
MAIL = {"name": "mail", "hosts": ["mail.contoso.com"], "backend": {"urls": ["https://10.0.0.1"]}}
SOGO = {"name": "sogo", "hosts": ["sogo.contoso.com"], "backend": {"urls": ["https://10.0.0.2"]}}


def rule(name="staff", **more):
    return {"name": name, "publications": ["mail"], **more}


def draft(*access, mail=(), roles=(), **more):
    publications = [{**MAIL, **dict(mail)}, SOGO]
    data = {**BASE, "publication": publications, "access": list(access), "role": list(roles), **more}
    return draft_of(Settings.model_validate(data))


def told(found):
    found = list(found)
    assert all(one.problem and one.remedy for one in found)
    return [one.path for one in found]


def problems(*access, **more):
    return told(find_problems(draft(*access, **more)))


def warnings(*access, **more):
    return told(find_warnings(draft(*access, **more)))


def test_good_rules():
    rules = [
        rule(groups=["CONTOSO\\Staff", "S-1-5-21-1"], accounts=["anna", "b@contoso.lab"], policy="strict"),
        rule("rest", listeners=["inside"], networks=["10.0.0.0/8"], publications=["mail", "sogo"]),
    ]
    assert problems(*rules) == []
    assert warnings(*rules) == []


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"publications": ["mail", "else"]}, "access[0].publications[1]"),
        ({"listeners": ["else"]}, "access[0].listeners[0]"),
        ({"policy": "else"}, "access[0].policy"),
        ({"groups": ["Staff"]}, "access[0].groups[0]"),
        ({"allow": False, "credentials": ["domain-password"]}, "access[0].credentials"),
    ],
)
def test_what_a_rule_names_must_be_there(more, path):
    assert problems(rule(**more)) == [path]


def test_roles_want_the_domain_of_unix_users():
    helpdesk = {"name": "helpdesk", "groups": ["CONTOSO\\Help Desk"]}
    identity = {"admin_group": "desk"}
    assert warnings(roles=[helpdesk], identity=identity) == ["identity.default_domain"]
    assert warnings(roles=[helpdesk], identity={**identity, "default_domain": "CONTOSO"}) == []
    assert warnings(identity=identity) == []


def test_names_are_unique():
    assert "access[1].name" in problems(rule(accounts=["anna"]), rule())


def test_groups_need_a_directory_and_bare_names_a_domain():
    assert problems(rule(groups=["CONTOSO\\Staff"]), directory={}) == ["access[0].groups[0]"]
    assert problems(rule(accounts=["anna", "CONTOSO\\b", "S-1-5-21-1"]), identity={}) == [
        "access[0].accounts[0]"
    ]


def test_roles_name_somebody():
    assert problems(roles=[{"name": "auditor"}]) == ["role[0]"]
    assert problems(roles=[{"name": "auditor", "groups": ["Auditors"]}]) == ["role[0].groups[0]"]
    assert problems(roles=[{"name": "auditor", "accounts": ["anna"]}]) == []


@pytest.mark.parametrize(
    ("mail", "more", "path"),
    [
        ({}, {"directory": {}}, ""),
        ({"auth": ["ntlm"]}, {}, ""),
        ({"listeners": ["outside"]}, {}, "[0]"),
        ({"domain_password_listeners": ["inside", "else"]}, {}, "[1]"),
    ],
)
def test_domain_passwords_need_basic_a_directory_and_a_listener(mail, more, path):
    mail = {"domain_password_listeners": ["inside"], "activesync_auth": ["ntlm"], **mail}
    assert problems(mail=mail, **more) == [f"publication[0].domain_password_listeners{path}"]


def test_roles_without_a_group_that_reaches_the_socket_are_nobodys():
    roles = [{"name": "auditor", "accounts": ["anna"]}]
    assert warnings(roles=roles) == ["identity.admin_group"]
    assert warnings(roles=roles, identity={"default_domain": "CONTOSO", "admin_group": "admins"}) == []
    assert warnings(identity={"default_domain": "CONTOSO"}) == []


def test_domain_passwords_taken_outside_are_warned_about():
    assert warnings(mail={"domain_password_listeners": ["inside"]}) == []
    assert warnings(mail={"domain_password_listeners": ["inside", "outside"]}) == [
        "publication[0].domain_password_listeners[1]"
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "is_shut"),
    [
        ({}, {"accounts": ["anna"]}, True),
        ({}, {"listeners": ["inside"], "networks": ["10.0.0.0/8"]}, True),
        ({"listeners": ["inside"]}, {}, False),
        ({"listeners": ["inside", "outside"]}, {"listeners": ["inside"]}, True),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["10.0.0.0/8"]}, True),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["192.0.2.0/24"]}, False),
        ({"accounts": ["anna"]}, {}, False),
        ({"accounts": ["anna"]}, {"accounts": ["anna"]}, True),
        ({"accounts": ["anna"]}, {"accounts": ["anna", "bert"]}, False),
        ({"groups": ["A\\b"], "accounts": ["anna"]}, {"groups": ["A\\b"]}, True),
        ({}, {"publications": ["mail", "sogo"]}, False),
        ({"publications": ["sogo"]}, {"publications": ["mail"]}, False),
    ],
)
def test_a_rule_that_can_never_decide(earlier, later, is_shut):
    found = warnings(rule("first", **earlier), rule("second", **later))
    assert found == (["access[1]"] if is_shut else [])


def test_a_rule_for_listeners_that_its_publications_are_not_on():
    assert warnings(rule(listeners=["inside"]), mail={"listeners": ["outside"]}) == ["access[0].listeners"]
    assert warnings(rule(listeners=["outside"]), mail={"listeners": ["outside"]}) == []


@pytest.mark.parametrize(
    ("kind", "mail"),
    [
        ("app-password", {"auth": ["kerberos", "ntlm"]}),
        ("pin", {"human_secrets": True}),
        ("domain-password", {"domain_password_listeners": ["inside"]}),
        ("kerberos", {"auth": ["basic", "kerberos"]}),
    ],
)
def test_a_rule_for_credentials_that_its_publications_do_not_take(kind, mail):
    assert warnings(rule(credentials=[kind]), mail=mail) == []
    bare = {"auth": ["kerberos"]} if kind == "app-password" else {}
    assert warnings(rule(credentials=[kind]), mail=bare) == ["access[0].credentials[0]"]


def test_a_rule_for_domain_passwords_on_another_listener():
    mail = {"domain_password_listeners": ["inside"]}
    assert warnings(rule(credentials=["domain-password"], listeners=["inside"]), mail=mail) == []
    assert warnings(rule(credentials=["domain-password"], listeners=["outside"]), mail=mail) == [
        "access[0].credentials[0]"
    ]


def test_a_typing_error_elsewhere_hides_nothing():
    text = """
        [identity]
        evaluation_days = "many"
        [directory]
        [[publication]]
        name = "mail"
        hosts = ["mail.contoso.com"]
        backend = { urls = ["https://10.0.0.1"] }
        [[access]]
        name = "staff"
        publications = ["else"]
        groups = ["CONTOSO\\\\Staff"]
    """
    with pytest.raises(SettingsError) as refused:
        parse_settings(text)
    assert {one.path for one in refused.value.problems} == {
        "identity.evaluation_days",
        "access[0].publications[0]",
        "access[0].groups[0]",
    }
