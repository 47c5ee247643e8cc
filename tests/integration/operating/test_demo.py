"""`handfast demo`, as somebody tries it: what it promises, what it prints, and that it leaves nothing behind."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.installation import HANDFAST
from tests.scenarios.client import Client, Door
from tests.servers.processes import (
    descendants,
    find_program,
    log_tail,
    server_directory,
    stop_process,
    wait_until,
    whole_lines,
)

END_SECONDS = 10.0
MODES = ("first-use", "window", "approval", "listed")


@dataclass
class Demo:
    """One running demo."""

    process: subprocess.Popen[bytes]
    facts: dict[str, Any]
    ready_file: Path
    output: Path
    temporary: Path

    @property
    def door(self) -> Door:
        parts = urlsplit(self.facts["gateway"])
        assert parts.hostname is not None
        assert parts.port is not None
        return Door(parts.hostname, parts.port, self.facts["hosts"][0], Path(self.facts["ca_file"]))

    def status(self, account: int, password: int, device: str) -> int:
        """What one FolderSync is answered."""
        one = self.facts["accounts"][account]
        with Client(self.door) as client:
            return client.ask(one["upn"], one["app_passwords"][password], device).status

    def handfast(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [HANDFAST, *words, "--settings", self.facts["settings_file"]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def backend_lines(self, **wanted: object) -> list[dict[str, Any]]:
        """What reached the simulated server, with those values; each is written down before it is answered."""
        lines = map(json.loads, whole_lines(Path(self.facts["backend_log"])))
        return [line for line in lines if all(line[name] == value for name, value in wanted.items())]

    def printed(self) -> str:
        return self.output.read_text()


@contextlib.contextmanager
def demo(*options: str) -> Iterator[Demo]:
    """`handfast demo`, with a place of its own for its temporary files."""
    with server_directory("demo") as folder:
        ready, output, temporary = folder / "ready.json", folder / "output", folder / "tmp"
        temporary.mkdir()
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [HANDFAST, "demo", "--ready-file", str(ready), *options],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(temporary)},
                start_new_session=True,
            )
        try:
            wait_until(lambda: ready.exists() or process.poll() is not None, "the demo serves", 40)
            assert process.poll() is None, log_tail(output)
            yield Demo(process, json.loads(ready.read_text()), ready, output, temporary)
        finally:
            stop_process(process)


@pytest.fixture(scope="module")
def running():
    with demo() as one:
        yield one


def test_the_ready_file_says_all_that_was_promised(running):
    facts = running.facts
    parts = urlsplit(facts["gateway"])
    assert (parts.scheme, parts.path) == ("https", "")
    ipaddress.ip_address(parts.hostname)
    assert facts["pid"] == running.process.pid
    assert len(facts["accounts"]) >= 2
    for account in facts["accounts"]:
        assert set(account) >= {"user", "domain", "upn", "app_passwords"}
        assert len(account["app_passwords"]) >= 2
        for password in account["app_passwords"]:
            assert re.fullmatch(r"[a-z]{5}(-[a-z]{5}){4}", password)
    for name in ("ca_file", "settings_file", "backend_log"):
        assert Path(facts[name]).is_file(), name
    wait_until(
        lambda: b"handfast_decisions_total{" in metrics(facts["metrics"]), "the phone's day is counted"
    )
    assert running.handfast("settings", "check").returncode == 0


def metrics(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as page:
        return page.read()


def test_what_passes_reaches_the_simulated_server_and_is_in_its_log(running):
    account = running.facts["accounts"][1]
    assert running.backend_lines(user=account["user"]) == []
    assert running.status(1, 0, "READYPHONE") == 200
    assert running.status(1, 0, "SECONDPHONE") == 403
    reached = running.backend_lines(user=account["user"])
    assert [line["device_id"] for line in reached] == ["READYPHONE"]


def test_decisions_and_the_phones_day_are_shown_live(running):
    wait_until(lambda: "phone" in running.printed().partition("Decisions, live:")[2], "the phone speaks")
    assert running.status(1, 1, "LIVEPHONE") in (200, 403)
    wait_until(lambda: "device=LIVEPHONE" in running.printed(), "the decision is shown")


def commands_of(printed: str) -> list[str]:
    """The lines to paste, with their continuations."""
    text = printed.partition("Try in another terminal:")[2].partition("More passwords:")[0]
    joined = text.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip().startswith(("curl ", "handfast "))]


@pytest.mark.needs("curl")
@pytest.mark.parametrize("mode", MODES)
def test_the_printed_lines_do_what_is_said_of_them(mode):
    """Pasted into a shell in their order: paired, a second device refused, NTLM, a long poll that a block cuts."""
    with demo("--mode", mode) as one:
        lines = commands_of(one.printed())
        curls = [line for line in lines if line.startswith("curl ")]
        assert len(curls) == 6
        first, second, ntlm, discovery, options, poll = curls
        before = [line for line in lines[: lines.index(first)] if line.startswith("handfast ")]
        if mode == "approval":
            assert "403" in paste(first).splitlines()[0]
        for line in before:
            paste(line)
        assert " 200 " in paste(first).splitlines()[0]
        refused = paste(second)
        assert " 403 " in refused.splitlines()[0]
        assert re.findall(r"^HTTP/1\.1 (\d+)", paste(ntlm), re.MULTILINE) == ["401", "200"]
        found = paste(discovery)
        assert " 200 " in found.splitlines()[0]
        assert "https://mail.contoso.lab/EWS/Exchange.asmx" in found
        assert "corp.internal" not in found
        assert " 403 " in paste(options).splitlines()[0]
        block = next(line for line in lines if "device block" in line)
        hanging = subprocess.Popen(shell(poll), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            wait_until(lambda: hangs(one), "the Ping hangs")
            paste(block)
            said, _ = hanging.communicate(timeout=20)
        finally:
            hanging.kill()
            hanging.wait()
        assert " 403 " in said.splitlines()[0]
        request_id = re.search(r"^X-Request-Id: (\S+)", refused, re.MULTILINE | re.IGNORECASE)
        assert request_id is not None
        for line in lines[lines.index(block) + 1 :]:
            paste(line.replace("REQUEST_ID", request_id[1]))


def hangs(one: Demo) -> bool:
    return bool(one.backend_lines(hanging=True, user=one.facts["accounts"][0]["user"]))


def shell(line: str) -> list[str]:
    words = shlex.split(line)
    if words[0] == "handfast":
        return [HANDFAST, *words[1:]]
    return [find_program("curl"), "-sS", "--max-time", "20", *words[1:]]


def paste(line: str) -> str:
    done = subprocess.run(shell(line), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_it_ends_in_time_and_leaves_nothing_behind(number):
    with demo() as one:
        started = descendants(one.process.pid)
        assert len(started) >= 2
        account = one.facts["accounts"][0]
        with Client(one.door) as client:
            assert client.ask(account["upn"], account["app_passwords"][0], "LASTPHONE").status == 200
            client.send(account["upn"], account["app_passwords"][0], "LASTPHONE", "Ping")
            wait_until(lambda: hangs(one), "the Ping hangs")
            began = time.monotonic()
            one.process.send_signal(number)
            code = one.process.wait(END_SECONDS)
        assert time.monotonic() - began < END_SECONDS
        assert code == 0, log_tail(one.output)
        assert not one.ready_file.exists()
        assert list(one.ready_file.parent.glob("ready*")) == []
        assert list(one.temporary.iterdir()) == []
        assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
        assert "Traceback" not in one.printed()


def test_a_signal_before_it_serves_leaves_nothing_behind():
    with server_directory("early") as folder:
        process = subprocess.Popen(
            [HANDFAST, "demo", "--ready-file", str(folder / "ready.json")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(folder)},
            start_new_session=True,
        )
        try:
            wait_until(lambda: any(folder.glob("handfast-demo-*/handfast.toml")), "it prepares")
            process.send_signal(signal.SIGTERM)
            assert process.wait(END_SECONDS) == 0
            assert list(folder.iterdir()) == []
        finally:
            stop_process(process)


def test_twice_in_a_row_on_the_same_port_and_two_at_once():
    with demo() as first:
        port = first.door.port
        with demo() as second:
            assert second.door.port != port
            assert first.status(0, 0, "PHONE1") == second.status(0, 0, "PHONE1") == 200
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(END_SECONDS) == 0
        with demo("--port", str(port)) as again:
            assert again.door.port == port
            assert again.facts["accounts"][0]["app_passwords"] != first.facts["accounts"][0]["app_passwords"]
            assert again.status(0, 0, "PHONE1") == 200


def test_a_used_port_is_said_with_its_remedy_and_nothing_stays():
    with server_directory("taken") as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [
                HANDFAST,
                "demo",
                "--port",
                str(taken.getsockname()[1]),
                "--ready-file",
                str(folder / "ready.json"),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "TMPDIR": str(folder)},
            check=False,
        )
        assert done.returncode == 3
        assert "listens there already" in done.stderr
        assert "--port" in done.stderr
        assert list(folder.iterdir()) == []


def test_the_temporary_files_are_nobody_elses(running):
    folder = Path(running.facts["settings_file"]).parent
    assert folder.parent == running.temporary
    assert folder.stat().st_mode & 0o077 == 0
    assert tempfile.gettempdir() != str(running.temporary)
