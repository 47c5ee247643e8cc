"""Handfast as a subject: everything the benchmarks know of its settings and commands stands here and nowhere else.

It runs as in production: `handfast serve` with one worker, device check, log and metrics on. Account, app password and device
are made by the command line, as an administrator would.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.backend import ROOT, Certificate
from benchmarks.subject import DEVICE_ID, HOST, MAIL_DOMAIN, Credential, Subject
from handfast.identity.administration.errors import AdministrationError
from handfast.identity_api.admin_client import AdminClient, IdentityNotRunning
from handfast.keys import pki
from handfast.keys.key_file import create_key_file
from tests.servers.processes import free_port, running, server_directory

HANDFAST = Path(sys.executable).with_name("handfast")
BASIC = "Handfast Basic"
NTLM = "Handfast NTLM connection"
NAME = "Handfast"
LOCAL = "local"
REWRITTEN = "Handfast, rewritten"
UNTOUCHED = "Handfast, untouched (by EWS)"
SPLIT = "split"
USER = "bench"

_AUTODISCOVER = f"""
[publication.autodiscover]
mail_domains = ["{MAIL_DOMAIN}"]
"""

_SETTINGS = """
[identity]
database = "sqlite:///{directory}/handfast.db"
key_file = "{directory}/handfast.key"
runtime_dir = "{directory}/run"
{identity}

[gateway]
{gateway}

[[listener]]
name = "outside"
address = "127.0.0.1:{port}"
{tls}
max_connections = 20000
max_connections_per_source = 20000
idle_timeout_seconds = 600

[[publication]]
name = "mail"
hosts = ["{host}"]
kind = "{kind}"
auth = ["basic", "ntlm"]
max_body_bytes = 0

[publication.backend]
urls = ["{backend}"]
{backend_tls}
auth = "none"
max_connections = 20000
{autodiscover}

[[policy]]
mode = "first-use"

[log]
file = "{directory}/handfast.{metrics}.log"

[metrics]
address = "127.0.0.1:{metrics}"
"""


class NotMeasurable(RuntimeError):
    """Handfast can't do yet what this measurement asks; the message says what."""


@dataclass(frozen=True)
class Handfast:
    """A running Handfast."""

    settings: Path
    pid: int
    port: int
    certificate: Path | None

    def issue(self, scheme: str, *options: str) -> Credential:
        """A fresh app password, for Basic or for NTLM, that no device uses yet; for a phone unless `options` say else."""
        arguments = ["app-password", "issue", USER, *options, "--json"]
        arguments += ["--ntlm"] if scheme == "ntlm" else []
        issued = json.loads(self.command(*arguments))
        return Credential(scheme, USER, issued["password"])

    def subject(self, name: str, credential: Credential, device_id: str = DEVICE_ID) -> Subject:
        """What the load generator needs; the device pairs with its first request."""
        return Subject(name, self.pid, self.port, credential, self.certificate, USER, device_id)

    def administer(self, method: str, **arguments: object) -> None:
        """A call of the admin API that the command line uses, without the start of a Python process before it.

        Raises: NotMeasurable where it is refused or nobody listens.
        """
        try:
            AdminClient(self.settings.parent / "run" / "admin.sock").call(method, **arguments)
        except (IdentityNotRunning, AdministrationError) as error:
            raise NotMeasurable(f"{method}: {error}") from error

    def command(self, *words: str) -> str:
        """Runs `handfast WORDS --settings FILE`. Raises: NotMeasurable with what it said."""
        return run_command(self.settings, *words)


def run_command(settings: Path, *words: str) -> str:
    """Runs one command to its end and returns its output. Raises: NotMeasurable with what it said."""
    command = [str(HANDFAST), *words, "--settings", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise NotMeasurable(f"`handfast {' '.join(words[:2])}` ended with {done.returncode}: {said[0]}")
    return done.stdout


def is_healthy(metrics_port: int) -> bool:
    """What `/healthz` says; a socket that accepts is no sign, the supervisor holds it before any worker runs."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def handfast(
    backend: int,
    tls: Certificate | None,
    *,
    backend_tls: Certificate | None = None,
    split: bool = False,
    exchange: bool = False,
) -> Iterator[Handfast]:
    """Handfast in front of `backend`: `handfast serve`, or with `split` gateway and identity over mutual TLS.

    It publishes ActiveSync alone, or with `exchange` the whole of one.

    Raises: NotMeasurable when it doesn't come up.
    """
    with server_directory("handfast") as directory, contextlib.ExitStack() as stack:
        port = free_port()
        common = {
            "directory": directory,
            "port": port,
            "host": HOST,
            "tls": f'certificate = "{tls.certificate}"\nkey = "{tls.key}"' if tls else "",
            "backend": f"{'https' if backend_tls else 'http'}://127.0.0.1:{backend}",
            "kind": "exchange" if exchange else "activesync",
            "autodiscover": _AUTODISCOVER if exchange else "",
            "backend_tls": f'ca_file = "{backend_tls.certificate}"' if backend_tls else "",
        }
        create_key_file(directory / "handfast.key", now=datetime.now(UTC))
        try:
            if split:
                settings, pid = _start_split(stack, directory, common)
            else:
                settings, pid = _start(
                    stack, directory, "serve", {**common, "gateway": "workers = 1", "identity": ""}
                )
            run_command(settings, "account", "add", USER)
        except RuntimeError as error:
            raise NotMeasurable(" ".join(str(error).split())[-300:]) from error
        yield Handfast(settings, pid, port, tls.certificate if tls else None)


def _start(
    stack: contextlib.ExitStack, directory: Path, verb: str, values: dict[str, object]
) -> tuple[Path, int]:
    """`handfast VERB`, once it is healthy; its settings file and process id."""
    metrics = free_port()
    settings = directory / f"{verb}.toml"
    settings.write_text(_SETTINGS.format(**values, metrics=metrics))
    process = stack.enter_context(
        running(
            [str(HANDFAST), verb, "--settings", str(settings)],
            log=directory / f"{verb}.out",
            directory=directory,
            ready=lambda: is_healthy(metrics),
            seconds=30,
        )
    )
    return settings, process.pid


def _start_split(stack: contextlib.ExitStack, directory: Path, common: dict[str, object]) -> tuple[Path, int]:
    """`handfast identity` and `handfast gateway`; identity's settings file, where the administrator works."""
    folder, now, link = directory / "pki", datetime.now(UTC), free_port()
    authority = pki.init(folder, now=now)
    own = pki.issue(folder, "identity", now=now, identity=True, hosts=("127.0.0.1",))
    node = pki.issue(folder, "edge", now=now, publications=("mail",))
    ca_file = f'ca_file = "{authority.certificate}"'
    listen = f"""[identity.listen]
address = "127.0.0.1:{link}"
certificate = "{own.certificate}"
key = "{own.key}"
{ca_file}"""
    connect = f"""node = "edge"
workers = 1
[gateway.identity]
url = "https://127.0.0.1:{link}"
certificate = "{node.certificate}"
key = "{node.key}"
{ca_file}"""
    settings, _ = _start(stack, directory, "identity", {**common, "identity": listen, "gateway": ""})
    _, gateway_pid = _start(stack, directory, "gateway", {**common, "identity": "", "gateway": connect})
    return settings, gateway_pid
