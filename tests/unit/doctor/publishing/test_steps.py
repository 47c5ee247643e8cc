"""How steps are written down."""

import pytest

from handfast.doctor.publishing.questions import ask_ews, ask_json
from handfast.doctor.publishing.steps import host_of, name_of
from tests.unit.doctor.publishing.scripted import LOGIN, place


def test_a_place_as_findings_name_it():
    assert str(place()) == "publication mail at listener outside"


def test_a_question_without_its_query_and_its_secret():
    assert (
        name_of(ask_json("x.example.com", "Ews"))
        == "GET https://x.example.com/autodiscover/autodiscover.json"
    )
    assert (
        name_of(ask_ews("x.example.com", LOGIN)) == "POST https://x.example.com/EWS/Exchange.asmx, signed in"
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://MAIL.example.com:443/x", "mail.example.com"),
        ("https://[x", "https://[x"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_the_host_of_a_url(url, host):
    assert host_of(url) == host
