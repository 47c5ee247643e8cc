from __future__ import annotations

import pytest

from handfast.decision.rules.denials import find_denial
from handfast.decision.rules.exchange import EXCHANGE_RULES, REDIRECT_RULES
from handfast.decision.rules.exchange_denials import EXCHANGE_DENIALS
from handfast.decision.rules.path_rule import OwnAnswer, PathRule
from handfast.identity.channels import Channel

GUID = "b6eaa1c0-d7f5-4619-ad8d-b453f967353b"
PATHS = {
    "/microsoft-server-activesync": "activesync",
    "/autodiscover/autodiscover.xml": "autodiscover-pox",
    "/autodiscover/autodiscover.svc": "autodiscover-soap",
    "/autodiscover/autodiscover.json": "autodiscover-json",
    "/autodiscover/autodiscover.json/v1.0/o'neil@contoso.com": "autodiscover-json-v1",
    "/ews/exchange.asmx": "ews",
    "/ews/exchange.asmx/s/getuserphoto": "ews-user-photo",
    f"/oab/{GUID}/oab.xml": "oab",
    f"/oab/{GUID}/{GUID}-data-1.lzx": "oab",
    "/mapi/emsmdb/": "mapi-emsmdb",
    "/mapi/nspi": "mapi-nspi",
}


def find(path: str) -> PathRule | None:
    found = [rule for rule in EXCHANGE_RULES if rule.matches(path)]
    assert len(found) <= 1, "no path has two rules"
    return found[0] if found else None


@pytest.mark.parametrize("path", PATHS)
def test_what_is_published(path):
    rule = find(path)
    assert rule is not None
    assert rule.name == PATHS[path]
    assert find_denial(EXCHANGE_DENIALS, path) is None, "no named refusal is in its way"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/autodiscover/",
        "/autodiscover/autodiscover.xml/",
        "/autodiscover/autodiscover.json/",
        "/autodiscover/autodiscover.json/v1.0/",
        "/autodiscover/autodiscover.json/v1.0/alice",
        "/autodiscover/autodiscover.json/v1.0/a@b.c/x",
        "/autodiscover/autodiscover.json/v1.0/a@b.c d",
        "/autodiscover/autodiscover.json/v2.0/a@b.c",
        "/ews/exchange.asmx/",
        "/ews/exchange.asmx/s/",
        "/oab/oab.xml",
        f"/oab/{GUID}/",
        f"/oab/{GUID}/web.config",
        f"/oab/{GUID}/../oab.xml",
        f"/oab/{GUID}/a/b.lzx",
        "/mapi/",
        "/mapi/emsmdb/x",
        "/owa/",
    ],
)
def test_what_is_not(path):
    assert find(path) is None


def test_names_are_unique_and_every_door_has_a_channel_that_a_password_can_open():
    names = [rule.name for rule in (*EXCHANGE_RULES, *REDIRECT_RULES)]
    assert len(set(names)) == len(names)
    assert {rule.channel for rule in EXCHANGE_RULES} == {
        Channel.ACTIVESYNC,
        Channel.AUTODISCOVER,
        Channel.EWS,
        Channel.OAB,
        Channel.MAPI,
    }


def test_paths_are_lower_case_and_spellings_differ_from_them_by_case_alone():
    for rule in EXCHANGE_RULES:
        for path in rule.paths:
            assert path == path.lower() == rule.spell(path).lower()


def test_what_is_answered_here_is_asked_for_by_get_and_all_else_has_no_answer_here():
    here = {rule.name: rule.own_answer for rule in (*EXCHANGE_RULES, *REDIRECT_RULES) if rule.own_answer}
    assert here == {
        "autodiscover-json": OwnAnswer.AUTODISCOVER_JSON,
        "autodiscover-json-v1": OwnAnswer.AUTODISCOVER_JSON,
        "autodiscover-redirect": OwnAnswer.AUTODISCOVER_REDIRECT,
    }
    for rule in (*EXCHANGE_RULES, *REDIRECT_RULES):
        assert rule.own_answer is None or rule.methods <= {"GET", "HEAD"}


def test_media_types_are_fixed_for_mapi_alone():
    assert {rule.channel for rule in EXCHANGE_RULES if rule.content_types} == {Channel.MAPI}
