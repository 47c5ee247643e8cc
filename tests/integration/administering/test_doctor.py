"""Each finding of `handfast doctor` on a real installation: produced, named with its remedy, and gone once it is mended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from typer.testing import CliRunner

from handfast.cli import app
from handfast.keys.key_file import create_key_file
from handfast.keys.pki import issue_demo_certificate
from tests.installation import HANDFAST, HOST, Installation, prepare
from tests.lab_server import lab_server
from tests.servers.processes import free_port, server_directory

HOSTS = [HOST, "127.0.0.1"]
ALWAYS = {"dns-name", "worker-user-not-set"}
"""True of every test installation: its name is in no DNS, and it runs as whoever runs the tests."""
Findings = dict[str, dict[str, Any]]


class BackEnd:
    """Answers every request with one status and a clock of its own; over TLS where it has a certificate."""

    def __init__(self, *, status: int = 200, clock: timedelta = timedelta(), certificate: Any = None) -> None:
        self.status, self.clock, self.answer = status, clock, b""
        self._tls = None
        if certificate is not None:
            import ssl

            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), taken:
                taken.settimeout(5)
                secured = self._tls.wrap_socket(taken, server_side=True) if self._tls else taken
                with secured:
                    secured.recv(65536)
                    date = format_datetime(datetime.now(UTC) + self.clock, usegmt=True)
                    head = f"HTTP/1.1 {self.status} Answer\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"
                    secured.sendall(self.answer or head.encode())

    def close(self) -> None:
        self._listening.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    """Serves; tests that need it stopped have their own."""
    with lab_server() as server, server_directory("doctor") as folder:
        site = prepare(folder, backend=server.url, workers=1)
        try:
            site.start()
            yield site
        finally:
            site.stop()


@pytest.fixture
def site(running: Installation) -> Iterator[Installation]:
    """The running installation; its settings are put back."""
    values = dict(running.values)
    yield running
    running.values = values
    running.write_settings()


def doctor(site: Installation) -> tuple[int, Findings]:
    """The command as a person runs it."""
    return _read(site.run("doctor", "--json"))


def doctor_again(site: Installation) -> Findings:
    """The same command in this process, for the second look."""
    done = CliRunner().invoke(app, ["doctor", "--json", "--settings", str(site.settings)])
    return {one["id"]: one for one in json.loads(done.stdout)}


def _read(done: subprocess.CompletedProcess[str]) -> tuple[int, Findings]:
    assert done.stdout, done.stderr
    return done.returncode, {one["id"]: one for one in json.loads(done.stdout)}


def check(site: Installation, finding: str, *words: str, severity: str = "error") -> None:
    """The finding is there, complete, and decides the exit code."""
    code, found = doctor(site)
    assert finding in found, found
    one = found[finding]
    assert one["severity"] == severity
    assert one["remedy"]
    for word in words:
        assert word in one["what"], one
    assert code == (1 if any(one["severity"] == "error" for one in found.values()) else 0)


def check_gone(site: Installation, finding: str) -> None:
    assert finding not in doctor_again(site)


def test_a_healthy_installation_has_nothing_to_complain_of(site) -> None:
    code, found = doctor(site)
    assert set(found) <= ALWAYS, found
    assert code == 0
    table = site.run("doctor")
    assert table.returncode == 0


def certificate(
    folder: Path, *, now: datetime | None = None, days: int = 30, hosts: list[str] | None = None
) -> Any:
    return issue_demo_certificate(folder, hosts or HOSTS, now=now or datetime.now(UTC), days=days)[1]


def leaf_only(made: Any) -> Path:
    """The chain file without the CA."""
    first = made.certificate.read_bytes().split(b"-----END CERTIFICATE-----\n")[0]
    cut = made.certificate.with_name("leaf.pem")
    cut.write_bytes(first + b"-----END CERTIFICATE-----\n")
    return cut


def turned(made: Any) -> Path:
    """The chain file in the wrong order."""
    parts = x509.load_pem_x509_certificates(made.certificate.read_bytes())
    file = made.certificate.with_name("turned.pem")
    from cryptography.hazmat.primitives.serialization import Encoding

    file.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in reversed(parts)))
    return file


def locked_key(made: Any) -> Path:
    from cryptography.hazmat.primitives import serialization as s

    key = s.load_pem_private_key(made.key.read_bytes(), None)
    file = made.key.with_name("locked.pem")
    file.write_bytes(
        key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"secret"))
    )
    return file


def pair(made: Any, chain: Callable[[Any], Path] = lambda made: made.certificate) -> tuple[Path, Path]:
    """(chain file, key file)."""
    return chain(made), made.key


def locked_pair(made: Any) -> tuple[Path, Path]:
    return made.certificate, locked_key(made)


NOW = datetime.now(UTC)
CERTIFICATES: dict[str, tuple[str, str, Callable[[Path], tuple[Path, Path]]]] = {
    "expired": (
        "certificate-expired", "error",
        lambda f: pair(certificate(f, now=NOW - timedelta(days=60))),
    ),
    "soon": (
        "certificate-expires-soon", "warning",
        lambda f: pair(certificate(f, days=10)),
    ),
    "not yet": (
        "certificate-not-yet-valid", "error",
        lambda f: pair(certificate(f, now=NOW + timedelta(days=10))),
    ),
    "wrong name": (
        "certificate-names", "error",
        lambda f: pair(certificate(f, hosts=["other.contoso.lab"])),
    ),
    "chain incomplete": (
        "certificate-chain-incomplete", "warning",
        lambda f: pair(certificate(f), leaf_only),
    ),
    "chain in the wrong order": (
        "certificate-chain-order", "error",
        lambda f: pair(certificate(f), turned),
    ),
    "key of another": (
        "certificate-key-mismatch", "error",
        lambda f: (certificate(f / "a").certificate, certificate(f / "b").key),
    ),
    "key with a passphrase": (
        "certificate-key-unreadable", "error",
        lambda f: locked_pair(certificate(f)),
    ),
    "no certificate in the file": (
        "certificate-unreadable", "error",
        lambda f: pair(certificate(f), lambda made: made.key),
    ),
    "no file": (
        "certificate-unreadable", "error",
        lambda f: (f / "none.pem", f / "none.key"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CERTIFICATES)
def test_certificates(site, case, tmp_path) -> None:
    finding, severity, make = CERTIFICATES[case]
    chain, key = make(tmp_path)
    good = site.values["certificate"], site.values["key"]
    site.write_settings(certificate=chain, key=key)
    check(site, finding, severity=severity)
    site.write_settings(certificate=good[0], key=good[1])
    check_gone(site, finding)


def test_a_self_signed_certificate(site, tmp_path) -> None:
    made = certificate(tmp_path)
    openssl = ["openssl", "req", "-x509", "-key", made.key, "-subj", f"/CN={HOST}", "-days", "90"]
    done = subprocess.run(
        [*openssl, "-addext", f"subjectAltName=DNS:{HOST}"], capture_output=True, check=True
    )
    (tmp_path / "self.pem").write_bytes(done.stdout)
    good = site.values["certificate"], site.values["key"]
    site.write_settings(certificate=tmp_path / "self.pem", key=made.key)
    check(site, "certificate-self-signed", severity="warning")
    site.write_settings(certificate=good[0], key=good[1])
    check_gone(site, "certificate-self-signed")


def test_the_key_file_s_mode(site) -> None:
    file = site.folder / "handfast.key"
    file.chmod(0o644)
    check(site, "key-file-mode", "0644", str(file))
    file.chmod(0o600)
    check_gone(site, "key-file-mode")


def test_a_key_file_that_is_missing_broken_or_another_s(tmp_path) -> None:
    with server_directory("keys") as folder:
        site = prepare(folder, backend=f"http://127.0.0.1:{free_port()}")
        site.add_account("alice")
        file = folder / "handfast.key"
        kept = file.read_bytes()
        file.unlink()
        check(site, "key-file-missing", str(file))
        file.write_bytes(b"not a key file\n")
        file.chmod(0o600)
        check(site, "key-file-unusable")
        file.unlink()
        create_key_file(file, now=datetime.now(UTC))
        check(site, "key-file-other-database")
        file.write_bytes(kept)
        found = doctor_again(site)
        assert not {"key-file-missing", "key-file-unusable", "key-file-other-database"} & set(found)


def test_identity_not_running_and_its_port_taken() -> None:
    with lab_server() as server, server_directory("stopped") as folder:
        site = prepare(folder, backend=server.url, workers=1)
        check(site, "identity-unreachable", "admin.sock")
        with socket.create_server(("127.0.0.1", site.port)):
            check(site, "port-in-use", str(site.port))
        check_gone(site, "port-in-use")
        try:
            site.start()
            assert set(doctor_again(site)) <= ALWAYS
        finally:
            site.stop()


def test_a_back_end_that_is_down(site, running) -> None:
    good = site.values["backends"]
    site.write_settings(backends=json.dumps([f"http://127.0.0.1:{free_port()}"]))
    check(site, "backend-connect", "127.0.0.1")
    site.write_settings(backends=json.dumps(["http://no-such-host.invalid"]))
    check(site, "backend-name", "no-such-host.invalid")
    site.write_settings(backends=good)
    assert not {"backend-connect", "backend-name"} & set(doctor_again(site))


def test_a_back_end_with_a_certificate_of_nobody_we_trust_or_another_name(site, tmp_path) -> None:
    ca, own = issue_demo_certificate(tmp_path / "a", ["ex01.corp.internal"], now=datetime.now(UTC))
    other_ca, _ = issue_demo_certificate(tmp_path / "b", ["ex01.corp.internal"], now=datetime.now(UTC))
    server = BackEnd(certificate=own)
    try:
        site.write_settings(
            backends=json.dumps([server.url]),
            backend_options=f'ca_file = "{other_ca}"\nserver_name = "ex01.corp.internal"',
        )
        check(site, "backend-tls", server.url)
        site.write_settings(backend_options=f'ca_file = "{ca}"\nserver_name = "ex02.corp.internal"')
        check(site, "backend-tls", "ex02")
        site.write_settings(backend_options=f'verify = "pin-sha256"\npin_sha256 = ["{"0" * 64}"]')
        code, found = doctor(site)
        assert code == 1
        shown = found["backend-pin"]["what"].rpartition("it shows ")[2].rstrip(")")
        site.write_settings(backend_options=f'verify = "pin-sha256"\npin_sha256 = ["{shown}"]')
        check_gone(site, "backend-pin")
        site.write_settings(backend_options=f'ca_file = "{ca}"\nserver_name = "ex01.corp.internal"')
        check_gone(site, "backend-tls")
    finally:
        server.close()


def test_a_back_end_s_answers_and_clock(site) -> None:
    server = BackEnd()
    try:
        site.write_settings(backends=json.dumps([server.url]))
        assert set(doctor_again(site)) <= ALWAYS
        server.clock = timedelta(minutes=10)
        check(site, "clock-off", server.url)
        server.clock = -timedelta(minutes=2)
        check(site, "clock-off", server.url, severity="warning")
        server.clock = timedelta()
        server.status = 500
        check(site, "backend-status", "500", severity="warning")
        server.status = 404
        check(site, "backend-status", "404", severity="warning")
        server.status, server.answer = 200, b"220 mail.example SMTP\r\n\r\n"
        check(site, "backend-answer", "SMTP")
        server.answer = b""
        assert set(doctor_again(site)) <= ALWAYS
    finally:
        server.close()


def test_settings_that_are_wrong_or_warned_of(site) -> None:
    good = site.values["mode"]
    site.write_settings(mode="first_use")
    check(site, "settings", "mode")
    site.write_settings(mode=good, publication='policy = "nosuch"')
    check(site, "settings", "nosuch")
    site.write_settings(publication="", backend_options=f'ca_file = "{site.folder}/none.pem"')
    check(site, "settings-file", "none.pem")
    site.write_settings(backend_options="", identity='admin_group = "no-such-group"')
    check(site, "admin-group", "no-such-group")
    site.write_settings(identity="")
    assert set(doctor_again(site)) <= ALWAYS


@pytest.mark.skipif(
    os.geteuid() != 0 and os.environ.get("CI") != "true", reason="rights of another user need root"
)
def test_the_workers_user_and_what_it_may_read(site) -> None:
    site.write_settings(gateway='user = "no-such-user"')
    check(site, "worker-user", "no-such-user")
    site.write_settings(gateway='user = "root"')
    check(site, "worker-user", "root")
    site.write_settings(gateway='user = "nobody"')
    key = site.folder / "handfast.key"
    key.chmod(0o604)
    check(site, "worker-user-reads-secrets", str(key))
    key.chmod(0o600)
    check(site, "worker-user-lacks-certificate", str(site.values["key"]))
    database = site.folder / "handfast.db"
    database.chmod(0o600)
    tls = Path(site.values["key"]).parent
    tls.chmod(0o755)
    Path(site.values["key"]).chmod(0o644)
    found = doctor_again(site)
    assert not {"worker-user", "worker-user-reads-secrets", "worker-user-lacks-certificate"} & set(found), (
        found
    )


@pytest.mark.needs("unshare", "mount")
def test_a_disk_that_is_nearly_full(site) -> None:
    """In a mount namespace of its own, on a file system as small as we want it."""
    with server_directory("disk") as folder:
        for size, finding, code in (("50m", "disk-full", 1), ("600m", "disk-low", 0), ("2g", "", 0)):
            inside = folder / "small"
            shutil.rmtree(inside, ignore_errors=True)
            inside.mkdir()
            settings = folder / "small.toml"
            settings.write_text(
                site.settings.read_text().replace(f"{site.folder}/handfast.db", f"{inside}/handfast.db")
            )
            done = subprocess.run(
                [
                    "unshare", "--map-root-user", "--mount", "/bin/sh", "-c",
                    f"mount -t tmpfs -o size={size} tmpfs {inside} && exec {HANDFAST} doctor --json --settings {settings}",
                ],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            returned, found = _read(done)
            assert {one for one in found if one.startswith("disk")} == ({finding} if finding else set())
            assert returned == code, found
