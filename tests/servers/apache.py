"""Apache httpd (event MPM) in the foreground, with a configuration made for the test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import accepts, find_program, running, server_directory

MODULES = Path("/usr/lib/apache2/modules")

_MAIN = """
ServerRoot {directory}
ServerName localhost
PidFile {directory}/httpd.pid
ErrorLog {directory}/error.log
LogLevel warn
DefaultRuntimeDir {directory}
{identity}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
{loads}
ServerLimit 1
StartServers 1
ThreadLimit {threads}
ThreadsPerChild {threads}
MaxRequestWorkers {threads}
MinSpareThreads 1
MaxSpareThreads {threads}
KeepAlive On
MaxKeepAliveRequests 0
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog {directory}/access.log common
{body}
"""


@dataclass(frozen=True)
class ApacheServer:
    """The parent process and what it logs."""

    pid: int
    directory: Path


@contextlib.contextmanager
def apache(
    body: str,
    *,
    port: int,
    modules: Sequence[str],
    threads: int = 64,
    environment: Mapping[str, str] | None = None,
) -> Iterator[ApacheServer]:
    """Runs httpd with `body` after the usual preamble; `modules` as "auth_gssapi"; ready once `port` accepts."""
    with server_directory("apache") as directory:
        loads = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules)
        identity = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        settings = directory / "httpd.conf"
        settings.write_text(
            _MAIN.format(
                directory=directory,
                identity=identity,
                modules=MODULES,
                loads=loads,
                threads=threads,
                body=body,
            )
        )
        command = [find_program("apache2"), "-D", "FOREGROUND", "-f", str(settings)]
        with running(
            command, log=directory / "out", environment=environment, ready=lambda: accepts(port)
        ) as process:
            yield ApacheServer(process.pid, directory)
