"""Start a server in the foreground, wait until it is ready, stop it; on failure show the end of its log.

For all servers of this folder: each lives under a temporary directory of its own, on loopback ports of its own, and is
stopped by the ids of the processes we started. The machine's own configuration of these servers is not touched, and
nothing here imports the product.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORTS = range(15000, 32000)
"""Below the range that the kernel gives to outgoing connections: a busy client must not take one before its server does."""


class ServerDidNotStart(RuntimeError):
    """The process ended, or was not ready in time; the message holds the end of its log."""


def find_program(name: str) -> str:
    """Full path of a server's program; daemons live in sbin, which a user's PATH may lack."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise ServerDidNotStart(f"{name} is not installed: run `make test-deps` as root")
    return found


def free_port(host: str = LOOPBACK) -> int:
    """A TCP port nobody listens on. It stays ours until this process ends: neither we nor the tests of another process
    are given it again, so whoever it was chosen for finds it free, also when it starts a second time.
    """
    for _ in range(100):
        port = PORTS.start + secrets.randbelow(len(PORTS))
        if reserve("ports", port):
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind((host, port))
                return port
    raise ServerDidNotStart("no free port in 100 tries")


_reserved: set[tuple[str, int]] = set()


def reserve(kind: str, number: int) -> bool:
    """Whether the number is ours now: it was nobody's, and is nobody else's until this process ends.

    A record lock on the number's byte of a file for its kind, which the kernel drops then. Source: fcntl(2).
    """
    if (kind, number) in _reserved:
        return False
    try:
        fcntl.lockf(_reservations(kind), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
    except OSError:
        return False
    _reserved.add((kind, number))
    return True


@functools.cache
def _reservations(kind: str) -> int:
    """Opened once and never closed: closing any descriptor of the file would end every lock on it."""
    path = Path(tempfile.gettempdir()) / f"handfast-test-{kind}-{os.geteuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def accepts(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(ready: Callable[[], bool], what: str, seconds: float = 30.0, every: float = 0.05) -> None:
    """Returns once `ready()` is true. Raises: TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:g} s still not: {what}")
        time.sleep(every)


@contextlib.contextmanager
def server_directory(name: str) -> Iterator[Path]:
    """An empty directory that other users can enter (pytest's own are closed to them), with a path short enough
    for Unix sockets (107 bytes); removed at the end, or where this process is killed, by the next one that wants one.
    """
    _sweep()
    directory = Path(tempfile.mkdtemp(prefix=f"hf-{os.getpid()}-{name}-", dir="/tmp"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@functools.cache
def _sweep() -> None:
    """Removes the directories of processes that are gone. A number that another process has got since spares them."""
    for left in Path("/tmp").glob("hf-*"):
        maker = re.match(r"hf-(\d+)-", left.name)
        with contextlib.suppress(OSError):
            if maker and not is_running(int(maker[1])) and left.lstat().st_uid == os.geteuid():
                shutil.rmtree(left, ignore_errors=True)


def as_user(user: str) -> list[str]:
    """The words before a command that make it run as `user`. Empty unless we are root: then it runs as ourselves."""
    if os.geteuid() != 0:
        return []
    return [find_program("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def python_for(user: str) -> tuple[str, ...]:
    """The words before a command whose Python that user must be able to run as well. Empty where anybody can.

    A Python built in somebody's closed home folder is shown to the command, and to nothing else, at its own place in a
    folder that is open (a mount namespace of its own).
    """
    base = Path(sys.base_prefix).resolve()
    closed = [folder for folder in reversed(base.parents) if not folder.stat().st_mode & 0o001]
    if not closed or os.geteuid() != 0:
        return ()
    script = (
        'at=$(mktemp -d) && mount --bind "$1" "$at" && mount -t tmpfs -o mode=755 tmpfs "$2" && mkdir -p "$1" && '
        'mount --bind "$at" "$1" && umount "$at" && rmdir "$at" && shift 2 && exec "$@"'
    )
    return (find_program("unshare"), "--mount", "sh", "-c", script, "sh", str(base), str(closed[0]))


def give(path: Path, user: str) -> Path:
    """Makes the directory and hands it to `user`, where that is possible; returns the path."""
    path.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        shutil.chown(path, user, user)
    return path


def log_tail(log: Path, lines: int = 25) -> str:
    """The last lines of a log file, or what stands in its place."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def whole_lines(log: Path) -> list[str]:
    """The lines of a file that somebody may be writing right now: one without its line feed yet isn't among them."""
    written = log.read_text(errors="replace") if log.exists() else ""
    return written.split("\n")[:-1]


def is_running(pid: int) -> bool:
    """False also for a zombie whom nobody has buried yet."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def descendants(pid: int) -> list[int]:
    """The ids of a process's children, their children and so on, parents first."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def stop_process(
    process: subprocess.Popen[bytes], sign: signal.Signals = signal.SIGTERM, seconds: float = 10.0
) -> None:
    """Ends a process we started and all that it started."""
    children = descendants(process.pid)
    if process.poll() is None:
        process.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    # Workers outlive a master that was killed; some make process groups of their own, so the group isn't enough.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for child in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(child, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    seconds: float = 40.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `command` in its own process group, with its output in `log`, until the block is left.

    Raises: ServerDidNotStart when it ends, or isn't `ready()` within `seconds`.
    """
    name = Path(command[0]).name
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=directory or log.parent,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + seconds
        while True:
            is_ready = ready()
            # Asked after it: who is ready may be somebody else, in whose place ours could not listen.
            if process.poll() is not None:
                raise ServerDidNotStart(f"{name} ended with {process.returncode}:\n{log_tail(log)}")
            if is_ready:
                break
            if time.monotonic() > deadline:
                raise ServerDidNotStart(f"{name} not ready after {seconds:g} s:\n{log_tail(log)}")
            time.sleep(0.05)
        yield process
    finally:
        stop_process(process, stop_signal)
