from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.decision.reasons import Reason
from handfast.identity.device_rules import (
    DeviceRefusal,
    DeviceSighting,
    RuleHit,
    find_fact_hit,
    find_rule_hit,
    find_untold,
    find_user_agent_hit,
    matches,
    model_of,
)
from handfast.identity.policies import DevicePolicy
from tests.fakes.one_phone import SEEN


def test_rules_that_fit_let_pass():
    policy = DevicePolicy(allow_types=("iphone",), allow_user_agents=("apple*",), deny_types=("ipad",))
    assert find_rule_hit(policy, SEEN) is None
    assert model_of(replace(SEEN, user_agent="Android/1")) == ""


@pytest.mark.parametrize(
    ("value", "pattern", "fits"),
    [
        ("iPhone", "IPHONE", True),
        ("iPhone", "iph*", True),
        ("iPhone", "iPhon?", True),
        ("iPhone", "iPad", False),
        ("16.1", "16.?", True),
        ("16.10", "16.?", False),
        ("", "*", True),
        ("", "?", False),
    ],
)
def test_patterns_match_whole_values_without_regard_to_case(value, pattern, fits):
    assert matches(value, pattern) is fits


def test_the_rule_that_spoke_is_named_in_the_words_of_the_settings():
    denied = find_rule_hit(DevicePolicy(deny_types=("iPad*", "iPh*")), SEEN)
    assert denied == RuleHit(DeviceRefusal.TYPE_REFUSED, "deny_types 'iPh*'")
    missing = find_rule_hit(DevicePolicy(allow_protocol_versions=("14.*",)), SEEN)
    assert missing == RuleHit(DeviceRefusal.PROTOCOL_VERSION_REFUSED, "allow_protocol_versions")


def test_a_companion_is_judged_by_its_user_agent_alone():
    policy = DevicePolicy(allow_user_agents=("Outlook*",), deny_types=("*",))
    assert find_user_agent_hit(policy, "Outlook/16") is None
    hit = find_user_agent_hit(policy, "curl/8")
    assert hit == RuleHit(DeviceRefusal.USER_AGENT_REFUSED, "allow_user_agents")


@pytest.mark.parametrize(
    ("user_agent", "model"),
    [
        ("Apple-iPhone12C1/1801.373", "iPhone12C1"),
        ("Apple-iPad7C3/2001.1", "iPad7C3"),
        ("Apple-iPhone/1801", ""),
        ("Mozilla Apple-iPhone12C1/1801", ""),
    ],
)
def test_the_model_is_what_the_device_tells(user_agent, model):
    assert model_of(DeviceSighting("P", user_agent=user_agent)) == model
    assert model_of(DeviceSighting("P", user_agent=user_agent, model="Pixel")) == "Pixel"


def test_every_refusal_has_a_reason_of_that_name():
    reasons = {reason.value for reason in Reason}
    assert {refusal.value for refusal in DeviceRefusal} <= reasons


def test_a_model_is_judged_by_either_of_its_names():
    told = replace(SEEN, reported_model="iPhone 12")
    assert find_rule_hit(DevicePolicy(allow_models=("iPhone 1?",)), told) is None
    assert find_rule_hit(DevicePolicy(allow_models=("iPhone12C*",)), told) is None
    assert find_rule_hit(DevicePolicy(deny_models=("iphone12c1",)), told) == RuleHit(
        DeviceRefusal.MODEL_REFUSED, "deny_models 'iphone12c1'"
    )
    assert find_rule_hit(DevicePolicy(allow_models=("iPad*",)), told) == RuleHit(
        DeviceRefusal.MODEL_REFUSED, "allow_models"
    )


def test_a_system_is_judged_once_it_is_known():
    policy = DevicePolicy(allow_os=("iOS 17*",), deny_os=("*beta*",))
    assert find_rule_hit(policy, SEEN) is None
    assert find_rule_hit(policy, replace(SEEN, os="iOS 17.2 21C62")) is None
    old = find_rule_hit(policy, replace(SEEN, os="iOS 12.1"))
    assert old == RuleHit(DeviceRefusal.OS_REFUSED, "allow_os")
    assert find_rule_hit(policy, replace(SEEN, os="iOS 17 beta")) == RuleHit(
        DeviceRefusal.OS_REFUSED, "deny_os '*beta*'"
    )


@pytest.mark.parametrize(
    ("policy", "sighting", "untold"),
    [
        (DevicePolicy(), replace(SEEN, user_agent=""), ""),
        (DevicePolicy(allow_models=("*",)), SEEN, ""),
        (DevicePolicy(allow_models=("*",)), replace(SEEN, user_agent="Android/1"), "allow_models"),
        (DevicePolicy(allow_models=("*",)), replace(SEEN, user_agent="", reported_model="x"), ""),
        (DevicePolicy(allow_os=("*",)), SEEN, "allow_os"),
        (DevicePolicy(allow_os=("*",)), replace(SEEN, os="Android 14"), ""),
        (DevicePolicy(deny_os=("*",), deny_models=("*",)), replace(SEEN, user_agent=""), ""),
    ],
)
def test_an_allow_list_needs_the_fact_it_speaks_of(policy, sighting, untold):
    assert find_untold(policy, sighting) == untold


def test_a_companions_device_is_judged_by_its_record():
    policy = DevicePolicy(deny_models=("Old*",), deny_os=("iOS 9*",))
    assert find_fact_hit(policy, ("", "iPhone12C1"), "") is None
    assert find_fact_hit(policy, ("OldPhone", ""), "").refusal is DeviceRefusal.MODEL_REFUSED
    assert find_fact_hit(policy, ("", ""), "iOS 9.3").refusal is DeviceRefusal.OS_REFUSED
