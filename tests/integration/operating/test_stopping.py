"""How the service ends, and what keeps it from starting: in order, in time, with a clear word and a remedy."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.installation import SETTINGS, Installation, prepare
from tests.lab_server import lab_server
from tests.scenarios.site import Site
from tests.servers.processes import (
    descendants,
    free_port,
    is_running,
    python_for,
    server_directory,
    wait_until,
)

DEADLINE = 8.0
"""Long beside what a busy machine may lose, short beside the Ping of ten minutes that it cuts."""
PATIENT_DEADLINE = 30.0
WORKER_USER = "nobody"


@pytest.fixture(scope="module")
def exchange():
    with lab_server() as running:
        yield running


@contextlib.contextmanager
def stopping_within(seconds: float, exchange) -> Iterator[Site]:
    with server_directory("stopping") as folder:
        one = prepare(folder, backend=exchange.url)
        deadline = "stop_deadline_seconds = 2"
        assert deadline in SETTINGS
        one.template = SETTINGS.replace(deadline, f"stop_deadline_seconds = {seconds}")
        one.write_settings()
        try:
            one.start()
            yield Site(one, one, exchange)
        finally:
            one.stop()


@pytest.fixture
def site(exchange):
    with stopping_within(DEADLINE, exchange) as one:
        yield one


def end(site: Site, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
    """Sends the signal and waits: (exit code, seconds); nothing it started lives on."""
    process = site.gateway.process
    assert process is not None
    started = descendants(process.pid)
    assert len(started) == 3
    began = time.monotonic()
    process.send_signal(number)
    code = process.wait(40)
    took = time.monotonic() - began
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    return code, took


@pytest.fixture
def patient(exchange):
    """With a long deadline, to see who is waited for."""
    with stopping_within(PATIENT_DEADLINE, exchange) as one:
        yield one


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_everything_with_exit_code_0_and_it_starts_again(patient, number):
    """Idle connections, whose clients sleep, are not waited for."""
    person = patient.enrol()
    with patient.client() as idle:
        assert idle.ask(person.login, person.password, "PHONE1").status == 200
        code, took = end(patient, number)
        assert (code, took < 15) == (0, True), f"{took:.1f} s"
    patient.gateway.start()
    assert patient.ask(person, "PHONE1").status == 200


def test_ctrl_c_in_a_terminal_reaches_the_whole_group_and_still_ends_in_order(site):
    """A terminal sends SIGINT to every process of the foreground group at once."""
    process = site.gateway.process
    assert process is not None
    started = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(DEADLINE + 10) == 0
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    assert not site.gateway.log_lines("Traceback")


def test_what_is_in_flight_finishes_within_the_deadline(patient):
    """And the end comes with it, long before the deadline."""
    person = patient.enrol()
    assert patient.ask(person, "PHONE1").status == 200
    process = patient.gateway.process

    def stop_and_deliver() -> None:
        process.send_signal(signal.SIGTERM)
        patient.gateway.wait_for_log_line(" stopping ")
        patient.exchange.deliver(person.user, "Just in time")

    answer = patient.while_hanging(person, "PHONE1", stop_and_deliver)
    assert (answer.status, bool(answer.body)) == (200, True)
    assert process.wait(PATIENT_DEADLINE - 15) == 0


def test_what_does_not_finish_is_cut_at_the_deadline_and_nobody_new_is_served(site):
    person = site.enrol()
    assert site.ask(person, "PHONE1").status == 200
    process = site.gateway.process
    with site.client() as client, concurrent.futures.ThreadPoolExecutor(1) as pool:
        client.send(person.login, person.password, "PHONE1", "Ping")
        wait_until(lambda: site.hung(person) == 1, "the Ping hangs")
        waiting = pool.submit(client.answer)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(site), "new connections are refused", DEADLINE)
        assert time.monotonic() - began < DEADLINE / 2, "refused, not kept waiting until the end"
        assert process.poll() is None
        # A connection cut before its answer, or told that we stop: both let a phone ask again.
        with contextlib.suppress(OSError, ConnectionError):
            assert waiting.result(DEADLINE + 5).status == 503
        assert DEADLINE - 0.5 < time.monotonic() - began < DEADLINE + 2
    assert process.wait(10) == 0


def refuses(site: Site) -> bool:
    try:
        socket.create_connection((site.gateway.address, site.gateway.port), 1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def test_started_twice_the_second_says_what_is_in_its_way_and_the_first_goes_on(site):
    second = replace(site.gateway, log=site.gateway.folder / "second.log", process=None)
    done = second.run("serve")
    assert done.returncode == 3
    assert f"127.0.0.1:{site.gateway.port}" in done.stderr
    assert "listens there already" in done.stderr
    assert "-> " in done.stderr
    assert "Traceback" not in done.stderr
    person = site.enrol()
    assert site.ask(person, "PHONE1").status == 200


def test_started_twice_on_other_ports_the_database_stays_the_firsts(site):
    """Two identities on one database would be two chains and two truths."""
    settings = site.gateway.folder / "second.toml"
    text = site.gateway.settings.read_text()
    for port in (site.gateway.port, site.gateway.metrics_port):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    settings.write_text(text)
    done = replace(site.gateway, settings=settings).run("serve")
    assert done.returncode == 3
    assert "identity is running" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    person = site.enrol()
    assert site.ask(person, "PHONE1").status == 200
    assert site.gateway.is_healthy()


@pytest.mark.parametrize("which", ["port", "metrics_port"])
def test_a_used_port_is_named_with_its_remedy(exchange, which):
    with server_directory("used") as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = prepare(folder, backend=exchange.url, **{which: port}).run("serve")
    assert done.returncode == 3
    assert f"127.0.0.1:{port}" in done.stderr
    assert "-> change" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        ({"key_file": None}, ("handfast.key",)),
        ({"identity": 'admin_group = "no-such-group-here"'}, ("no-such-group-here",)),
        ({"gateway": 'user = "no-such-user-here"'}, ("no-such-user-here",)),
        ({"runtime": None}, ("run",)),
    ],
    ids=["no-key-file", "no-such-group", "no-such-user", "runtime-dir-is-a-file"],
)
def test_what_keeps_it_from_starting_is_said_in_a_line(exchange, break_it, words):
    with server_directory("broken") as folder:
        site = prepare(folder, backend=exchange.url)
        if "key_file" in break_it:
            (folder / "handfast.key").unlink()
        elif "runtime" in break_it:
            (folder / "run").write_text("in the way")
        else:
            site.write_settings(**break_it)
        done = site.run("serve")
    said = done.stdout + done.stderr
    assert done.returncode in (1, 3), said
    assert all(word in said for word in words), said
    assert "Traceback" not in said


def only_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: workers change their user")


@pytest.fixture
def dropped(exchange):
    """`handfast serve` by root, with its workers as nobody; the TLS key is readable for them, as the remedy says."""
    only_root()
    with server_directory("user") as folder:
        one = prepare(folder, backend=exchange.url, gateway=f'user = "{WORKER_USER}"')
        one.words = python_for(WORKER_USER)
        (folder / "tls").chmod(0o755)
        shutil.chown(one.values["key"], WORKER_USER)
        try:
            one.start()
            yield Site(one, one, exchange)
        finally:
            one.stop()


def status(pid: int, field: str) -> list[str]:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return line.split()[1:]
    raise AssertionError(field)


@pytest.mark.needs("setpriv")
def test_workers_of_root_run_as_another_user_that_opens_neither_keys_nor_database(dropped):
    user = pwd.getpwnam(WORKER_USER)
    workers, site = dropped.gateway.children("gateway"), dropped.gateway
    assert len(workers) == 2
    for pid in workers:
        assert status(pid, "Uid") == [str(user.pw_uid)] * 4
        assert status(pid, "Gid") == [str(user.pw_gid)] * 4
        assert status(pid, "Groups") == []
        assert {int(status(pid, name)[0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
        opened = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
        assert not [path for path in opened if "handfast.db" in path or "handfast.key" in path]
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"handfast.key" not in environment
    secret = [path for path in site.folder.iterdir() if path.name.startswith(("handfast.db", "handfast.key"))]
    assert {path.name for path in secret} >= {"handfast.db", "handfast.key"}
    for path in [*secret, site.folder / "run" / "admin.sock"]:
        assert not may_open(path, WORKER_USER), f"{path} is open to the workers' user"
    person = dropped.enrol()
    assert dropped.ask(person, "PHONE1").status == 200
    assert dropped.ask(person, "OTHER1").status == 403


def may_open(path: Path, user: str) -> bool:
    """Whether that user can read the file, or write to (so connect) the socket."""
    words = ["test", "-w", str(path)] if path.is_socket() else ["head", "-c1", str(path)]
    become = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]
    done = subprocess.run([*become, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or path.is_socket() or "Permission denied" in done.stderr, done.stderr
    return done.returncode == 0


def test_workers_of_another_user_reload_and_come_back_when_killed(dropped):
    person = dropped.enrol()
    assert dropped.ask(person, "PHONE1").status == 200
    dropped.gateway.reload()
    assert len(dropped.gateway.wait_for_log_line("gateway-reloaded", count=2)) == 2
    victim, other = dropped.gateway.children("gateway")
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(set(dropped.gateway.children("gateway")) - {victim}) == 2, "a new worker")
    wait_until(dropped.gateway.is_healthy, "it serves")
    new = (set(dropped.gateway.children("gateway")) - {victim, other}).pop()
    assert status(new, "Uid")[0] == str(pwd.getpwnam(WORKER_USER).pw_uid)
    assert dropped.ask(person, "PHONE1").status == 200


def test_a_terminal_that_goes_away_leaves_nothing_running(exchange):
    """The supervisor is killed outright: its children end by themselves, and the next start works."""
    with server_directory("orphans") as folder:
        one: Installation = prepare(folder, backend=exchange.url)
        try:
            one.start()
            assert one.process is not None
            started = descendants(one.process.pid)
            one.process.kill()
            one.process.wait()
            wait_until(lambda: not any(map(is_running, started)), "they end", 10)
            one.start()
            assert one.is_healthy()
        finally:
            one.stop()
