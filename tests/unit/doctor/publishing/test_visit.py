"""Questions over real sockets and real TLS; above all, what is not sent."""

import datetime as dt
import socket
import threading
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from handfast.doctor.publishing import visit
from handfast.doctor.publishing.visit import Ask, Seen, Visitor, read_answer
from tests.fakes.doctor_world import Authority, pem

ROOT = Authority("lab root")
HOST = "mail.example.com"
SECRET = {"Authorization": "Basic c2VjcmV0"}
BEGINS = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
WELL = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nno"


@pytest.fixture
def ca_file(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_bytes(pem(ROOT.certificate))
    return file


def visitor(server, **options):
    return Visitor(("127.0.0.1", server.port), **{"is_tls": False, **options})


def test_a_question_as_its_bytes():
    asked = Ask("POST", HOST, "/x?y=1", {"Content-Type": "text/xml"}, b"body")
    assert asked.encoded == (
        b"POST /x?y=1 HTTP/1.1\r\nHost: mail.example.com\r\nUser-Agent: handfast-doctor\r\nConnection: close\r\n"
        b"Content-Type: text/xml\r\nContent-Length: 4\r\n\r\nbody"
    )
    assert b"Content-Length: 0\r\n" in Ask("POST", HOST, "/").encoded
    assert b"Content-Length" not in Ask("GET", HOST, "/").encoded


def test_a_secret_is_not_in_its_repr():
    assert "c2VjcmV0" not in repr(Ask("GET", HOST, "/", SECRET, is_secret=True))


def test_an_answer_without_tls(serve):
    server = serve(WELL)
    seen = visitor(server).ask(Ask("OPTIONS", HOST, "/x"))
    assert (seen.status, seen.headers["www-authenticate"], seen.body) == (401, "Basic, NTLM", b"no")
    assert (seen.certificate, seen.distrust, seen.problem) == (b"", "", "")
    assert server.requests == [Ask("OPTIONS", HOST, "/x").encoded]


def test_a_balancer_s_own_header_stands_before_all(serve):
    server = serve(WELL)
    visitor(server, is_balancer=True).ask(Ask("GET", HOST, "/"))
    assert b"".join(server.requests).startswith(visit.BALANCER_S_OWN)


def test_a_chain_that_verifies(serve, ca_file):
    pair = ROOT.issue(HOST, begins=BEGINS)
    server = serve(WELL, pair=pair)
    seen = visitor(server, is_tls=True, ca_file=ca_file).ask(Ask("GET", HOST, "/", SECRET, is_secret=True))
    assert (seen.status, seen.distrust, seen.is_public) == (401, "", False)
    assert seen.certificate == pair[0].public_bytes(Encoding.DER)
    assert SECRET["Authorization"].encode() in server.requests[-1]


def test_a_root_of_the_system(serve, ca_file, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    server = serve(WELL, pair=ROOT.issue(HOST, begins=BEGINS))
    assert visitor(server, is_tls=True).ask(Ask("GET", HOST, "/")).is_public


def test_without_trust_questions_are_asked_and_secrets_are_not(serve):
    server = serve(WELL, pair=ROOT.issue(HOST, begins=BEGINS))
    look = visitor(server, is_tls=True)
    seen = look.ask(Ask("GET", HOST, "/"))
    assert seen.status == 401
    assert seen.distrust
    assert seen.certificate
    signed = look.ask(Ask("GET", HOST, "/", SECRET, is_secret=True))
    assert (signed.status, bool(signed.distrust)) == (0, True)
    assert len(server.requests) == 1


def test_a_secret_is_not_sent_under_another_name(serve, ca_file):
    server = serve(WELL, pair=ROOT.issue("other.example.com", begins=BEGINS))
    look = visitor(server, is_tls=True, ca_file=ca_file)
    assert look.ask(Ask("GET", HOST, "/")).status == 401
    assert "ostname mismatch" in look.ask(Ask("GET", HOST, "/", SECRET, is_secret=True)).distrust
    assert len(server.requests) == 1


def test_a_secret_is_not_sent_without_tls(serve):
    server = serve(WELL)
    assert visitor(server).ask(Ask("GET", HOST, "/", SECRET, is_secret=True)).distrust
    assert server.requests == []


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    seen = Visitor(("127.0.0.1", port), is_tls=True).ask(Ask("GET", HOST, "/"))
    assert (seen.status, seen.problem) == (0, "Connection refused")


def test_no_tls_where_it_is_expected(serve):
    seen = visitor(serve(WELL), is_tls=True).ask(Ask("GET", HOST, "/"))
    assert (seen.status, seen.distrust) == (0, "")
    assert seen.problem


def test_a_server_that_drips_is_left_at_the_deadline(monkeypatch):
    monkeypatch.setattr(visit, "ASK_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()
        thread = threading.Thread(target=drip, args=(server, done))
        thread.start()
        began = time.monotonic()
        seen = Visitor(server.getsockname(), is_tls=False).ask(Ask("GET", HOST, "/"))
        took = time.monotonic() - began
        done.set()
        thread.join()
    assert seen.status == 0
    assert took < 5


def drip(server, done):
    taken, _ = server.accept()
    with taken:
        while not done.wait(0.05):
            try:
                taken.sendall(b"x")
            except OSError:
                return


def test_a_huge_answer_is_read_so_far_and_no_further(serve, monkeypatch):
    monkeypatch.setattr(visit, "MAX_ANSWER_BYTES", 1000)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    server = serve(head + bytes(1_000_000))
    seen = visitor(server).ask(Ask("GET", HOST, "/"))
    assert seen.status == 200
    assert 900 < len(seen.body) < 100_000


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"", Seen(problem="the connection was closed without an answer")),
        (b"SSH-2.0-x\r\n\r\n", Seen(problem="the answer is no HTTP")),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", Seen(problem="the answer is no HTTP")),
        (b"HTTP/1.1 200 OK\r\n\r\nx", Seen(200, {}, b"x")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", Seen(200, {}, b"x")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", Seen(200, {"content-length": "9"}, b"x")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            Seen(200, {"transfer-encoding": "chunked"}, b"x"),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
            Seen(200, {"transfer-encoding": "chunked"}, b"x"),
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n",
            Seen(302, {"location": "http://elsewhere/"}),
        ),
    ],
)
def test_answers(data, seen):
    assert read_answer(data, "GET") == seen


def test_a_head_has_no_body():
    assert read_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD").body == b""
