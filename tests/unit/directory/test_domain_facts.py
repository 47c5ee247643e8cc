from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory import domain_facts
from handfast.directory.entries import build_entry
from handfast.protocols.errors import MalformedMessage

ROOT = {
    "defaultNamingContext": [b"DC=contoso,DC=lab"],
    "configurationNamingContext": [b"CN=Configuration,DC=contoso,DC=lab"],
    "dsServiceName": [b"CN=NTDS Settings,CN=DC1"],
    "highestCommittedUSN": [b"3974"],
    "dnsHostName": [b"dc1.contoso.lab"],
    "currentTime": [b"20261121034103.0Z"],
}


def test_the_root():
    root = domain_facts.parse_root(build_entry("", ROOT))
    assert root.naming_context == "DC=contoso,DC=lab"
    assert (root.highest_usn, root.host) == (3974, "dc1.contoso.lab")
    assert root.now == datetime(2026, 11, 21, 3, 41, 3, tzinfo=UTC)
    assert domain_facts.parse_root(build_entry("", {**ROOT, "dnsHostName": []})).host == ""


@pytest.mark.parametrize("missing", [name for name in ROOT if name != "dnsHostName"])
def test_a_root_without_what_we_need_is_refused(missing):
    with pytest.raises(MalformedMessage, match=missing):
        domain_facts.parse_root(build_entry("", {**ROOT, missing: []}))


def test_the_policy():
    given = {
        "lockoutThreshold": [b"5"],
        "lockoutDuration": [b"-18000000000"],
        "lockOutObservationWindow": [b"-600000000"],
    }
    policy = domain_facts.parse_policy(build_entry("", {**given, "maxPwdAge": [b"-36288000000000"]}))
    assert policy.max_password_age == timedelta(days=42)
    assert policy.lockout == domain_facts.DomainLockout(5, timedelta(minutes=1), timedelta(minutes=30))


def test_what_the_policy_does_not_say_it_does_not_demand():
    policy = domain_facts.parse_policy(build_entry("", {}))
    assert policy == domain_facts.Policy(0, timedelta(0), None, None)


def test_names_and_ids():
    names = build_entry("", {"dnsRoot": [b"contoso.lab"], "nETBIOSName": [b"CONTOSO"]})
    assert domain_facts.parse_names(names) == ("CONTOSO", "contoso.lab")
    guid = build_entry("", {"invocationId": [bytes(range(16))]})
    assert domain_facts.parse_invocation_id(guid) == "03020100-0504-0706-0809-0a0b0c0d0e0f"
    sid = build_entry("", {"objectSid": [bytes.fromhex("0104000000000005150000000100000002000000ff000000")]})
    assert domain_facts.parse_domain_sid(sid) == "S-1-5-21-1-2-255"


@pytest.mark.parametrize("name", [b"", b"-x", b"a b", b"x" * 300, "ü.example".encode()])
def test_a_realm_is_made_of_a_dns_name_only(name):
    with pytest.raises(MalformedMessage, match="dnsRoot"):
        domain_facts.parse_names(build_entry("", {"dnsRoot": [name], "nETBIOSName": [b"X"]}))


def test_the_realm_is_upper_case():
    root = domain_facts.parse_root(build_entry("", ROOT))
    policy = domain_facts.parse_policy(build_entry("", {}))
    facts = domain_facts.DomainFacts(root, "", "S-1-5-21-1-2-3", "CONTOSO", "contoso.lab", policy)
    assert facts.realm == "CONTOSO.LAB"
