"""TLS with its channel bindings, the PROXY protocol, and TLS behind us."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import ssl
import struct
from dataclasses import replace
from ipaddress import ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from handfast.gateway.config import CertificateConfig
from handfast.protocols.http1.proxy_v2 import SIGNATURE
from handfast.protocols.ntlm.channel_bindings import tls_server_end_point_binding
from tests.fakes.gateway_peers import HOST, Gateway, RawBackend, request_bytes, until
from tests.integration.gateway.test_ntlm import TYPE1, leg, type3


def make_certificate(folder, name, *, algorithm=hashes.SHA256) -> CertificateConfig:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, algorithm())
    )
    pem, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return CertificateConfig(pem, key_file)


def trusting(*items: CertificateConfig) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for item in items:
        context.load_verify_locations(item.certificate)
    return context


def der_of(item: CertificateConfig) -> bytes:
    return ssl.PEM_cert_to_DER_cert(item.certificate.read_text())


async def test_tls_by_sni_with_the_binding_of_the_certificate_that_was_shown(tmp_path):
    first = make_certificate(tmp_path, HOST)
    second = make_certificate(tmp_path, "other.example.org", algorithm=hashes.SHA384)
    listener = {"certificates": (first, second)}
    async with RawBackend() as backend, Gateway(backend.url, listener=listener) as gateway:
        for item, name, digest in (
            (first, HOST, hashlib.sha256),
            (second, "other.example.org", hashlib.sha384),
        ):
            client = await gateway.client(ssl=trusting(first, second), server_hostname=name)
            assert client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True) == der_of(item)
            await client.send(leg(TYPE1))
            assert (await client.read_answer()).status == 401
            await client.send(leg(type3("alice"), body=b"x"))
            assert (await client.read_answer()).body == b"alice:x"
            credential = gateway.identity.asked[-1].credential
            assert credential.channel_binding == tls_server_end_point_binding(digest(der_of(item)).digest())
            assert b"X-Forwarded-Proto: https" in backend.heads[-1]


async def test_reload_shows_the_new_certificate_and_keeps_the_old_connection(tmp_path):
    old, new_folder = make_certificate(tmp_path, HOST), tmp_path / "new"
    new_folder.mkdir()
    new = make_certificate(new_folder, HOST)
    async with RawBackend() as backend, Gateway(backend.url, listener={"certificates": (old,)}) as gateway:
        client = await gateway.client(ssl=trusting(old), server_hostname=HOST)
        assert (await client.ask()).status == 200
        listener = replace(gateway.config.listeners[0], certificates=(new,))
        await gateway.worker.reload(replace(gateway.config, listeners=(listener,)))
        assert (await client.ask()).status == 200
        again = await gateway.client(ssl=trusting(new), server_hostname=HOST)
        assert (await again.ask()).status == 200
        await client.send(leg(TYPE1))
        await client.read_answer()
        await client.send(leg(type3("alice")))
        await client.read_answer()
        binding = tls_server_end_point_binding(hashlib.sha256(der_of(old)).digest())
        assert gateway.identity.asked[-1].credential.channel_binding == binding


async def test_a_reload_that_cannot_be_done_changes_nothing(tmp_path):
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        assert (await client.ask()).status == 200
        broken = CertificateConfig(tmp_path / "no.pem", tmp_path / "no.key")
        listener = replace(gateway.config.listeners[0], certificates=(broken,))
        with pytest.raises(OSError):
            await gateway.worker.reload(replace(gateway.config, listeners=(listener,)))
        assert (await client.ask()).status == 200


async def test_tls_garbage_and_old_versions_are_turned_away(tmp_path):
    item = make_certificate(tmp_path, HOST)
    async with RawBackend() as backend, Gateway(backend.url, listener={"certificates": (item,)}) as gateway:
        plain = await gateway.client()
        await plain.send(request_bytes())
        async with asyncio.timeout(20):
            assert b"HTTP" not in await plain.reader.read(1000)
        await until(lambda: not gateway.worker._acceptors[0].open)
        assert backend.seen == []


def proxy_header(source="203.0.113.9", *, command=0x21, family=0x11, tlvs=b"", cut=0) -> bytes:
    if family == 0x11:
        addresses = bytes(map(int, source.split("."))) + bytes([127, 0, 0, 1]) + struct.pack(">HH", 4711, 443)
    else:
        import ipaddress

        addresses = ipaddress.ip_address(source).packed + bytes(16) + struct.pack(">HH", 4711, 443)
    body = addresses + tlvs
    data = SIGNATURE + bytes([command, family]) + struct.pack(">H", len(body)) + body
    return data[: len(data) - cut]


BALANCED = {"proxy_protocol_from": (ip_network("127.0.0.0/8"),), "head_timeout_seconds": 0.5}


@pytest.mark.parametrize("with_tls", [False, True])
async def test_the_balancers_word_is_the_source(tmp_path, with_tls):
    listener = dict(BALANCED, head_timeout_seconds=30.0)
    item = make_certificate(tmp_path, HOST)
    if with_tls:
        listener["certificates"] = (item,)
    async with RawBackend() as backend, Gateway(backend.url, listener=listener) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(proxy_header(tlvs=b"\x04\x00\x02ab"))
        if with_tls:
            await writer.start_tls(trusting(item), server_hostname=HOST)
        writer.write(request_bytes(body=b"x"))
        async with asyncio.timeout(20):
            assert (await reader.readuntil(b"alice:x")).startswith(b"HTTP/1.1 200")
        assert gateway.identity.asked[0].source == "203.0.113.9"
        assert b"X-Forwarded-For: 203.0.113.9" in backend.heads[0]
        writer.transport.abort()


@pytest.mark.parametrize(
    "sent",
    [
        request_bytes(),
        b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n" + request_bytes(),
        proxy_header(command=0x11) + request_bytes(),
        proxy_header(command=0x22) + request_bytes(),
        proxy_header(family=0x12) + request_bytes(),
        proxy_header(tlvs=b"\x04\x00\xffab") + request_bytes(),
        proxy_header(cut=4),
        SIGNATURE + b"\x21\x11\x00\x04abcd" + request_bytes(),
        SIGNATURE + b"\x21\x11\xff\xff" + request_bytes(),
    ],
)
async def test_a_missing_or_wrong_header_ends_the_connection(sent):
    async with RawBackend() as backend, Gateway(backend.url, listener=BALANCED) as gateway:
        client = await gateway.client(before=sent)
        assert await client.is_closed(10)
        assert gateway.identity.asked == []
        assert backend.seen == []
        await until(lambda: not gateway.worker._acceptors[0].open)


async def test_local_is_the_balancers_own_address():
    listener = dict(BALANCED, head_timeout_seconds=30.0)
    async with RawBackend() as backend, Gateway(backend.url, listener=listener) as gateway:
        client = await gateway.client(before=SIGNATURE + b"\x20\x00\x00\x00")
        assert (await client.ask()).status == 200
        assert gateway.identity.asked[0].source == "127.0.0.1"


async def test_from_elsewhere_the_header_is_refused():
    listener = {"proxy_protocol_from": (ip_network("10.0.0.0/8"),)}
    async with RawBackend() as backend, Gateway(backend.url, listener=listener) as gateway:
        client = await gateway.client(before=proxy_header() + request_bytes())
        assert (await client.read_answer()).status == 400
        assert await client.is_closed()
        assert backend.seen == []
        assert (await (await gateway.client()).ask()).status == 200


def serving(item: CertificateConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(item.certificate, item.key)
    return context


async def test_tls_behind_is_verified_by_ca_and_name_or_by_pin(tmp_path):
    right, wrong = make_certificate(tmp_path, "ex.inside"), make_certificate(tmp_path, "evil.inside")
    pin = hashlib.sha256(der_of(right)).hexdigest()
    good = [
        {"ca_file": right.certificate, "server_name": "ex.inside"},
        {"verify": "pin-sha256", "pin_sha256": (pin.upper(),)},
    ]
    bad = [
        {"ca_file": right.certificate, "server_name": "other.inside"},
        {"ca_file": wrong.certificate, "server_name": "ex.inside"},
        {"verify": "pin-sha256", "pin_sha256": (hashlib.sha256(b"x").hexdigest(),)},
        {"verify": "pin-sha256", "pin_sha256": ()},
        {},
    ]
    async with RawBackend(ssl=serving(right)) as backend:
        for options in good:
            async with Gateway(backend.url, backend=options) as gateway:
                assert (await (await gateway.client()).ask(body=b"x")).body == b"alice:x"
        count = len(backend.seen)
        for options in bad:
            async with Gateway(backend.url, backend=options) as gateway:
                assert (await (await gateway.client()).ask()).status in (502, 503)
        assert len(backend.seen) == count
