from __future__ import annotations

from handfast.decision.publication import (
    ACTIVESYNC_RULES,
    AuthMethod,
    ChannelBindingMode,
    CredentialPolicy,
    Publication,
    QueryShape,
)
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
