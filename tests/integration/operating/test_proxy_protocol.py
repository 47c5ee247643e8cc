"""PROXY protocol v2 before TLS: the client's address from a balancer, nothing from anybody who should not, or must, send it.

Source: the PROXY protocol, 2.2 (haproxy.org/download/2.9/doc/proxy-protocol.txt).
"""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import time
from dataclasses import replace

import pytest

from tests.installation import installation
from tests.lab_server import lab_server
from tests.scenarios.client import Client
from tests.scenarios.site import Site
from tests.servers.processes import wait_until

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
BALANCER, ANYBODY = "127.0.0.2", "127.0.0.1"
TIMEOUT = 1.0


def header(source: str = "203.0.113.7", *, version_command: int = 0x21, family: int | None = None) -> bytes:
    """A header that names `source` as the client; TCP over IPv4 or IPv6."""
    is_v6 = ":" in source
    pack = socket.inet_pton
    if is_v6:
        body = (
            pack(socket.AF_INET6, source)
            + pack(socket.AF_INET6, "2001:db8::1")
            + struct.pack("!HH", 40000, 443)
        )
    else:
        body = socket.inet_aton(source) + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 40000, 443)
    kind = family if family is not None else (0x21 if is_v6 else 0x11)
    return SIGNATURE + struct.pack("!BBH", version_command, kind, len(body)) + body


LOCAL = SIGNATURE + struct.pack("!BBH", 0x20, 0x00, 0)
"""A balancer's own health check: nobody's address."""


@pytest.fixture(scope="module")
def site():
    listener = f'proxy_protocol_from = ["{BALANCER}/32"]\nhead_timeout_seconds = {TIMEOUT}'
    with lab_server() as exchange, installation(backend=exchange.url, workers=1, listener=listener) as one:
        yield Site(one, one, exchange)


def client(site: Site, source: str, preamble: bytes) -> Client:
    return Client(replace(site.door, source=source), preamble=preamble)


@pytest.mark.parametrize("source", ["203.0.113.7", "2001:db8::77"])
def test_the_address_a_configured_balancer_names_is_the_clients(site, source):
    person = site.enrol()
    with client(site, BALANCER, header(source)) as through:
        assert through.ask(person.login, person.password, "PHONE1").status == 200
        assert through.ask(person.login, person.password, "PHONE1").status == 200
    wait_until(lambda: len(site.gateway.log_lines(person.user, "outcome=allow")) == 2, "both are logged")
    assert all(f" source={source} " in line for line in site.gateway.log_lines(person.user, "outcome=allow"))
    forwarded = [line["headers"]["X-Forwarded-For"] for line in site.exchange.requests(user=person.user)]
    assert forwarded == [source, source]


def test_extensions_and_bytes_that_trickle_in_are_taken(site):
    person = site.enrol()
    whole = header()
    extension = b"\x04" + struct.pack("!H", 4) + b"note"
    size = struct.pack("!H", len(whole) - 16 + len(extension))
    extended = whole[:14] + size + whole[16:] + extension
    with socket.create_connection((ANYBODY, site.gateway.port), 10, source_address=(BALANCER, 0)) as raw:
        for one in extended:
            raw.sendall(bytes([one]))
        context = ssl.create_default_context(cafile=str(site.gateway.ca_file))
        with context.wrap_socket(raw, server_hostname=site.door.host) as tls:
            connection = http.client.HTTPConnection(site.door.host)
            connection.sock = tls
            connection.request("OPTIONS", "/Microsoft-Server-ActiveSync")
            assert connection.getresponse().status == 401
    assert site.reached(person) == 0


def test_a_balancers_own_check_counts_as_the_balancers(site):
    with client(site, BALANCER, LOCAL) as through:
        assert through.ask("CONTOSO\\nobody-local", "x", "PHONE1").status == 401
    assert f" source={BALANCER} " in site.gateway.log_lines("nobody-local")[0]


WRONG = {
    "missing": b"",
    "version-1": b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n",
    "garbage": bytes(range(64)),
    "version-3": header(version_command=0x31),
    "unknown-command": header(version_command=0x22),
    "length-too-short": SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 4) + b"\x01\x02\x03\x04",
    "unix-family": header(family=0x31),
    "http": b"GET / HTTP/1.1\r\nHost: mail.contoso.lab\r\n\r\n",
}


@pytest.mark.parametrize("preamble", WRONG.values(), ids=WRONG)
def test_a_wrong_header_from_a_balancer_closes_without_an_answer(site, preamble):
    """Whatever else is sent: not one byte comes back, and nothing is forwarded."""
    before = len(site.exchange.requests())
    hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
    assert answer_to(site, BALANCER, preamble + hello) == b""
    assert len(site.exchange.requests()) == before


@pytest.mark.parametrize("size", [0, 5, 15, 20])
def test_a_header_that_never_ends_is_not_waited_for(site, size):
    """Slow or stuck: the connection ends by the listener's time-out; a closing client ends it at once."""
    began = time.monotonic()
    assert answer_to(site, BALANCER, header()[:size]) == b""
    assert time.monotonic() - began < TIMEOUT + 1.5
    began = time.monotonic()
    assert answer_to(site, BALANCER, header()[:size], close=True) == b""
    assert time.monotonic() - began < TIMEOUT


def test_a_header_from_a_network_that_is_not_configured_is_refused(site):
    """Else anybody could name himself another's address."""
    before, person = len(site.exchange.requests()), site.enrol()
    with pytest.raises((OSError, http.client.HTTPException)):
        with client(site, ANYBODY, header()) as through:
            pytest.fail(str(through.ask(person.login, person.password, "PHONE1")))
    assert len(site.exchange.requests()) == before
    assert not site.gateway.log_lines("source=203.0.113.7", person.user)
    with client(site, ANYBODY, b"") as plain:
        assert plain.ask(person.login, person.password, "PHONE1").status == 200


def answer_to(site: Site, source: str, data: bytes, *, close: bool = False) -> bytes:
    """All that comes back until the gateway closes."""
    with socket.create_connection((ANYBODY, site.gateway.port), 10, source_address=(source, 0)) as raw:
        raw.sendall(data)
        if close:
            raw.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while piece := raw.recv(4096):
                got += piece
        except ConnectionResetError:
            pass
        return got
