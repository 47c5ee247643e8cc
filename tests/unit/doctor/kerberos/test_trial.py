"""The trial over real connections: one token for each, bound to the certificate that was shown."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from contextlib import contextmanager

import pytest

from handfast.doctor.kerberos.facts import AnswerTrial, TicketTrial
from handfast.doctor.kerberos.trial import NoTicket, server_end_point, try_services
from handfast.identity.directory.domain_account import DomainAccount
from handfast.settings.publication import PublicationSettings
from tests.servers.authority import Authority

ALICE = DomainAccount("CN=alice", "alice", 0x200)
SPN = "HTTP/mail.contoso.lab"


@contextmanager
def server(answer: bytes, tls=None):
    """Answers one connection after another, and keeps what was asked."""
    heads: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                with tls.wrap_socket(connection, server_side=True) if tls else connection as talk:
                    heads.append(talk.recv(65536))
                    talk.sendall(answer)
            except ssl.SSLError:
                continue
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}", heads
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def publication(*urls: str, **backend) -> PublicationSettings:
    backend = {"urls": list(urls), "auth": "kerberos", "spn": SPN, **backend}
    return PublicationSettings.model_validate(
        {"name": "mail", "hosts": ["mail.example.com"], "backend": backend}
    )


def test_each_back_end_gets_a_token_of_its_own():
    made: list[bytes] = []

    def make(person: DomainAccount, spn: str, binding: bytes) -> bytes:
        assert (person, spn, binding) == (ALICE, SPN, b"")
        made.append(b"token %d" % len(made))
        return made[-1]

    with server(b"HTTP/1.1 200 OK\r\n\r\n") as (good, heads), server(b"HTTP/1.1 401 No\r\n\r\n") as (bad, _):
        trial = try_services("alice", ALICE, [publication(good, bad)], make)
    assert trial.tickets == (TicketTrial(SPN),)
    assert trial.answers == (AnswerTrial("mail", good, 200), AnswerTrial("mail", bad, 401))
    assert len(made) == len(set(made)) == 3
    assert heads[0].startswith(b"OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: mail.example.com\r\n")
    assert b"\r\nAuthorization: Negotiate dG9rZW4gMQ==\r\n" in heads[0]


def test_a_token_is_bound_to_the_certificate_shown(tmp_path):
    certificate, key = Authority.new().issue(tmp_path, ["ex1.contoso.lab"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    seen: list[bytes] = []

    def make(person: DomainAccount, spn: str, binding: bytes) -> bytes:
        seen.append(binding)
        return b"t"

    with server(b"HTTP/1.1 200 OK\r\n\r\n", tls) as (url, _):
        pin = hashlib.sha256(der).hexdigest()
        trial = try_services("alice", ALICE, [publication(url, verify="pin-sha256", pin_sha256=[pin])], make)
        assert trial.answers[0].status == 200
        assert seen == [b"", b"tls-server-end-point:" + hashlib.sha256(der).digest()]
        other = publication(url, verify="pin-sha256", pin_sha256=["0" * 64])
        (refused,) = try_services("alice", ALICE, [other], make).answers
        assert (refused.status, refused.problem) == (None, "another fingerprint")


def test_what_does_not_answer_says_why():
    def make(person: DomainAccount, spn: str, binding: bytes) -> bytes:
        return b"t"

    with server(b"220 mail ESMTP\r\n") as (url, _):
        (answer,) = try_services("alice", ALICE, [publication(url)], make).answers
    assert (answer.status, answer.problem) == (None, "it does not answer in HTTP")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    (answer,) = try_services("alice", ALICE, [publication(f"http://127.0.0.1:{port}")], make).answers
    assert answer.status is None
    assert "refused" in answer.problem


def test_a_ticket_for_one_service_is_asked_for_once():
    asked: list[str] = []

    def make(person: DomainAccount, spn: str, binding: bytes) -> bytes:
        asked.append(spn)
        raise NoTicket("no")

    trial = try_services(
        "alice", ALICE, [publication("http://127.0.0.1:1"), publication("http://127.0.0.1:1")], make
    )
    assert (asked, trial.tickets, trial.answers) == ([SPN], (TicketTrial(SPN, "no"),), ())
    assert try_services("bob", None, [], make).tickets == ()


def test_no_certificate_no_binding():
    assert server_end_point(b"") == b""
    with pytest.raises(ValueError, match="parsing"):
        server_end_point(b"no certificate")
