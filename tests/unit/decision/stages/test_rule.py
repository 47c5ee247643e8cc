from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.decision.access import NoCredential
from handfast.decision.outcome import Deny, Pass
from handfast.decision.reasons import Reason
from handfast.decision.rules.exchange import EXCHANGE_RULES, REDIRECT_RULES
from handfast.decision.stages.rule import decide_rule
from handfast.identity.channels import Channel
from tests.fakes.identity_process import MAIL, IdentityProcess


def decide(published=MAIL, **request):
    return decide_rule({"mail": published}, IdentityProcess().request(NoCredential(), **request))


def test_what_is_published_passes_with_its_rule_named():
    assert decide() == Pass("mail/activesync", "Sync")


@pytest.mark.parametrize(
    ("restricted", "fitting", "foreign"),
    [
        ({"listeners": frozenset({"outside"})}, {"listener": "outside"}, {"listener": "inside"}),
        ({"allow_from_node": frozenset({"edge1"})}, {"node": "edge1"}, {"node": "edge2"}),
    ],
)
def test_listeners_and_nodes_see_what_is_published_to_them(restricted, fitting, foreign):
    publication = replace(MAIL, **restricted)
    assert isinstance(decide(publication, **fitting), Pass)
    assert decide(publication, **foreign) == Deny(Reason.UNKNOWN_HOST, "mail")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"publication": "other"}, Reason.UNKNOWN_HOST),
        ({"rule": "owa"}, Reason.UNKNOWN_PATH),
        ({"channel": Channel.EWS}, Reason.UNKNOWN_PATH),
        ({"rule": "ews"}, Reason.UNKNOWN_PATH),
        ({"device": None}, Reason.DEVICE_ID_MISSING),
        ({"device": None, "command": ""}, Reason.DEVICE_ID_MISSING),
    ],
)
def test_a_gateways_word_is_not_believed(request_, reason):
    verdict = decide(**request_)
    assert isinstance(verdict, Deny)
    assert verdict.reason is reason


def test_options_and_companions_need_no_device():
    assert isinstance(decide(device=None, command="OPTIONS"), Pass)
    ews = {"rule": "ews", "channel": Channel.EWS, "device": None, "command": ""}
    assert isinstance(decide(**ews), Pass)


def test_nobody_gets_a_grant_for_what_the_gateway_answers_by_itself():
    json = next(rule for rule in EXCHANGE_RULES if rule.own_answer is not None)
    published = replace(MAIL, rules=(json,))
    verdict = decide(published, rule=json.name, channel=json.channel, device=None, command="")
    assert verdict == Deny(Reason.UNKNOWN_PATH, f"mail/{json.name}")


def test_a_listener_that_only_redirects_has_no_door():
    published = replace(
        MAIL, listeners=frozenset(), redirect_listeners=frozenset({"port80"}), redirect_rules=REDIRECT_RULES
    )
    assert isinstance(decide(published, listener="outside"), Pass)
    assert decide(published, listener="port80") == Deny(Reason.UNKNOWN_HOST, "mail")
