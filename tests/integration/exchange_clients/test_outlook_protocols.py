"""The protocols of Outlook: answers that begin early arrive early, sessions hold, pieces are pieces, and no inside name."""

from __future__ import annotations

import gzip
import http.client
import re

import pytest

from tests.installation import HOST
from tests.integration.exchange_clients.conftest import NAMES, Person, Way
from tests.integration.exchange_clients.outlook_client import outlook
from tests.servers.processes import wait_until

INSIDE = re.compile(rb"corp\.internal|\bex01\b|\bdc01\b", re.IGNORECASE)
MAPI_HTTP = {"X-MapiHttpCapability": "1"}
EXHTTP = {"X-ClientCanHandle": "Negotiate, ExHttpInfo"}


@pytest.fixture(scope="module")
def alice(way: Way) -> Person:
    return way.enrol("alice")


def head(answer) -> bytes:
    return "\n".join(f"{name}: {value}" for name, value in answer.getheaders()).encode()


def is_clean(way: Way, answer, body: bytes) -> bool:
    """No inside name; straight from the server there is no lack of them."""
    return way.site is None or not INSIDE.search(head(answer) + b"\n" + body)


def test_a_mapi_session(way, alice):
    way.forget()
    with outlook(way, alice) as client:
        for number, kind in enumerate(("Connect", "PING", "Disconnect")):
            answer = client.mapi(kind, number)
            body = answer.read()
            assert (answer.status, answer.headers["X-ResponseCode"]) == (200, "0")
            assert answer.headers["X-RequestId"].endswith(f":{number}")
            assert body.startswith(b"PROCESSING\r\n")
            assert is_clean(way, answer, body)
    assert [line["command"] for line in way.arrived()] == ["Connect", "PING", "Disconnect"]
    assert {line["user"] for line in way.arrived()} == {alice.seen_as}
    assert "MapiContext" in way.arrived()[-1]["cookie_names"]


def test_a_wait_for_notifications_is_not_held_back(way, alice):
    with outlook(way, alice) as client:
        client.mapi("Connect").read()
        answer = client.mapi("NotificationWait", 2)
        assert answer.readline() == b"PROCESSING\r\n"  # while the server still waits
        wait_until(lambda: way.lab.hanging == 1, "the server waits for mail")
        way.lab.deliver("alice", "news")
        rest = answer.read()
        assert b"DONE\r\n" in rest
        assert rest.endswith(bytes((1, 0, 0, 0, 0, 0, 0, 0)))
    wait_until(lambda: way.lab.hanging == 0, "nobody waits any more")


def test_a_client_that_leaves_frees_the_server(way, alice):
    with outlook(way, alice) as client:
        client.mapi("Connect").read()
        assert client.mapi("NotificationWait", 2).readline() == b"PROCESSING\r\n"
        wait_until(lambda: way.lab.hanging == 1, "the server waits for mail")
    wait_until(lambda: way.lab.hanging == 0, "the server noticed")


def test_the_address_book_comes_in_pieces(way, alice):
    folder = f"/OAB/{way.lab.exchange.names.address_book_id}/"
    with outlook(way, alice) as client:
        manifest = client.begin("GET", folder + "oab.xml")
        body = manifest.read()
        assert manifest.status == 200
        name = re.search(rb"full-[a-z0-9-]+\.lzx", body)[0].decode()
        assert is_clean(way, manifest, body)
        piece = client.begin("GET", folder + name, headers={"Range": "bytes=100-199"})
        assert (piece.status, len(piece.read())) == (206, 100)
        assert piece.headers["Content-Range"].startswith("bytes 100-199/")
        whole = client.begin("GET", folder + name)
        assert len(whole.read()) == 256 * 1024


@pytest.mark.parametrize("mobile", [False, True], ids=["outlook", "phone"])
@pytest.mark.parametrize("asks_for", [{}, MAPI_HTTP, EXHTTP], ids=["old", "mapi-http", "exhttp"])
@pytest.mark.parametrize("host", NAMES)
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_autodiscover_names_published_servers_only(way, alice, host, asks_for, mobile, coding):
    with outlook(way, alice, host) as client:
        fields = {**asks_for, "Accept-Encoding": coding}
        answer = client.autodiscover(alice.address, mobile=mobile, **fields)
        body = answer.read()
    if answer.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    assert answer.status == 200
    assert is_clean(way, answer, body)
    urls = re.findall(rb"https?://([^/<\"]+)/[^<\"]*", re.sub(rb'xmlns="[^"]*"', b"", body))
    assert urls
    if way.site is not None:
        assert set(urls) <= {name.encode() for name in NAMES}
    if not mobile:
        assert HOST.encode() in urls


def test_a_client_cannot_choose_the_back_end(way, alice):
    way.forget()
    with outlook(way, alice) as client:
        client.cookies = {"X-BEResource": "ex02.corp.internal~1942062522", "exchangecookie": "1"}
        headers = {"X-AnchorMailbox": alice.address, "X-BEServer": "ex02", "X-FEServer": "ex02"}
        answer = client.begin("GET", "/EWS/Exchange.asmx", headers=headers)
        body = answer.read()
        assert is_clean(way, answer, body)
    (line,) = way.arrived()
    if way.site is not None:
        assert "X-BEResource" not in line["cookie_names"]
        assert not {"x-beserver", "x-feserver"} & {name.lower() for name in line["header_names"]}
    assert "exchangecookie" in line["cookie_names"]
    assert line["headers"]["X-AnchorMailbox"] == alice.address


@pytest.mark.parametrize("way", ["basic"], indirect=True)
def test_a_phones_password_opens_nothing_of_outlook(way):
    phone = way.enrol("paula", profile="phone")
    way.forget()
    with outlook(way, phone) as client:
        assert client.autodiscover(phone.address, mobile=True).read()
        assert client.mapi("Connect").status == 403
    with outlook(way, phone) as client:
        assert client.begin("POST", "/EWS/Exchange.asmx", b"<x/>").status == 403
    assert {line["application"] for line in way.arrived()} == {"autodiscover"}


@pytest.mark.parametrize("way", ["basic"], indirect=True)
def test_a_block_ends_what_hangs(way):
    dora = way.enrol("dora")
    with outlook(way, dora) as client:
        client.mapi("Connect").read()
        answer = client.mapi("NotificationWait", 2)
        assert answer.readline() == b"PROCESSING\r\n"
        way.site.cli("account", "disable", "dora")
        with pytest.raises((http.client.HTTPException, OSError)):
            answer.read()
    wait_until(lambda: way.lab.hanging == 0, "the server behind was let go")
