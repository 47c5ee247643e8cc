from __future__ import annotations

from dataclasses import replace

from handfast.decision.publication import (
    ACTIVESYNC_RULES,
    AuthMethod,
    ChannelBindingMode,
    CredentialPolicy,
    Publication,
    QueryShape,
)
from handfast.decision.rules.exchange import REDIRECT_RULES
from handfast.identity.channels import Channel


def test_activesync_publishes_two_paths_in_lower_case_and_nothing_else():
    (rule,) = ACTIVESYNC_RULES
    assert rule.paths == {"/microsoft-server-activesync", "/microsoft-server-activesync/default.eas"}
    assert all(path == path.lower() for path in rule.paths)
    assert (rule.methods, rule.query, rule.channel) == (
        {"OPTIONS", "POST"},
        QueryShape.ACTIVESYNC,
        Channel.ACTIVESYNC,
    )


def test_by_default_only_basic_is_offered_and_people_choose_no_secret():
    policy = CredentialPolicy()
    assert policy.methods == {AuthMethod.BASIC}
    assert not policy.human_secrets
    assert policy.channel_binding is ChannelBindingMode.ALLOW


def test_a_publication_without_rules_publishes_nothing():
    assert Publication("mail", ("mail.example.com",), ()).rules == ()


def test_a_listener_for_redirects_has_only_those_that_redirect_whatever_else_they_are_on():
    everywhere = Publication("a", ("a.example",), ACTIVESYNC_RULES, redirect_listeners=frozenset({"port80"}))
    redirecting = replace(everywhere, listeners=frozenset({"outside"}), redirect_rules=REDIRECT_RULES)
    assert [everywhere.is_on(name) for name in ("outside", "inside", "port80")] == [True, True, False]
    assert [redirecting.is_on(name) for name in ("outside", "inside", "port80")] == [True, False, True]
    assert redirecting.only_redirects("port80")
    assert not redirecting.only_redirects("outside")


def test_tickets_are_taken_on_the_listeners_named_alone():
    methods = frozenset({AuthMethod.BASIC, AuthMethod.KERBEROS})
    policy = CredentialPolicy(methods=methods, ticket_listeners=frozenset({"inside"}))
    assert policy.takes_tickets("inside")
    assert not policy.takes_tickets("outside")
    assert not CredentialPolicy(ticket_listeners=frozenset({"inside"})).takes_tickets("inside")
