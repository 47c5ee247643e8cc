from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.decision.reasons import Reason
from handfast.identity.device_facts import DeviceFacts
from handfast.identity.device_rules import (
    DeviceRefusal,
    DeviceSighting,
    RuleHit,
    find_fact_hit,
    find_rule_hit,
    find_untold,
    find_user_agent_hit,
    matches,
    matches_number,
    model_of,
)
from handfast.identity.policies import DevicePolicy
from tests.fakes.one_phone import SEEN


def saying(**facts) -> DeviceSighting:
    """The phone, of which the record holds these facts."""
    return replace(SEEN, told=DeviceFacts(**facts))


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
    told = saying(model="iPhone 12")
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
    assert find_rule_hit(policy, saying(os="iOS 17.2 21C62")) is None
    old = find_rule_hit(policy, saying(os="iOS 12.1"))
    assert old == RuleHit(DeviceRefusal.OS_REFUSED, "allow_os")
    assert find_rule_hit(policy, saying(os="iOS 17 beta")) == RuleHit(
        DeviceRefusal.OS_REFUSED, "deny_os '*beta*'"
    )


@pytest.mark.parametrize(
    ("policy", "sighting", "untold"),
    [
        (DevicePolicy(), replace(SEEN, user_agent=""), ""),
        (DevicePolicy(allow_models=("*",)), SEEN, ""),
        (DevicePolicy(allow_models=("*",)), replace(SEEN, user_agent="Android/1"), "allow_models"),
        (DevicePolicy(allow_models=("*",)), replace(saying(model="x"), user_agent=""), ""),
        (DevicePolicy(allow_os=("*",)), SEEN, "allow_os"),
        (DevicePolicy(allow_os=("*",)), saying(os="Android 14"), ""),
        (DevicePolicy(allow_imeis=("*",)), SEEN, "allow_imeis"),
        (DevicePolicy(allow_imeis=("*",)), saying(imei="356938035643809"), ""),
        (DevicePolicy(allow_phone_numbers=("*",)), saying(imei="356938035643809"), "allow_phone_numbers"),
        (DevicePolicy(allow_phone_numbers=("*",)), saying(phone_number="117"), ""),
        (DevicePolicy(allow_friendly_names=("*",)), SEEN, "allow_friendly_names"),
        (DevicePolicy(allow_friendly_names=("*",)), saying(friendly_name="Helen's"), ""),
        (DevicePolicy(deny_imeis=("*",), deny_phone_numbers=("*",), deny_friendly_names=("*",)), SEEN, ""),
        (DevicePolicy(deny_os=("*",), deny_models=("*",)), replace(SEEN, user_agent=""), ""),
    ],
)
def test_an_allow_list_needs_the_fact_it_speaks_of(policy, sighting, untold):
    assert find_untold(policy, sighting) == untold


def test_a_companions_device_is_judged_by_its_record():
    policy = DevicePolicy(deny_models=("Old*",), deny_os=("iOS 9*",))
    assert find_fact_hit(policy, DeviceFacts(), "iPhone12C1") is None
    assert find_fact_hit(policy, DeviceFacts(model="OldPhone"), "").refusal is DeviceRefusal.MODEL_REFUSED
    assert find_fact_hit(policy, DeviceFacts(os="iOS 9.3"), "").refusal is DeviceRefusal.OS_REFUSED


@pytest.mark.parametrize(
    ("policy", "facts", "hit"),
    [
        (DevicePolicy(allow_imeis=("35693803*",)), {"imei": "356938035643809"}, None),
        (
            DevicePolicy(allow_imeis=("35693803*",)),
            {"imei": "490154203237518"},
            RuleHit(DeviceRefusal.IMEI_REFUSED, "allow_imeis"),
        ),
        (
            DevicePolicy(deny_imeis=("49-015420-323751-8",)),
            {"imei": "49 015420 323751 8"},
            RuleHit(DeviceRefusal.IMEI_REFUSED, "deny_imeis '49-015420-323751-8'"),
        ),
        (DevicePolicy(allow_phone_numbers=("+41*", "044*")), {"phone_number": "+41 (44) 000-00-00"}, None),
        (
            DevicePolicy(allow_phone_numbers=("+41*",)),
            {"phone_number": "+1 425 555 0100"},
            RuleHit(DeviceRefusal.PHONE_NUMBER_REFUSED, "allow_phone_numbers"),
        ),
        (
            DevicePolicy(deny_phone_numbers=("+1 (425)*",)),
            {"phone_number": "+14255550100"},
            RuleHit(DeviceRefusal.PHONE_NUMBER_REFUSED, "deny_phone_numbers '+1 (425)*'"),
        ),
        (DevicePolicy(allow_friendly_names=("contoso-*",)), {"friendly_name": "CONTOSO-0815"}, None),
        (
            DevicePolicy(allow_friendly_names=("CONTOSO-*",)),
            {"friendly_name": "Helen's iPhone"},
            RuleHit(DeviceRefusal.FRIENDLY_NAME_REFUSED, "allow_friendly_names"),
        ),
        (
            DevicePolicy(deny_friendly_names=("*iPhone",)),
            {"friendly_name": "Helen's iphone"},
            RuleHit(DeviceRefusal.FRIENDLY_NAME_REFUSED, "deny_friendly_names '*iPhone'"),
        ),
    ],
)
def test_imei_phone_number_and_name_are_judged_once_they_are_known(policy, facts, hit):
    assert find_rule_hit(policy, saying(**facts)) == hit
    assert find_rule_hit(policy, SEEN) is None


@pytest.mark.parametrize(
    ("value", "pattern", "fits"),
    [
        ("35-693803-564380-9", "356938035643809", True),
        ("356938035643809", "35 693803 564380 9", True),
        ("35.693803/564380 9", "35693803*", True),
        ("356938035643809", "3569380[0-3]*", True),
        ("356938045643809", "3569380[0-3]*", False),
        ("490154203237518", "[!3]*", True),
        ("+41 44 000 00 00", "+4144*", True),
        ("+41 44 000 00 00", "044*", False),
        ("IMEI-A", "imei a", True),
        ("356938035643809", "35693803564380", False),
    ],
)
def test_numbers_match_however_their_digits_are_grouped(value, pattern, fits):
    assert matches_number(value, pattern) is fits
