"""The simulated phone and the simulated Exchange talk to each other on loopback, without a gateway between them."""

import asyncio
import base64
import contextlib
import json
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from handfast.lab.exchange import SimulatedExchange
from handfast.lab.phone import SimulatedPhone
from handfast.lab.phone_day import run_phone

MAX_HEARTBEAT = 30
"""Of a Ping that a test ends itself."""
PASSWORDS = {"alice": "right", "bob": "also right"}


@pytest.fixture
async def exchange(tmp_path):
    server = SimulatedExchange(
        accept="basic",
        passwords=PASSWORDS,
        log_path=tmp_path / "backend.log",
        min_heartbeat=1,
        max_heartbeat=MAX_HEARTBEAT,
    )
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def phones():
    made = []

    def make(server, user="CORP\\alice", password="right", device="PHONE1", **options):
        phone = SimulatedPhone(server.url, None, "mail.example", user, password, device, **options)
        made.append(phone)
        return phone

    yield make
    for phone in made:
        await phone.close()


def log_lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "backend.log").read_text().splitlines()]


async def eventually(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def raw(server, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("version", ["12.1", "14.0", "14.1", "16.1"])
@pytest.mark.parametrize("base64_query", [False, True])
async def test_a_day_with_mail(exchange, phones, version, base64_query):
    phone = phones(exchange, protocol_version=version, base64_query=base64_query)
    exchange.deliver_mail("alice", "Hello", "the body")
    assert (await phone.options()).headers.get("MS-Server-ActiveSync") == "15.2"
    assert (await phone.provision()).status == 1
    assert phone.policy_key
    assert (await phone.folder_sync()).status == 1
    assert phone.folders[phone.inbox] == "Inbox"
    answer, mails = await phone.sync()
    assert (answer.status, [(mail.subject, mail.body) for mail in mails]) == (1, [("Hello", "the body")])
    answer, mails = await phone.sync()
    assert (answer.http_status, answer.document, mails) == (200, None, [])
    assert (await phone.send_mail("bob@corp.internal", "Grüße", "zurück")).http_status == 200
    _, mails = await phone.sync()
    assert [(mail.subject, mail.body.strip()) for mail in mails] == [("Grüße", "zurück")]


async def test_ping_hangs_until_mail_comes(exchange, phones, tmp_path):
    phone = phones(exchange)
    await phone.folder_sync()
    await phone.sync()
    ping = asyncio.ensure_future(phone.ping(MAX_HEARTBEAT))
    await eventually(lambda: exchange.hanging == 1)
    assert log_lines(tmp_path)[-1]["command"] == "Ping"
    assert log_lines(tmp_path)[-1]["hanging"] is True
    exchange.deliver_mail("bob", "not for alice", "")
    await asyncio.sleep(0.05)
    assert not ping.done()
    exchange.deliver_mail("alice", "now", "")
    assert (await ping).status == 2
    assert exchange.hanging == 0
    assert (await phone.ping(MAX_HEARTBEAT)).status == 2, "the phone has not fetched it yet"
    assert [mail.subject for mail in (await phone.sync())[1]] == ["now"]


async def test_ping_without_mail_ends_with_the_interval(exchange, phones):
    phone = phones(exchange)
    await phone.folder_sync()
    before = asyncio.get_running_loop().time()
    assert (await phone.ping(1)).status == 1
    assert 0.9 < asyncio.get_running_loop().time() - before < MAX_HEARTBEAT / 2


async def test_ping_out_of_range_names_the_limit(exchange, phones):
    phone = phones(exchange)
    await phone.folder_sync()
    answer = await phone.ping(3600)
    assert (answer.status, answer.document.text_at("HeartbeatInterval")) == (5, str(MAX_HEARTBEAT))


async def test_sync_hangs_too(exchange, phones):
    phone = phones(exchange)
    await phone.folder_sync()
    await phone.sync()
    hanging = asyncio.ensure_future(phone.sync(heartbeat=MAX_HEARTBEAT))
    await eventually(lambda: exchange.hanging == 1)
    exchange.deliver_mail("alice", "while hanging", "")
    assert [mail.subject for mail in (await hanging)[1]] == ["while hanging"]


async def test_a_phone_that_leaves_in_mid_ping_is_noticed(exchange, phones):
    phone = phones(exchange)
    await phone.folder_sync()
    ping = asyncio.ensure_future(phone.ping(MAX_HEARTBEAT))
    await eventually(lambda: exchange.hanging == 1)
    ping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ping
    await eventually(lambda: exchange.hanging == 0)


async def test_a_server_that_stops_in_mid_ping_is_a_lost_connection(exchange, phones):
    phone = phones(exchange)
    await phone.folder_sync()
    ping = asyncio.ensure_future(phone.ping(MAX_HEARTBEAT))
    await eventually(lambda: exchange.hanging == 1)
    await exchange.stop()
    with pytest.raises(ConnectionError):
        await ping


async def test_a_wrong_password_is_challenged_with_inside_names_and_counted(exchange, phones):
    answer = await phones(exchange, password="wrong").folder_sync()
    assert answer.http_status == 401
    assert answer.headers.all("WWW-Authenticate") == ["Negotiate", "NTLM", 'Basic realm="ex01.corp.internal"']
    assert answer.headers.get("X-FEServer") == "EX01"
    assert exchange.failed_sign_ins == {"alice": 1}
    exchange.set_password("CORP\\alice", "wrong")
    assert (await phones(exchange, password="wrong").folder_sync()).http_status == 200


async def test_the_log_tells_who_asked_and_no_secret(exchange, phones, tmp_path):
    phone = phones(exchange, user="alice@corp.internal")
    await phone.folder_sync()
    await phones(exchange, user="bob", password="wrong-secret").options()
    first, second = log_lines(tmp_path)
    assert (first["method"], first["user"], first["device_id"]) == ("POST", "alice@corp.internal", "PHONE1")
    assert (first["command"], first["status"], first["authorization_scheme"]) == ("FolderSync", 200, "Basic")
    assert first["target"].startswith("/Microsoft-Server-ActiveSync?Cmd=FolderSync&")
    assert (second["user"], second["claimed_user"], second["status"]) == ("", "bob", 401)
    text = (tmp_path / "backend.log").read_text()
    for secret in ("right", "wrong-secret", base64.b64encode(b"bob:wrong-secret").decode()):
        assert secret not in text


async def test_a_server_that_trusts_a_header_wants_it_exactly_once(tmp_path):
    server = SimulatedExchange(log_path=tmp_path / "backend.log")
    await server.start()
    try:
        head = b"OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        assert b" 401 " in (await raw(server, head + b"\r\n"))
        assert b" 200 OK" in (await raw(server, head + b"X-Remote-User: CORP\\alice\r\n\r\n"))
        twice = b"X-Remote-User: alice\r\nX-Remote-User: bob\r\n\r\n"
        assert b" 401 " in (await raw(server, head + twice))
        assert [line["user"] for line in log_lines(tmp_path)] == ["", "CORP\\alice", ""]
    finally:
        await server.stop()


async def test_health_checks_are_answered_and_not_written_down(exchange, tmp_path):
    for path in (b"/owa/healthcheck.htm", b"/Microsoft-Server-ActiveSync/healthcheck.htm"):
        answer = await raw(exchange, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert log_lines(tmp_path) == []


async def test_malformed_and_chunked_requests(exchange, tmp_path):
    login = b"Authorization: Basic " + base64.b64encode(b"alice:right") + b"\r\n"
    odd = await raw(exchange, b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert odd.startswith(b"HTTP/1.1 400 ")
    chunked = await raw(
        exchange,
        b"POST /Microsoft-Server-ActiveSync?Cmd=FolderSync&DeviceId=A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        + login
        + b"MS-ASProtocolVersion: 14.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        + b"8\r\n\x03\x01\x6a\x00\x00\x07\x56\x52\r\n5;x=y\r\n\x030\x00\x01\x01\r\n0\r\nTrailer: x\r\n\r\n",
    )
    assert chunked.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert b"Inbox" in chunked
    bad, good = log_lines(tmp_path)
    assert (bad["status"], bad["problem"]) == (400, "odd framing")
    assert good["body_bytes"] == 13


async def test_two_requests_sent_at_once_are_answered_in_order(exchange):
    login = b"Authorization: Basic " + base64.b64encode(b"alice:right") + b"\r\n"
    ask = b" /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: x\r\n" + login
    answer = await raw(exchange, b"OPTIONS" + ask + b"\r\nGET" + ask + b"Connection: close\r\n\r\n")
    assert [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1")] == [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 400 Bad Request",
    ]


async def test_policy_is_required_where_configured(phones):
    server = SimulatedExchange(accept="none", require_policy=True)
    await server.start()
    try:
        assert (await phones(server, protocol_version="12.1").folder_sync()).http_status == 449
        phone = phones(server)
        assert (await phone.folder_sync()).status == 142
        await phone.provision()
        assert (await phone.folder_sync()).status == 1
        phone.policy_key += 1
        assert (await phone.folder_sync()).status == 144
    finally:
        await server.stop()


async def test_run_phone_tells_its_day_and_survives_refusal_and_loss(exchange, phones):
    said = []
    phone = phones(exchange)
    day = asyncio.ensure_future(run_phone(phone, said.append, heartbeat=600, pause=0.05))
    await eventually(lambda: exchange.hanging == 1)
    assert said[:5] == [
        "OPTIONS: ok",
        "Provision: ok",
        "FolderSync: ok",
        "Sync: ok",
        "Ping: waiting up to 600 s for mail",
    ]
    assert "Ping: ok, status 5" in said
    exchange.deliver_mail("alice", "Lunch?", "")
    await eventually(lambda: any("Lunch?" in line for line in said))
    await eventually(lambda: exchange.hanging == 1)
    exchange.set_password("alice", "changed")
    exchange.deliver_mail("alice", "second", "")
    await eventually(lambda: "Sync: HTTP 401, my password is not accepted" in said)
    await eventually(lambda: "OPTIONS: HTTP 401, my password is not accepted" in said)
    await exchange.stop()
    await eventually(lambda: any(line.startswith("connection lost") for line in said))
    day.cancel()
    with pytest.raises(asyncio.CancelledError):
        await day


def certificate(tmp_path, name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.2"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "ca.pem").write_bytes(pem)
    (tmp_path / "server.pem").write_bytes(pem + private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


async def test_tls_with_the_published_name(tmp_path):
    server = SimulatedExchange(tls=certificate(tmp_path, "mail.example"), accept="none")
    await server.start()
    phone = SimulatedPhone(server.url, tmp_path / "ca.pem", "mail.example", "alice", "x", "A1")
    stranger = SimulatedPhone(server.url, tmp_path / "ca.pem", "other.example", "alice", "x", "A1")
    try:
        assert (await phone.folder_sync()).status == 1
        with pytest.raises(ssl.SSLCertVerificationError):
            await stranger.folder_sync()
    finally:
        await phone.close()
        await server.stop()
