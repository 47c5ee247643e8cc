"""Real child processes: started in order, restarted when killed, reloaded, stopped within the deadline."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time

import pytest

from handfast.supervisor.children import ChildSpec
from handfast.supervisor.sockets import (
    ListenError,
    open_listener,
    open_listeners,
    parse_address,
    refuse_connections,
)
from handfast.supervisor.supervise import StartFailed, Supervisor

CHILD = """
import os, signal, socket, sys
name, log, stubborn = sys.argv[1], sys.argv[2], sys.argv[3] == "stubborn"
supervisor = socket.socket(fileno=int(os.environ["HANDFAST_CONTROL_FD"]))
def say(what):
    with open(log, "a") as file: file.write(f"{name} {what} {os.getpid()}\\n")
say("up")
supervisor.send(b"S")
while heard := supervisor.recv(1): say("reload")
say("term")
while stubborn: signal.pause()
"""


def spec(name: str, log, *, stubborn: bool = False) -> ChildSpec:
    kind = "stubborn" if stubborn else "obliging"
    return ChildSpec(name, (sys.executable, "-c", CHILD, name, str(log), kind))


async def until(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def supervisor(groups, problems=()) -> Supervisor:
    return Supervisor(groups, stop_deadline_seconds=10.0, check_reload=lambda: list(problems))


async def test_groups_start_in_order_and_stop_in_reverse(tmp_path):
    log = tmp_path / "log"
    running = supervisor([[spec("identity", log)], [spec("gateway-0", log), spec("gateway-1", log)]])
    task = asyncio.ensure_future(running.run())
    await until(lambda: running.is_healthy)
    assert log.read_text().split()[0] == "identity"
    running.request_stop()
    await task
    ends = [line.split()[0] for line in log.read_text().splitlines() if " term " in line]
    assert ends[-1] == "identity"
    assert sorted(ends[:-1]) == ["gateway-0", "gateway-1"]


async def test_a_killed_child_is_back_within_seconds(tmp_path):
    log = tmp_path / "log"
    running = supervisor([[spec("gateway-0", log)]])
    task = asyncio.ensure_future(running.run())
    await until(lambda: running.is_healthy)
    first = running.status()[0]["pid"]
    os.kill(first, signal.SIGKILL)
    await until(lambda: running.is_healthy and running.status()[0]["pid"] not in (None, first), 10.0)
    assert running.status()[0]["restarts"] == 1
    running.request_stop()
    await task


async def test_reload_reaches_the_children_only_when_the_settings_are_good(tmp_path):
    log, problems, asked = tmp_path / "log", ["listener[0].address: not an address"], []

    def check() -> list[str]:
        asked.append("settings")
        return problems

    running = Supervisor([[spec("gateway-0", log)]], stop_deadline_seconds=10.0, check_reload=check)
    task = asyncio.ensure_future(running.run())
    await until(lambda: running.is_healthy)
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: len(asked) == 1)
    problems.clear()
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: "reload" in log.read_text())
    running.request_stop()
    await task
    assert log.read_text().count("reload") == 1


async def test_a_child_that_will_not_stop_is_killed_at_the_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr("handfast.supervisor.supervise.STOP_MARGIN_SECONDS", 0.2)
    log = tmp_path / "log"
    running = Supervisor(
        [[spec("gateway-0", log, stubborn=True)]], stop_deadline_seconds=0.3, check_reload=list
    )
    task = asyncio.ensure_future(running.run())
    await until(lambda: running.is_healthy)
    pid = running.status()[0]["pid"]
    running.request_stop()
    await asyncio.wait_for(task, 30)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_child_that_ends_before_it_serves_stops_the_whole_start(tmp_path):
    log = tmp_path / "log"
    broken = ChildSpec("gateway-0", (sys.executable, "-c", "raise SystemExit(1)"))
    running = supervisor([[spec("identity", log)], [broken]])
    with pytest.raises(StartFailed, match="gateway-0"):
        await asyncio.wait_for(running.run(), 30)
    assert "identity term" in log.read_text()


async def test_stop_while_starting_is_obeyed(tmp_path):
    slow = ChildSpec("identity", (sys.executable, "-c", "import time; time.sleep(60)"))
    running = supervisor([[slow]])
    task = asyncio.ensure_future(running.run())
    await until(lambda: running.status()[0]["pid"] is not None)
    running.request_stop()
    await asyncio.wait_for(task, 30)


def test_listeners_are_opened_all_or_none():
    first = open_listener("a", "127.0.0.1:0")
    port = first.getsockname()[1]
    with pytest.raises(ListenError, match="something listens there already"):
        open_listeners([("b", "127.0.0.1:0"), ("c", f"127.0.0.1:{port}")])
    first.close()


@pytest.mark.parametrize("text", ["", "443", "host:", ":443", "1.2.3.4:99999", "1.2.3.4:http"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="IP:port"):
        parse_address(text)


def test_ipv6_addresses_are_bracketed():
    assert parse_address("[::1]:8443") == ("::1", 8443)


def test_a_stop_refuses_new_connections_in_every_process_and_keeps_those_there_are():
    listener = open_listener("a", "127.0.0.1:0")
    with listener, socket.socket(fileno=os.dup(listener.fileno())) as held_by_a_worker:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = held_by_a_worker.accept()
        address = listener.getsockname()
        refuse_connections([listener])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=2)
        with client, accepted:
            client.sendall(b"still here")
            assert accepted.recv(100) == b"still here"


async def test_children_are_told_to_stop_after_new_connections_are_refused(tmp_path):
    log, seen = tmp_path / "log", []
    running = Supervisor(
        [[spec("gateway-0", log)]],
        stop_deadline_seconds=10.0,
        check_reload=list,
        on_stopping=lambda: seen.append(log.read_text()),
    )
    task = asyncio.ensure_future(running.run())
    await until(lambda: running.is_healthy)
    running.request_stop()
    await task
    assert len(seen) == 1
    assert "term" not in seen[0]
    assert "term" in log.read_text()
