"""Probes against real sockets, files and TLS."""

import datetime as dt
import grp
import hashlib
import os
import pwd
import socket
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from handfast.doctor import probes
from handfast.doctor.backends import check_backend
from handfast.settings.publication import BackendSettings
from tests.fakes.doctor_world import Authority, pem

ROOT = Authority("lab root")
SOON = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
DATED = b"HTTP/1.1 401 Unauthorized\r\nDate: Sun, 01 Mar 2026 12:00:00 GMT\r\n\r\n"


def look(url, **backend):
    return probes.look_at_backend(url, BackendSettings(urls=(url,), **backend), "mail.example.com")


def ids(sight):
    found = list(check_backend("eas", sight))
    assert all(one.remedy and sight.url in one.what for one in found)
    return [one.id for one in found]


@pytest.fixture
def ca_file(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_bytes(pem(ROOT.certificate))
    return file


def test_a_plain_back_end_that_is_well(serve):
    server = serve(DATED)
    sight = look(f"http://127.0.0.1:{server.port}")
    assert ids(sight) == []
    assert sight.status == 401
    assert sight.date == dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    assert server.requests[0].startswith(
        b"OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: mail.example.com\r\n"
    )


def test_path_and_host_are_those_of_the_settings(serve):
    server = serve()
    look(f"http://127.0.0.1:{server.port}", path="/SOGo/eas", host="inside.lan")
    assert server.requests[0].startswith(b"OPTIONS /SOGo/eas HTTP/1.1\r\nHost: inside.lan\r\n")


def test_tls_verified_by_ca(serve, ca_file):
    server = serve(pair=ROOT.issue("exchange.lan", begins=SOON))
    url = f"https://127.0.0.1:{server.port}"
    assert ids(look(url, ca_file=ca_file, server_name="exchange.lan")) == []
    assert ids(look(url, ca_file=ca_file, server_name="other.lan")) == ["backend-tls"]
    assert ids(look(url, ca_file=ca_file)) == ["backend-tls"]
    assert ids(look(url, server_name="exchange.lan")) == ["backend-tls"]
    assert ids(look(url, ca_file=ca_file.with_name("none"), server_name="exchange.lan")) == ["backend-tls"]
    assert len(server.requests) == 1  # nothing is asked where verification failed


def test_tls_expired(serve, ca_file):
    server = serve(pair=ROOT.issue("exchange.lan", begins=SOON - dt.timedelta(days=9), days=5))
    assert ids(look(f"https://127.0.0.1:{server.port}", ca_file=ca_file, server_name="exchange.lan")) == [
        "backend-tls"
    ]


def test_tls_pinned(serve):
    pair = ROOT.issue("exchange.lan", begins=SOON)
    server = serve(pair=pair)
    url = f"https://127.0.0.1:{server.port}"
    pin = hashlib.sha256(pair[0].public_bytes(Encoding.DER)).hexdigest()
    assert ids(look(url, verify="pin-sha256", pin_sha256=(pin,))) == []
    sight = look(url, verify="pin-sha256", pin_sha256=("ab" * 32,))
    assert ids(sight) == ["backend-pin"]
    assert sight.fingerprint == pin
    assert len(server.requests) == 1


def test_connect_and_name():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert ids(look(f"http://127.0.0.1:{port}")) == ["backend-connect"]
    assert ids(look("http://no-such-host.invalid")) == ["backend-name"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 503 Busy\r\n\r\n", ["backend-status"]),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", ["backend-status"]),
        (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", []),
        (b"SSH-2.0-x\r\n\r\n", ["backend-answer"]),
        (b"", ["backend-answer"]),
        (b"HTTP/1.1 2x0\r\n\r\n", ["backend-answer"]),
        (b"HTTP/1.1 200 OK\r\nDate: yesterday\r\n\r\n", []),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000, []),
    ],
)
def test_answers(serve, answer, found):
    server = serve(answer)
    assert ids(look(f"http://127.0.0.1:{server.port}")) == found
    assert len(server.requests) == 1  # no redirect is followed


def test_a_silent_back_end(serve, monkeypatch):
    monkeypatch.setattr(probes, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert ids(look(url, connect_timeout_seconds=0.2)) == ["backend-answer"]


def test_ports():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert "in use" in probes.bind_problem(address).lower()
    assert probes.bind_problem(address) is None
    assert probes.bind_problem("[::1]:0") is None
    assert probes.bind_problem("192.0.2.1:443") is not None


def test_files_and_users(tmp_path):
    file = tmp_path / "k"
    assert probes.file_rights(file) is None
    file.write_text("x")
    file.chmod(0o640)
    rights = probes.file_rights(file)
    assert rights.chain[0][:2] == (os.geteuid(), os.getegid())
    assert rights.chain[0][2] & 0o777 == 0o640
    assert len(rights.chain) == len(file.resolve().parents) + 1
    entry = pwd.getpwuid(os.geteuid())
    user = probes.find_user(entry.pw_name)
    assert (user.name, user.uid, user.groups) == (entry.pw_name, entry.pw_uid, frozenset({entry.pw_gid}))
    assert user.group == grp.getgrgid(entry.pw_gid).gr_name
    assert probes.find_user("no-such-user-here") is None
    assert probes.group_name(2**31 - 7) == str(2**31 - 7)
    assert probes.find_group("no-such-group-here") is None
    assert probes.find_group("root") == 0


def test_what_of_a_database_is_another_user_s(tmp_path):
    database, us = tmp_path / "x.db", os.geteuid()
    there = [tmp_path / f"x.db{suffix}" for suffix in ("", ".lock")]
    for one in there:
        one.touch()
    assert probes.owned_by_others(database, us + 1) == there
    assert probes.owned_by_others(database, us) == []
    assert probes.owned_by_others(tmp_path / "x.db/x.db", us) == []


def test_a_disk_whose_folder_is_shut_says_nothing(tmp_path, monkeypatch):
    def shut(_):
        raise PermissionError

    monkeypatch.setattr(Path, "exists", shut)
    assert probes.disk(tmp_path / "x.db") is None


def test_disk(tmp_path):
    free, is_writable = probes.disk(tmp_path / "not" / "yet.db")
    assert free > 0
    assert is_writable


def test_names_and_trust():
    assert probes.dns_problem("localhost") is None
    assert probes.dns_problem("no-such-host.invalid")
    assert probes.dns_problem("a" * 70 + ".b")
    assert all(isinstance(one, bytes) for one in probes.trusted_subjects())


@pytest.mark.parametrize(
    ("answer", "is_ours"),
    [(b"HTTP/1.0 200 OK", True), (b"HTTP/1.0 503 Ill", True), (b"HTTP/1.0 404 No", False), (b"SSH", False)],
)
def test_health(serve, answer, is_ours):
    server = serve(answer + b"\r\n\r\n")
    assert probes.serves_health(f"127.0.0.1:{server.port}") is is_ours
    assert server.requests[0].startswith(b"GET /healthz ")


def test_no_health_where_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert not probes.serves_health(f"127.0.0.1:{port}")
