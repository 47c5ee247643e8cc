"""Real certificates, and a TLS server on loopback that answers once a connection."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A CA that signs what it is told to."""

    def __init__(self, name="root", issuer=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name_of(name)
        self.certificate = self._sign(self.name, self.key, issuer or self, is_ca=True)

    def _sign(self, subject, key, issuer, *, is_ca=False, hosts=(), begins=None, days=3650):
        begins = begins or dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
            )
        )
        if is_ca:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(one) for one in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(issuer.key, hashes.SHA256())

    def issue(self, *hosts, begins=None, days=365):
        """(certificate, key) for hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        begins = begins or NOW - dt.timedelta(days=10)
        return self._sign(name_of("server"), key, self, hosts=hosts, begins=begins, days=days), key


def pem(*certificates):
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def key_pem(key, passphrase=None):
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


class Server:
    """Answers every connection with the same bytes; `requests` holds what was asked."""

    def __init__(self, answer, context=None):
        self.answer, self.context, self.requests = answer, context, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                connection.settimeout(5)
                if self.context is None:
                    self._answer(connection)
                else:
                    with self.context.wrap_socket(connection, server_side=True) as secured:
                        self._answer(secured)

    def _answer(self, connection):
        request = connection.recv(4096)
        if request:
            self.requests.append(request)
        connection.sendall(self.answer)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def serve(tmp_path):
    """Starts servers; with a (certificate, key) pair they speak TLS."""
    servers = []

    def start(answer=b"HTTP/1.1 200 OK\r\n\r\n", pair=None):
        context = None
        if pair is not None:
            file = tmp_path / f"server{len(servers)}.pem"
            file.write_bytes(pem(pair[0]) + key_pem(pair[1]))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
        servers.append(Server(answer, context))
        return servers[-1]

    yield start
    for one in servers:
        one.close()
