from __future__ import annotations

import json

import pytest

from handfast.decision.reasons import Reason
from handfast.rewriting.answers import RefusedRequest, WholeAnswer
from handfast.rewriting.autodiscover.own_answers import answer_json, redirect_to_https
from handfast.rewriting.autodiscover.published_names import PublishedNames

NAMES = PublishedNames("autodiscover.lab.test", activesync="mobile.lab.test", ews="mail.lab.test")
PATH = "/autodiscover/autodiscover.json"


def ask(query: str, path: str = PATH, names: PublishedNames = NAMES) -> tuple[int, dict[str, str]]:
    answer = answer_json(path, query, names)
    assert isinstance(answer, WholeAnswer)
    assert answer.content_type == b"application/json; charset=utf-8"
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(
    ("protocol", "name", "url"),
    [
        ("Ews", "Ews", "https://mail.lab.test/EWS/Exchange.asmx"),
        ("EWS", "Ews", "https://mail.lab.test/EWS/Exchange.asmx"),
        ("activesync", "ActiveSync", "https://mobile.lab.test/Microsoft-Server-ActiveSync"),
        ("Autodiscoverv1", "AutodiscoverV1", "https://autodiscover.lab.test/autodiscover/autodiscover.xml"),
    ],
)
def test_a_protocol_has_its_published_url(protocol, name, url):
    expected = (200, {"Protocol": name, "Url": url})
    assert ask(f"Email=alice@lab.test&Protocol={protocol}") == expected
    assert ask(f"Protocol={protocol}", f"{PATH}/v1.0/alice@lab.test") == expected


def test_the_answer_is_the_same_for_every_address():
    answers = {
        str(ask(f"Email={address}&Protocol=Ews"))
        for address in ("alice@lab.test", "nobody@lab.test", "x@other.test", "")
    }
    assert len(answers) == 1


@pytest.mark.parametrize("protocol", ["Rest", "Substrate", "x"])
def test_an_unknown_protocol_gets_the_field_s_error(protocol):
    status, document = ask(f"Email=alice@lab.test&Protocol={protocol}")
    assert (status, document["ErrorCode"]) == (400, "InvalidProtocol")
    assert document["ErrorMessage"].endswith("Supported values are 'ActiveSync,AutodiscoverV1,Ews'")


def test_what_is_not_published_is_unknown():
    status, document = ask("Protocol=Ews", names=PublishedNames("autodiscover.lab.test"))
    assert status == 400
    assert "'AutodiscoverV1'" in document["ErrorMessage"]


def test_a_missing_protocol_is_said_to_be_missing():
    assert ask("Email=alice@lab.test")[1]["ErrorCode"] == "MandatoryParameterMissing"


def test_odd_queries_are_refused():
    refused = answer_json(PATH, "@evil.test/powershell?Email=x", NAMES)
    assert isinstance(refused, RefusedRequest)
    assert refused.reason is Reason.MALFORMED_REQUEST


def test_port_80_leads_to_https():
    assert redirect_to_https(NAMES) == WholeAnswer(
        302, b"", b"", b"https://autodiscover.lab.test/autodiscover/autodiscover.xml"
    )


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.svc", "/Autodiscover/Autodiscover.SVC"])
def test_who_asks_for_soap_is_led_to_soap(path):
    assert (
        redirect_to_https(NAMES, path).location
        == b"https://autodiscover.lab.test/autodiscover/autodiscover.svc"
    )
