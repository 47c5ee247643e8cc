"""nginx in the foreground, with a configuration made for the test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import accepts, find_program, running, server_directory

_MAIN = """
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
worker_processes {workers};
worker_rlimit_nofile 65536;
events {{ worker_connections {connections}; }}
http {{
  access_log {directory}/access.log;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 100000000;
{http}
}}
"""


@dataclass(frozen=True)
class NginxServer:
    """The master process and what it logs."""

    pid: int
    directory: Path

    @property
    def access_log(self) -> Path:
        """One line a request, nginx's `combined` format unless the configuration says otherwise."""
        return self.directory / "access.log"


@contextlib.contextmanager
def nginx(http: str, *, port: int, workers: int = 1, connections: int = 4096) -> Iterator[NginxServer]:
    """Runs nginx with `http` as what stands in the http block; ready once `port` accepts."""
    with server_directory("nginx") as directory:
        settings = directory / "nginx.conf"
        settings.write_text(
            _MAIN.format(directory=directory, workers=workers, connections=connections, http=http)
        )
        command = [find_program("nginx"), "-p", str(directory), "-c", str(settings)]
        # The compiled-in error log is opened before the configuration is read.
        command += ["-e", str(directory / "error.log")]
        with running(command, log=directory / "out", ready=lambda: accepts(port)) as process:
            yield NginxServer(process.pid, directory)
