"""A throw-away PostgreSQL cluster, with the newest server installed; fast, because it may lose everything in a crash."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from tests.servers.processes import (
    LOOPBACK,
    ServerDidNotStart,
    as_user,
    free_port,
    give,
    running,
    server_directory,
)

SUPERUSER = "postgres"
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
"""How pg_ctl's modes are sent. Source: PostgreSQL's documentation of pg_ctl and 19.5, Shutting Down the Server."""


def find_programs() -> Path:
    """The newest installed version's folder; Debian keeps `initdb` and `postgres` out of PATH. Raises: ServerDidNotStart."""
    folders = [found.parent for found in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not folders:
        raise ServerDidNotStart("PostgreSQL is not installed: run `make test-deps` as root")
    return max(folders, key=lambda folder: int(folder.parent.name))


class PostgresqlServer:
    """Made on entering `with` and running until it is left; about a second.

    Runs as the user postgres when we are root (the server refuses root), else as ourselves. Every local connection is
    trusted: it lives for a test and holds nothing of worth. `durable` keeps fsync on.
    """

    host = LOOPBACK

    def __init__(self, *, durable: bool = False) -> None:
        self.programs = find_programs()
        self.port = free_port()
        self._durable = durable
        self._made = 0
        self._life = contextlib.ExitStack()
        self._running = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PostgresqlServer:
        with contextlib.ExitStack() as stack:
            self._home = give(stack.enter_context(server_directory("pg")) / "pg", "postgres")
            self._initialize()
            stack.callback(self.stop)
            self.start()
            self._life = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._life.close()

    def start(self) -> None:
        """Starts it (again), on the same port and socket."""
        options = {
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": self._home,
            "max_connections": 100,
            "shared_buffers": "32MB",
            "fsync": "on" if self._durable else "off",
        }
        command = [*as_user("postgres"), str(self.programs / "postgres"), "-D", str(self._data)]
        command += ["-p", str(self.port)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        context = running(
            command, log=self._home.parent / "log", directory=self._home, ready=self._is_ready, seconds=30
        )
        self._process = self._running.enter_context(context)

    def stop(self, mode: str = "immediate") -> None:
        """Stops it as pg_ctl's `mode` would; "immediate" is a crash. Nothing happens when it is stopped."""
        if self._process is not None:
            self._process.send_signal(STOP_SIGNALS[mode])
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            self._process = None
        self._running.close()

    def url(self, database: str = "postgres") -> str:
        """By TCP: `postgresql://postgres@127.0.0.1:port/database`."""
        return f"postgresql://{SUPERUSER}@{self.host}:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        """By its Unix socket."""
        place = quote(str(self._home), safe="")
        return f"postgresql://{SUPERUSER}@/{database}?host={place}&port={self.port}"

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Runs SQL; returns rows as lines, columns separated by `|`. Raises: RuntimeError with psql's words."""
        command = [self.programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.socket_url(database)]
        done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def create_database(self, name: str, template: str = "template1") -> str:
        """Makes a database, empty or a copy of `template` (to which nobody is connected); returns its URL by TCP."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def new_database(self, template: str = "template1") -> str:
        """The URL, by the Unix socket, of a database with a name of its own; see `create_database`."""
        self._made += 1
        name = f"handfast_{self._made}_{time.monotonic_ns()}"
        self.create_database(name, template)
        return self.socket_url(name)

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _is_ready(self) -> bool:
        probe = [self.programs / "pg_isready", "-q", "-h", self._home, "-p", str(self.port)]
        return subprocess.run(probe, check=False).returncode == 0

    def _initialize(self) -> None:
        command = [*as_user("postgres"), str(self.programs / "initdb"), "-D", str(self._data), "-A", "trust"]
        command += ["-U", SUPERUSER, "-E", "UTF8", "--no-locale", "--no-sync"]
        made = subprocess.run(command, capture_output=True, text=True, cwd=self._home, check=False)
        if made.returncode:
            raise ServerDidNotStart(f"initdb: {made.stderr.strip()}")
