"""The service as its unit runs it: users by `handfast init`, only the unit's capabilities, files with their real owners.

Root needs none of what this finds missing. It all happens in a machine within the machine, which has /etc, /run and
/var/lib of its own; of systemd only what it does to start a service is done.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handfast.cli.installation.answers import SERVICE_USER, WORKER_USER
from handfast.cli.installation.units import ROLES
from handfast.keys.pki import issue_demo_certificate
from tests.doctor.machines import OWN_ETC, Machine, machine
from tests.installation import HOST, Installation
from tests.lab_server import LabServer, lab_server
from tests.scenarios.site import Person, Site
from tests.servers.processes import (
    descendants,
    find_program,
    free_port,
    is_running,
    python_for,
    server_directory,
    wait_until,
)

pytestmark = [
    pytest.mark.needs("unshare", "nsenter", "mount", "setpriv", "useradd"),
    pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users"),
]

OWN_MACHINE = f'{OWN_ETC}; mkdir -p "$2" "$3"; mount --bind "$2" /var/lib; mount --bind "$3" /run'
NUMBERS = {"CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_NET_BIND_SERVICE": 10}
"""Source: capabilities(7), linux/capability.h."""
AS_THE_UNIT = """
import ctypes, os, pwd, runpy, sys
user, kept = pwd.getpwnam(sys.argv[1]), [int(one) for one in sys.argv[2].split(",")]
libc, mask = ctypes.CDLL(None, use_errno=True), sum(1 << one for one in kept)
os.initgroups(user.pw_name, user.pw_gid)
for number in range(41):
    if number not in kept:
        libc.prctl(24, number, 0, 0, 0)  # PR_CAPBSET_DROP
libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
assert libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(mask, mask, mask)) == 0
for number in kept:
    libc.prctl(47, 2, number, 0, 0)  # PR_CAP_AMBIENT_RAISE: what systemd gives on; not every kernel has it
libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
os.umask(0o077)
del sys.argv[:3]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Becomes the user with these capabilities alone, and goes on as the program named after them: without `execve`, which
takes them from all but root where a kernel knows no ambient ones. Source: prctl(2), capset(2), systemd.exec(5).
"""
DEADLINE = 2.0
MEMBER = "anna"


@dataclass
class Host:
    """`root` is root's command line; `service` the service as its unit starts it."""

    folder: Path
    machine: Machine
    root: Installation
    service: Installation
    exchange: LabServer
    next_steps: list[str]

    def uid(self, user: str) -> int:
        """A user's number on that machine."""
        [line] = [
            one for one in (self.folder / "etc/passwd").read_text().splitlines() if one.startswith(f"{user}:")
        ]
        return int(line.split(":")[2])

    def as_user(self, user: str) -> Installation:
        """The command line as somebody else."""
        become = (find_program("setpriv"), "--reuid", user, "--regid", user, "--init-groups")
        return replace(self.root, words=(*self.root.words, *become))

    def refused_start(self) -> str:
        """What a start says that must fail."""
        done = self.service.run("serve")
        assert done.returncode == 3, done.stderr
        assert "Traceback" not in done.stderr
        assert "Unknown child process" not in done.stderr
        return done.stderr

    def findings(self) -> dict[str, list[dict[str, str]]]:
        """The doctor's, as root sees them, by id."""
        found: dict[str, list[dict[str, str]]] = {}
        for one in json.loads(self.root.run("doctor", "--json").stdout):
            found.setdefault(one["id"], []).append(one)
        return found


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Installed by `init`; root has looked and administered in the order that `init` prints; nothing runs yet."""
    with lab_server() as exchange, server_directory("users") as folder:
        places = [str(folder / one) for one in ("etc", "varlib", "run")]
        with machine(OWN_MACHINE, *places) as own:
            yield install(folder, own, exchange)


def install(folder: Path, own: Machine, exchange: LabServer) -> Host:
    ca_file, tls = issue_demo_certificate(folder / "tls", [HOST, "127.0.0.1"], now=datetime.now(UTC))
    (folder / "tls").chmod(0o755)
    root = Installation(
        folder=folder,
        settings=Path("/etc/handfast/handfast.toml"),
        port=free_port(),
        metrics_port=free_port(),
        ca_file=ca_file,
        values={"certificate": tls.certificate, "key": tls.key},
        log=folder / "service.log",
        words=(*own.words, *python_for(SERVICE_USER)),
    )
    # The Python that runs the tests may well be in a home folder; --force lets init do it all the same.
    words = ("--host", HOST, "--backend", exchange.url, "--auth", "header", "--mode", "first-use", "--force")
    files = ("--certificate", str(tls.certificate), "--key", str(tls.key))
    done = root.cli("init", "--yes", *words, *files, "--address", f"127.0.0.1:{root.port}")
    settings = folder / "etc/handfast/handfast.toml"
    text = settings.read_text().replace(
        "[gateway]\n", f"[gateway]\nworkers = 2\nstop_deadline_seconds = {DEADLINE}\n"
    )
    settings.write_text(f'{text}\n[metrics]\naddress = "127.0.0.1:{root.metrics_port}"\n')
    kept = ",".join(str(NUMBERS[one]) for one in ROLES[0].capabilities)
    become = (sys.executable, "-c", AS_THE_UNIT, SERVICE_USER, kept)
    host = Host(folder, own, root, replace(root, words=(*root.words, *become)), exchange, done["next"])
    [chgrp] = [one.partition(": ")[2] for one in host.next_steps if "chgrp" in one]
    own.run(chgrp)
    return host


@pytest.fixture
def site(host: Host) -> Iterator[Site]:
    """It runs, and root has met it before it did."""
    host.root.run("doctor")
    host.service.start()
    try:
        yield Site(host.service, host.root, host.exchange)
    finally:
        host.service.stop()


def owner(pid: int) -> int:
    """The user a process runs as."""
    [line] = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("Uid:")]
    return int(line.split()[1])


def enrol(site: Site, user: str) -> Person:
    site.identity.add_account(user)
    return Person(user, site.identity.issue(user))


def served_certificate(site: Site) -> str:
    return ssl.get_server_certificate((site.gateway.address, site.gateway.port))


def metrics(site: Site) -> str:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{site.gateway.metrics_port}/metrics", timeout=10
    ) as answer:
        return str(answer.read(), "utf-8")


def test_what_root_makes_before_the_first_start_is_the_services(host: Host) -> None:
    assert set(host.findings()) <= {"dns-name", "identity-unreachable", "certificate-chain-incomplete"}
    host.root.add_account("early")
    made = {one.name: one.stat() for one in (host.folder / "varlib/handfast").iterdir()}
    assert set(made) >= {"handfast.db", "handfast.db.lock"}
    assert {(one.st_uid, one.st_mode & 0o777) for one in made.values()} == {(host.uid(SERVICE_USER), 0o600)}
    host.service.start()
    host.service.stop()
    assert not host.service.log_lines("Traceback")


def test_a_reload_reaches_the_workers_whom_no_signal_of_ours_reaches(host: Host, site: Site) -> None:
    supervisor = site.gateway.process
    assert supervisor is not None
    assert owner(supervisor.pid) == host.uid(SERVICE_USER)
    workers = site.gateway.children("gateway")
    assert set(map(owner, workers)) == {host.uid(WORKER_USER)}
    before, files = served_certificate(site), site.gateway.values
    renewed_ca, renewed = issue_demo_certificate(
        host.folder / "renewed", [HOST, "127.0.0.1"], now=datetime.now(UTC)
    )
    count = len(site.gateway.log_lines("gateway-reloaded"))
    for new, old in (
        (renewed_ca, site.gateway.ca_file),
        (renewed.certificate, files["certificate"]),
        (renewed.key, files["key"]),
    ):
        Path(old).write_bytes(Path(new).read_bytes())
    site.gateway.reload()
    site.gateway.wait_for_log_line("gateway-reloaded", count=count + 2)
    assert served_certificate(site) != before
    assert site.gateway.children("gateway") == workers


def test_metrics_of_both_users_are_read_and_a_second_one_beside_takes_none(host: Host, site: Site) -> None:
    person = enrol(site, "metered")
    assert site.ask(person, "PHONE1").status == 200
    wait_until(lambda: 'outcome="allow"' in metrics(site), "the decision is counted")
    before = [one for one in metrics(site).splitlines() if one.startswith("handfast_decisions_total")]
    done = host.root.run("serve")
    assert done.returncode == 3
    assert f"handfast: listener 'outside' can't listen on 127.0.0.1:{host.root.port}" in done.stderr
    assert "Errno" not in done.stderr
    assert [one for one in metrics(site).splitlines() if one.startswith("handfast_decisions_total")] == before
    assert not site.gateway.log_lines("Traceback")


def test_a_stop_drains_and_leaves_nobody(host: Host, site: Site) -> None:
    person = enrol(site, "drained")
    assert site.ask(person, "PHONE1").status == 200
    process = site.gateway.process
    assert process is not None
    started, stops = descendants(process.pid), len(site.gateway.log_lines(" stopping "))

    def stop_and_deliver() -> None:
        process.send_signal(signal.SIGTERM)
        site.gateway.wait_for_log_line(" stopping ", count=stops + 1)
        host.exchange.deliver(person.user, "Just in time")

    answer = site.while_hanging(person, "PHONE1", stop_and_deliver)
    assert (answer.status, bool(answer.body)) == (200, True)
    assert process.wait(20) == 0
    assert len(started) == 3
    assert not any(map(is_running, started))


def test_a_worker_that_can_t_hear_is_killed_at_the_deadline(site: Site) -> None:
    process = site.gateway.process
    assert process is not None
    worker = site.gateway.children("gateway")[0]
    os.kill(worker, signal.SIGSTOP)
    try:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not is_running(worker)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def test_nobody_outlives_a_supervisor_that_was_killed(site: Site) -> None:
    process = site.gateway.process
    assert process is not None
    started = descendants(process.pid)
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(is_running, started)), "they end", 15)


def test_a_file_of_root_s_is_named_with_the_command_that_gives_it_back(host: Host) -> None:
    lock = host.folder / "varlib/handfast/handfast.db.lock"
    host.root.run("account", "list")
    os.chown(lock, 0, 0)
    said = host.refused_start()
    remedy = f"chown {SERVICE_USER} /var/lib/handfast/handfast.db.lock"
    assert "handfast.db.lock can't be opened: Permission denied" in said
    assert remedy in said
    [told] = host.findings()["database-not-writable"]
    assert told["remedy"] == remedy
    host.machine.run(told["remedy"])
    assert "database-not-writable" not in host.findings()
    host.service.start()
    host.service.stop()


def join_a_domain(host: Host) -> None:
    """Names a controller that does not answer, with a password that is identity's alone."""
    settings, password = (
        host.folder / "etc/handfast" / one for one in ("handfast.toml", "directory.password")
    )
    password.touch(0o600)
    password.write_text("secret\n")
    os.chown(password, host.uid(SERVICE_USER), -1)
    server = f'name = "dc1.contoso.lab"\naddress = "127.0.0.1"\nport = {free_port()}\n'
    account = 'bind_user = "r@contoso.lab"\nbind_password_file = "/etc/handfast/directory.password"\n'
    settings.write_text(f"{settings.read_text()}\n[directory]\n{account}\n[[directory.server]]\n{server}")


def test_a_help_desk_works_once_the_doctor_has_nothing_to_say(host: Host) -> None:
    host.machine.run(f"groupadd helpdesk && useradd --groups helpdesk {MEMBER}")
    settings = host.folder / "etc/handfast/handfast.toml"
    settings.write_text(
        settings.read_text().replace("[identity]\n", '[identity]\nadmin_group = "helpdesk"\n')
    )
    said = host.refused_start()
    assert "/run/handfast/admin.sock can't be given to the group helpdesk" in said
    assert f"usermod --append --groups helpdesk {SERVICE_USER}" in said
    assert not (host.folder / "run/handfast/admin.sock").exists()
    join_a_domain(host)
    desk = host.as_user(MEMBER)
    assert "chmod o+r /etc/handfast/handfast.toml" in desk.run("account", "list").stderr
    for told in host.findings()["admin-group"]:
        host.machine.run(told["remedy"].partition(",")[0])
    assert "admin-group" not in host.findings()
    host.service.start()
    try:
        assert isinstance(desk.cli("account", "list"), list)
        looked = desk.run("doctor", "--json")
        assert looked.stderr == ""
        assert {one["id"] for one in json.loads(looked.stdout)}.isdisjoint(
            {"identity-unreachable", "database-unusable", "directory-setup", "settings-file"}
        )
    finally:
        host.service.stop()
