from __future__ import annotations

import pytest

from handfast.decision.rules.ews import (
    EwsRules,
    build_ews_rules,
    find_refused_header,
    find_refused_operation,
)
from handfast.decision.rules.ews_denials import EWS_DENIALS
from handfast.decision.rules.ews_operations import ALLOWED_HEADERS, ALLOWED_OPERATIONS, MESSAGES, TYPES

RULES = EwsRules()


def refused(
    operation: str, *parts: str, rules: EwsRules = RULES, namespace: str = MESSAGES
) -> tuple[str, str]:
    refusal = find_refused_operation(rules, (namespace, operation), parts)
    return (refusal.denial.name, refusal.what) if refusal is not None else ("", "")


@pytest.mark.parametrize("name", ALLOWED_OPERATIONS)
def test_what_is_listed_passes_in_its_namespace_alone(name):
    assert refused(name) == ("", "")
    assert refused(name, namespace="urn:x") == (
        "ews-unlisted-operation",
        f"EWS operation {name}, in another namespace than EWS's",
    )
    assert refused(name.lower())[0] == "ews-unlisted-operation"


@pytest.mark.parametrize(
    ("name", "operation"), [(d.name, one) for d in EWS_DENIALS if not d.part for one in sorted(d.operations)]
)
def test_what_has_a_name_is_refused_by_it(name, operation):
    assert refused(operation) == (name, f"EWS operation {operation}")


def test_what_has_none_is_refused_as_unlisted():
    assert refused("RouteComplaint") == ("ews-unlisted-operation", "EWS operation RouteComplaint")
    assert refused("a" * 61) == ("ews-unlisted-operation", f"EWS operation '{'a' * 60}'")
    assert refused("\u202eItem")[1] == "EWS operation '\\u202eItem'"


@pytest.mark.parametrize("kind", ["PullSubscriptionRequest", "StreamingSubscriptionRequest"])
def test_subscriptions_that_are_fetched_pass(kind):
    assert refused("Subscribe", kind, "FolderIds", "DistinguishedFolderId", "EventTypes", "EventType") == (
        "",
        "",
    )


def test_a_subscription_that_is_pushed_is_refused_by_name():
    parts = ("StreamingSubscriptionRequest", "PushSubscriptionRequest", "AAA", "URL")
    assert refused("Subscribe", *parts) == (
        "ews-push-subscription",
        "EWS operation Subscribe with PushSubscriptionRequest",
    )


@pytest.mark.parametrize("part", ["URL", "pushSubscriptionRequest", "xsi:type", "GetFolder"])
def test_any_other_part_is_refused_as_unlisted(part):
    name, what = refused("Subscribe", "PullSubscriptionRequest", part)
    assert name == "ews-unlisted-part"
    assert part in what


@pytest.mark.parametrize("operation", ["CreateUserConfiguration", "UpdateUserConfiguration"])
def test_configurations_pass_without_binary_data_unless_the_settings_say_so(operation):
    parts = ("UserConfiguration", "UserConfigurationName", "DistinguishedFolderId", "Dictionary", "XmlData")
    assert refused(operation, *parts) == ("", "")
    assert refused(operation, *parts, "BinaryData")[0] == "ews-binary-configuration"
    rules = build_ews_rules(binary_configuration=True)
    assert refused(operation, *parts, "BinaryData", rules=rules) == ("", "")
    assert refused(operation, *parts, "PushSubscriptionRequest", rules=rules)[0] == "ews-unlisted-part"
    assert rules.parts["Subscribe"] == RULES.parts["Subscribe"]


def test_settings_add_and_take_off():
    rules = build_ews_rules(
        allow_operations=["GetClientAccessToken"], deny_operations=["UpdateInboxRules"], allow_headers=["Odd"]
    )
    assert refused("GetClientAccessToken", rules=rules) == ("", "")
    assert refused("UpdateInboxRules", rules=rules) == (
        "ews-denied-by-settings",
        "EWS operation UpdateInboxRules",
    )
    assert refused("InstallApp", rules=rules)[0] == "ews-install-app"
    assert find_refused_header(rules, [(TYPES, "Odd")]) is None
    assert build_ews_rules() == RULES


def test_listed_headers_pass():
    assert find_refused_header(RULES, []) is None
    assert find_refused_header(RULES, [(TYPES, name) for name in ALLOWED_HEADERS]) is None


@pytest.mark.parametrize(
    ("block", "what"),
    [
        ((TYPES, "Unheard"), "SOAP header Unheard"),
        ((TYPES, "requestserverversion"), "SOAP header requestserverversion"),
        (("urn:x", "MailboxCulture"), "SOAP header MailboxCulture"),
        (("", "x\n-y"), "SOAP header 'x\\n-y'"),
    ],
)
def test_any_other_is_refused_by_its_name(block, what):
    refusal = find_refused_header(RULES, [(TYPES, "RequestServerVersion"), block])
    assert (refusal.denial.name, refusal.what) == ("ews-unlisted-header", what)
