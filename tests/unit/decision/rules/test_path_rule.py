from __future__ import annotations

import re

from handfast.decision.rules.path_rule import PathRule, QueryShape
from handfast.identity.channels import Channel


def rule(**more) -> PathRule:
    return PathRule("oab", Channel.OAB, frozenset({"/oab"}), frozenset({"GET"}), **more)


def test_a_path_is_matched_whole_or_by_the_whole_pattern():
    assert rule().matches("/oab")
    assert not rule().matches("/oab/")
    patterned = rule(pattern=re.compile(r"/oab/[0-9]+"))
    assert patterned.matches("/oab")
    assert patterned.matches("/oab/17")
    assert not patterned.matches("/oab/17/x")
    assert not patterned.matches("/x/oab/17")


def test_a_path_is_sent_as_servers_spell_it():
    spelled = rule(spelled=("/EWS/Exchange.asmx/s/GetUserPhoto", "/OAB"))
    assert spelled.spell("/oab/abc") == "/OAB/abc"
    assert spelled.spell("/ews/exchange.asmx/s/getuserphoto") == "/EWS/Exchange.asmx/s/GetUserPhoto"
    assert spelled.spell("/other") == "/other"


def test_by_default_a_rule_takes_no_query_any_media_type_and_leads_to_a_server():
    assert (rule().query, rule().content_types, rule().own_answer) == (QueryShape.NONE, frozenset(), None)
