"""Where a server sends its clients: on to what is published, and never inside."""

from __future__ import annotations

import pytest

from tests.integration.exchange_clients.conftest import AUTODISCOVER_HOST, Person, Way
from tests.integration.exchange_clients.outlook_client import outlook

pytestmark = pytest.mark.parametrize("way", ["basic"], indirect=True)
INSIDE = "https://ex02.corp.internal"


@pytest.fixture(scope="module")
def alice(way: Way) -> Person:
    return way.enrol("alice")


def asked(way, person, **options):
    with outlook(way, person) as client:
        answer = client.autodiscover(person.address, **options)
        return answer.status, answer.headers.get("Location", ""), answer.read().decode()


def test_to_another_published_url(way, alice):
    target = f"https://{AUTODISCOVER_HOST}/autodiscover/autodiscover.xml"
    with way.lab.redirecting_autodiscover("redirectUrl", target):
        status, _, body = asked(way, alice)
    assert (status, target in body) == (200, True)


@pytest.mark.parametrize(
    "target", [f"{INSIDE}/autodiscover/autodiscover.xml", "https://autodiscover.evil.example/x"]
)
def test_to_a_url_that_is_not_published(way, alice, target):
    with way.lab.redirecting_autodiscover("redirectUrl", target):
        status, _, body = asked(way, alice)
    assert status == 502
    assert target.partition("//")[2].partition("/")[0] not in body


def test_to_another_address(way, alice):
    with way.lab.redirecting_autodiscover("redirectAddr", "alice.new@contoso.lab"):
        assert "alice.new@contoso.lab" in asked(way, alice)[2]
        assert "alice.new@contoso.lab" in asked(way, alice, mobile=True)[2]


@pytest.mark.parametrize("location", [f"{INSIDE}/autodiscover/autodiscover.xml", "https://evil.example/"])
def test_an_http_redirect_that_leads_elsewhere(way, alice, location):
    with way.lab.redirecting("autodiscover", 302, location):
        status, told, body = asked(way, alice)
    assert (status, told) == (502, "")
    assert location not in body


def test_an_http_redirect_to_another_published_name(way, alice):
    location = f"https://{AUTODISCOVER_HOST}/autodiscover/autodiscover.xml"
    with way.lab.redirecting("autodiscover", 302, location):
        assert asked(way, alice)[:2] == (302, location)


@pytest.mark.parametrize(
    ("target", "status"),
    [(INSIDE, 502), (f"https://{AUTODISCOVER_HOST}", 451)],
    ids=["inside", "published"],
)
def test_a_phone_is_sent_to_published_servers_only(way, target, status):
    phone = way.enrol(f"paula{status}", profile="phone")
    location = f"{target}/Microsoft-Server-ActiveSync"
    with way.lab.redirecting("activesync", 451, location), outlook(way, phone) as client:
        answer = client.begin("OPTIONS", "/Microsoft-Server-ActiveSync")
        told = answer.headers.get("X-MS-Location", "")
        body = answer.read().decode()
    assert (answer.status, told) == (status, location if status == 451 else "")
    assert target not in body
