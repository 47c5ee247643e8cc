"""A whole Handfast as its users start it: settings file, `handfast serve`, the command line. Nothing is mocked.

with installation(backend="http://127.0.0.1:8080") as site:
    site.add_account("alice")
    password = site.issue("alice")
    curl(f"{site.url}/Microsoft-Server-ActiveSync...")
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handfast.keys.key_file import create_key_file
from handfast.keys.pki import issue_demo_certificate
from tests.servers.namespaces import inside
from tests.servers.processes import (
    find_program,
    free_port,
    log_tail,
    server_directory,
    stop_process,
    wait_until,
    whole_lines,
)

HOST = "mail.contoso.lab"
HANDFAST = str(Path(sys.executable).with_name("handfast"))

SETTINGS = """
[identity]
database = "sqlite:///{folder}/handfast.db"
key_file = "{folder}/handfast.key"
runtime_dir = "{folder}/run"
default_domain = "CONTOSO"
{identity}

[gateway]
workers = {workers}
stop_deadline_seconds = 2
{gateway}

[[listener]]
name = "outside"
address = "127.0.0.1:{port}"
certificate = "{certificate}"
key = "{key}"
{listener}

[[publication]]
name = "mail"
hosts = {hosts}
auth = {auth}
ntlm_targets = ["127.0.0.1", "localhost"]
{publication}

[publication.backend]
urls = {backends}
auth = "{backend_auth}"
{backend_options}

[[policy]]
name = "default"
mode = "{mode}"
phone_refusals = "{phone_refusals}"
{policy}

[lockout]
{lockout}

[metrics]
address = "127.0.0.1:{metrics_port}"

{more}
"""
INDOORS = """
[[listener]]
name = "inside"
address = "127.0.0.1:{inside_port}"
certificate = "{certificate}"
key = "{key}"
inside = true
{inside}
"""


@dataclass
class Installation:
    """One running installation, and what a test does to it."""

    folder: Path
    settings: Path
    port: int
    metrics_port: int
    ca_file: Path
    values: dict[str, Any]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)
    template: str = field(default=SETTINGS, repr=False)
    verb: str = "serve"
    address: str = "127.0.0.1"
    namespace: str = ""
    """The network namespace it runs in; "": the one of the tests."""
    words: tuple[str, ...] = ()
    """Before every command."""

    @property
    def url(self) -> str:
        """Base URL by address; send `Host: mail.contoso.lab`."""
        return f"https://{self.address}:{self.port}"

    @property
    def indoors(self) -> Installation:
        """The same one, for whoever comes to its listener inside."""
        return replace(self, port=self.values["inside_port"])

    @property
    def place(self) -> tuple[str, ...]:
        """The words before a command that make it run where the installation does."""
        if not self.namespace:
            return self.words
        return (*self.words, find_program("ip"), "netns", "exec", self.namespace)

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """The command line as a person calls it."""
        return subprocess.run(
            [*self.place, HANDFAST, *arguments, "--settings", str(self.settings)],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=60,
            check=False,
        )

    def cli(self, *arguments: str, stdin: str | None = None) -> Any:
        """A command that must succeed, with `--json`; returns what it printed."""
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.returncode == 0, (
            f"handfast {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
            f"\n{log_tail(self.log, 40)}"
        )
        return json.loads(done.stdout) if done.stdout.strip() else None

    def add_account(self, user: str, domain: str = "CONTOSO") -> None:
        """A local account `DOMAIN\\user`, `user@contoso.lab`."""
        self.cli("account", "add", user, "--domain", domain, "--upn", f"{user}@contoso.lab")

    def issue(self, account: str, *options: str) -> str:
        """A fresh app password."""
        return str(self.cli("app-password", "issue", account, *options)["password"])

    def store_secret(self, account: str, user_name: str, secret: str) -> None:
        """The back end's own password, for `auth = "stored"`."""
        self.cli("backend-secret", "set", account, "mail", "--user-name", user_name, stdin=secret + "\n")

    def context(self) -> ssl.SSLContext:
        """A client context that trusts the throw-away CA."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def write_settings(self, **changes: Any) -> None:
        """Writes the settings file anew, with some values changed."""
        self.values.update(changes)
        self.settings.write_text(self.template.format(**self.values))

    def start(self) -> None:
        """`handfast serve` (or the verb it has), until it serves."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.place, HANDFAST, self.verb, "--settings", str(self.settings)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_until(lambda: self.is_healthy() or self._ended(), "handfast serves", 40)
            assert not self._ended(), f"handfast {self.verb} ended:\n{log_tail(self.log, 60)}"
        except BaseException:
            print(log_tail(self.log, 60), file=sys.stderr)
            self.stop()
            raise

    def wait_for_account(self, user: str) -> None:
        """Returns once the mirror has it, and with it all of a domain of no more than a hundred: they are stored together."""
        wait_until(lambda: self.run("account", "show", user).returncode == 0, f"{user} is mirrored")

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def is_healthy(self) -> bool:
        """What `/healthz` says."""
        with contextlib.suppress(OSError), inside(self.namespace):
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.metrics_port}/healthz", timeout=10
            ) as answer:
                return answer.status == 200
        return False

    def children(self, kind: str) -> list[int]:
        """Process ids of our children whose command line holds `kind` ("identity" or "gateway")."""
        found = []
        assert self.process is not None
        for task in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            # A thread (each reader of the metrics has one) or a child may end while we look.
            with contextlib.suppress(OSError):
                for pid in task.read_text().split():
                    with contextlib.suppress(OSError):
                        if kind in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                            found.append(int(pid))
        return found

    def reload(self) -> None:
        """SIGHUP to the supervisor."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGHUP)

    def stop(self) -> None:
        """SIGTERM, and all of its processes gone."""
        if self.process is not None:
            stop_process(self.process, seconds=20)
            self.process = None

    def log_lines(self, *words: str) -> list[str]:
        """Log lines that hold all the words, as far as they are written: a record follows its answer by a moment."""
        return [line for line in whole_lines(self.log) if all(word in line for word in words)]

    def wait_for_log_line(self, *words: str, count: int = 1, seconds: float = 30.0) -> list[str]:
        """The log lines that hold all the words, once there are `count` of them. Fails with the end of the log."""
        try:
            wait_until(lambda: len(self.log_lines(*words)) >= count, "logged", seconds)
        except TimeoutError:
            found = len(self.log_lines(*words))
            said = f"{found} of {count} log lines with {words} after {seconds:g} s; the log ends with"
            raise AssertionError(f"{said}\n{log_tail(self.log, 40)}") from None
        return self.log_lines(*words)


def prepare(
    folder: Path,
    *,
    backend: str | Sequence[str],
    more_hosts: Sequence[str] = (),
    inside: str | None = None,
    **values: Any,
) -> Installation:
    """Key file, certificates and settings in `folder`; nothing runs yet. `more_hosts` are published beside HOST.

    `inside` are options of a second listener, of that name; without them there is none.
    """
    hosts = [HOST, *more_hosts]
    ca_file, server = issue_demo_certificate(folder / "tls", [*hosts, "127.0.0.1"], now=datetime.now(UTC))
    create_key_file(folder / "handfast.key", now=datetime.now(UTC))
    port, metrics_port = free_port(), free_port()
    defaults: dict[str, Any] = {
        "folder": folder,
        "workers": 2,
        "port": port,
        "metrics_port": metrics_port,
        "inside_port": free_port(),
        "inside": inside,
        "certificate": server.certificate,
        "key": server.key,
        "hosts": json.dumps(hosts),
        "auth": '["basic", "ntlm"]',
        "backends": json.dumps([backend] if isinstance(backend, str) else list(backend)),
        "backend_auth": "header",
        "mode": "first-use",
        # Most tests are about whether a phone is refused: a status line tells that at a glance.
        "phone_refusals": "http",
    }
    empty = dict.fromkeys(
        ("identity", "gateway", "listener", "publication", "backend_options", "policy", "lockout", "more"), ""
    )
    site = Installation(
        folder=folder,
        settings=folder / "handfast.toml",
        port=port,
        metrics_port=metrics_port,
        ca_file=ca_file,
        values={**empty, **defaults},
        log=folder / "handfast.log",
        template=SETTINGS if inside is None else SETTINGS + INDOORS,
    )
    site.write_settings(**values)
    return site


@contextlib.contextmanager
def installation(*, backend: str | Sequence[str], **values: Any) -> Iterator[Installation]:
    """A running installation in a directory of its own; stopped and removed at the end."""
    with server_directory("handfast") as folder:
        site = prepare(folder, backend=backend, **values)
        try:
            site.start()
            yield site
        finally:
            site.stop()
