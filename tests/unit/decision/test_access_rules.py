from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.decision.access_rules import AccessRule, Applicant, find_rule, is_within, name_groups
from handfast.decision.stages.credential import CredentialKind
from handfast.identity.subjects import Subjects, build_subjects
from tests.fakes.domain import group
from tests.fakes.one_phone import ALICE

USERS = ("alice", "bob", "carol")
GROUPS = ("Mail", "Staff", "Guests")
LISTENERS = ("inside", "outside")
NETWORKS = ("192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32")
SOURCES = ("192.0.2.7", "10.1.2.3", "203.0.113.1", "2001:db8::1", "::ffff:192.0.2.7", "unknown")


def subset(values):
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


RULES = st.lists(
    st.tuples(subset(USERS), subset(GROUPS), subset(LISTENERS), subset(NETWORKS), st.booleans()), max_size=6
)


def build(number, written):
    users, groups, listeners, networks, allow = written
    return AccessRule(
        f"rule-{number}",
        allow,
        build_subjects(users, [f"CONTOSO\\{name}" for name in groups], "CONTOSO"),
        frozenset(listeners),
        tuple(ip_network(one) for one in networks),
    )


def naive(rules, user, groups, listener, source):
    """What the settings page says, as plainly as it can be written."""
    for number, (users, named, listeners, networks, _) in enumerate(rules):
        if listeners and listener not in listeners:
            continue
        if networks:
            try:
                address = ip_address(source)
            except ValueError:
                continue
            address = getattr(address, "ipv4_mapped", None) or address
            if not any(address in ip_network(one) for one in networks):
                continue
        if (users or named) and user not in users and not set(groups) & set(named):
            continue
        return f"rule-{number}"
    return None


@given(RULES, st.sampled_from(USERS), subset(GROUPS), st.sampled_from(LISTENERS), st.sampled_from(SOURCES))
def test_the_first_rule_that_fits_decides(rules, user, groups, listener, source):
    applicant = Applicant(
        replace(ALICE, user=user), frozenset(group(name) for name in groups), listener, source
    )
    built = [build(number, one) for number, one in enumerate(rules)]
    found = find_rule(built, applicant)
    assert (None if found is None else found.name) == naive(rules, user, groups, listener, source)


@pytest.mark.parametrize("kind", CredentialKind)
def test_a_rule_takes_the_credentials_it_names_or_all(kind):
    assert AccessRule("open").takes(kind)
    assert not AccessRule("shut", allow=False).takes(kind)
    only = AccessRule("pins", credentials=frozenset({CredentialKind.PIN}))
    assert only.takes(kind) is (kind is CredentialKind.PIN)


def test_groups_are_asked_for_only_where_a_rule_names_some():
    assert not name_groups([AccessRule("a"), AccessRule("b", subjects=Subjects(frozenset({"X"})))])
    assert name_groups([AccessRule("a"), AccessRule("b", subjects=Subjects(groups=frozenset({"X"})))])


def test_what_is_no_address_is_in_no_network():
    everywhere = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    assert is_within("192.0.2.1", everywhere)
    assert is_within("::1", everywhere)
    assert not is_within("", everywhere)
    assert not is_within("192.0.2.1", ())
