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

from tests.installation import prepare
from tests.lab_server import lab_server
from tests.scenarios.client import Client
from tests.scenarios.site import Site
from tests.servers.processes import free_port, server_directory

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
BALANCER, ANYBODY = "127.0.0.2", "127.0.0.1"
TIMEOUT = 2.0
"""Of the hasty listener alone: what is no matter of time may take its time on a busy machine."""
HASTY = """
[[listener]]
name = "hasty"
address = "127.0.0.1:{port}"
certificate = "{certificate}"
key = "{key}"
proxy_protocol_from = ["{balancer}/32"]
head_timeout_seconds = {seconds}
"""


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
    listener = f'proxy_protocol_from = ["{BALANCER}/32"]'
    with lab_server() as exchange, server_directory("balanced") as folder:
        one = prepare(folder, backend=exchange.url, workers=1, listener=listener)
        tls = {name: one.values[name] for name in ("certificate", "key")}
        one.values["hasty_port"] = free_port()
        one.write_settings(
            more=HASTY.format(port=one.values["hasty_port"], balancer=BALANCER, seconds=TIMEOUT, **tls)
        )
        try:
            one.start()
            yield Site(one, one, exchange)
        finally:
            one.stop()


def client(site: Site, source: str, preamble: bytes) -> Client:
    return Client(replace(site.door, source=source), preamble=preamble)


@pytest.mark.parametrize("source", ["203.0.113.7", "2001:db8::77"])
def test_the_address_a_configured_balancer_names_is_the_clients(site, source):
    person = site.enrol()
    with client(site, BALANCER, header(source)) as through:
        assert through.ask(person.login, person.password, "PHONE1").status == 200
        assert through.ask(person.login, person.password, "PHONE1").status == 200
    lines = site.gateway.wait_for_log_line(person.user, "outcome=allow", count=2)
    assert [f" source={source} " in line for line in lines] == [True, True]
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
    [line] = site.gateway.wait_for_log_line("nobody-local")
    assert f" source={BALANCER} " in line


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
    before, person = len(site.exchange.requests()), site.enrol()
    # As long as a real one: what ends within the first 16 bytes could still be the begin of a header.
    hello = b"\x16\x03\x01\x00\x65\x01\x00\x00\x61" + bytes(97)
    assert answer_to(site, BALANCER, preamble + hello) == b""
    # The one worker serves the next connection after it: what had been forwarded would stand before this request.
    with client(site, BALANCER, header()) as through:
        assert through.ask(person.login, person.password, "PHONE1").status == 200
    assert [line["user"] for line in site.exchange.requests()[before:]] == [person.user]


@pytest.mark.parametrize("size", [0, 5, 15, 20])
def test_a_header_that_never_ends_is_not_waited_for(site, size):
    """Slow or stuck: the connection ends by the listener's time-out; a closing client ends it at once."""
    port = site.gateway.values["hasty_port"]
    began = time.monotonic()
    assert answer_to(site, BALANCER, header()[:size], port=port) == b""
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
    with client(site, ANYBODY, b"") as plain:
        assert plain.ask(person.login, person.password, "PHONE1").status == 200
    [line] = site.gateway.wait_for_log_line(person.user)
    assert f" source={ANYBODY} " in line, "nothing was decided before it under the address that was claimed"
    assert [line["user"] for line in site.exchange.requests()[before:]] == [person.user]


def answer_to(site: Site, source: str, data: bytes, *, close: bool = False, port: int | None = None) -> bytes:
    """All that comes back until the gateway closes."""
    place = (ANYBODY, port or site.gateway.port)
    with socket.create_connection(place, 20, source_address=(source, 0)) as raw:
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
