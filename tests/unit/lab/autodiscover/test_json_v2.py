"""One question, one URL."""

import json

import pytest

from handfast.lab.autodiscover.json_v2 import json_answer
from handfast.lab.site_names import SiteNames


@pytest.mark.parametrize(
    ("protocol", "path"),
    [
        ("Ews", "EWS/Exchange.asmx"),
        ("activesync", "Microsoft-Server-ActiveSync"),
        ("AutodiscoverV1", "Autodiscover/Autodiscover.xml"),
    ],
)
def test_known_protocols(protocol, path):
    query = f"Email=alice@contoso.lab&Protocol={protocol}"
    assert json.loads(json_answer(SiteNames(), query).body)["Url"] == f"https://mail.contoso.lab/{path}"
    assert (
        json.loads(json_answer(SiteNames(published=""), query).body)["Url"]
        == f"https://ex01.corp.internal/{path}"
    )


@pytest.mark.parametrize("query", ["", "Protocol=Other", "@evil.example/owa?&Email=x"])
def test_others(query):
    reply = json_answer(SiteNames(), query)
    assert reply.status == 400
    assert json.loads(reply.body)["ErrorCode"] == "InvalidProtocol"
