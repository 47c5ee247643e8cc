"""`handfast demo`: a whole installation with throw-away keys and database, a simulated Exchange and a simulated phone.

Everything lives in one temporary directory and ends with this process. What is shown live are the ordinary decision
lines of the log.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import ssl
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handfast.app.demo_text import FOLDER_SYNC, PING, describe, settings_text
from handfast.app.offline import OfflineAdministration, open_offline_administration
from handfast.app.serving import CannotServe, serve_async
from handfast.keys.key_file import create_key_file
from handfast.keys.pki import issue_demo_certificate
from handfast.lab.exchange import SimulatedExchange
from handfast.lab.phone import SimulatedPhone
from handfast.lab.phone_day import run_phone
from handfast.observability.logging import configure, event_log
from handfast.protocols.autodiscover.pox_request import PoxRequest, encode_pox_request
from handfast.protocols.autodiscover.schemas import PoxSchema
from handfast.settings.load import load_settings
from handfast.supervisor.sockets import open_listener

HOST = "mail.contoso.lab"
BACKEND_HOST = "ex01.corp.internal"
DOMAIN = "CONTOSO"
MAIL_DOMAIN = "contoso.lab"
PEOPLE = ("alice", "bob", "carol")
PHONE_OWNER = "dana"
PASSWORDS_EACH = 4
LISTED_DEVICE = "LISTEDPHONE1"
"""In mode `listed`: the one device each account may use."""
MAIL_SECONDS = 20.0
STOP_SECONDS = 2.0
"""What requests in flight get at the end: a demo's long poll is nobody's mail."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A person of the demo, with passwords no device has used yet."""

    user: str
    domain: str
    upn: str
    app_passwords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoSite:
    """Where everything is."""

    folder: Path
    mode: str
    port: int
    metrics_port: int
    ca_file: Path
    settings_file: Path
    backend_log: Path
    accounts: tuple[DemoAccount, ...]
    phone_password: str
    outlook_password: str = field(repr=False)

    @property
    def gateway(self) -> str:
        """Base URL, by address."""
        return f"https://127.0.0.1:{self.port}"

    def ready_facts(self) -> dict[str, Any]:
        """What `--ready-file` says."""
        facts: dict[str, Any] = {
            "gateway": self.gateway,
            "ca_file": str(self.ca_file),
            "hosts": [HOST],
            "accounts": [
                {
                    "user": account.user,
                    "domain": account.domain,
                    "upn": account.upn,
                    "app_passwords": list(account.app_passwords),
                }
                for account in self.accounts
            ],
            "settings_file": str(self.settings_file),
            "metrics": f"http://127.0.0.1:{self.metrics_port}/metrics",
            "backend_log": str(self.backend_log),
            "mode": self.mode,
            "pid": os.getpid(),
        }
        if self.mode == "listed":
            facts["listed_device"] = LISTED_DEVICE
        return facts


def run_demo(port: int, mode: str, ready_file: Path | None) -> None:
    """Runs until Ctrl-C or SIGTERM. Raises: CannotServe."""
    # Until the supervisor listens to signals itself, SIGTERM must leave through the `finally` below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    configure()
    folder = Path(tempfile.mkdtemp(prefix="handfast-demo-"))
    try:
        asyncio.run(_run(folder, port, mode, ready_file))
    except KeyboardInterrupt:
        pass
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


async def _run(folder: Path, port: int, mode: str, ready_file: Path | None) -> None:
    backend_ca, backend_certificate = issue_demo_certificate(
        folder / "backend", [BACKEND_HOST, "127.0.0.1"], now=datetime.now(UTC)
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(backend_certificate.certificate, backend_certificate.key)
    exchange = SimulatedExchange(
        tls=tls, log_path=folder / "backend.log", inside_name=BACKEND_HOST, min_heartbeat=5
    )
    await exchange.start()
    try:
        site = await asyncio.to_thread(_prepare, folder, port, mode, exchange.url, backend_ca)
        settings = load_settings(site.settings_file).settings
        background: list[asyncio.Task[None]] = []

        def on_ready() -> None:
            print(describe(site, HOST, LISTED_DEVICE), flush=True)  # noqa: T201 - this is the demo's face
            if ready_file is not None:
                _write_ready(ready_file, site.ready_facts())
            loop = asyncio.get_running_loop()
            background.append(loop.create_task(_live(site, exchange)))

        try:
            await serve_async(
                settings, site.settings_file, with_identity=True, with_gateway=True, on_ready=on_ready
            )
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
    finally:
        await exchange.stop()


def _prepare(folder: Path, port: int, mode: str, backend: str, backend_ca: Path) -> DemoSite:
    """Keys, certificates, settings and records. Raises: CannotServe where the port is taken."""
    ca_file, certificate = issue_demo_certificate(folder / "tls", [HOST, "127.0.0.1"], now=datetime.now(UTC))
    create_key_file(folder / "handfast.key", now=datetime.now(UTC))
    settings_file = folder / "handfast.toml"
    port, metrics_port = _ports(port)
    settings_file.write_text(
        settings_text(
            folder=folder,
            host=HOST,
            domain=DOMAIN,
            mail_domain=MAIL_DOMAIN,
            port=port,
            metrics_port=metrics_port,
            mode=mode,
            certificate=certificate.certificate,
            key=certificate.key,
            backend=backend,
            backend_host=BACKEND_HOST,
            backend_ca=backend_ca,
            stop_seconds=STOP_SECONDS,
        ),
        encoding="utf-8",
    )
    (folder / "ping.wbxml").write_bytes(PING)
    (folder / "foldersync.wbxml").write_bytes(FOLDER_SYNC)
    asked = PoxRequest(PoxSchema.OUTLOOK, PoxSchema.OUTLOOK, f"{PEOPLE[0]}@{MAIL_DOMAIN}")
    (folder / "autodiscover.xml").write_bytes(encode_pox_request(asked))
    with open_offline_administration(load_settings(settings_file).settings) as administration:
        accounts = tuple(_add(administration, user, mode) for user in PEOPLE)
        phone = _add(administration, PHONE_OWNER, mode)
        administration.call("window_open", account=phone.upn, minutes=10)
        outlook = administration.call(
            "app_password_issue", account=accounts[0].upn, profile="outlook", label="demo Outlook"
        )
    return DemoSite(
        folder=folder,
        mode=mode,
        port=port,
        metrics_port=metrics_port,
        ca_file=ca_file,
        settings_file=settings_file,
        backend_log=folder / "backend.log",
        accounts=accounts,
        phone_password=phone.app_passwords[0],
        outlook_password=str(outlook["password"]),
    )


def _add(administration: OfflineAdministration, user: str, mode: str) -> DemoAccount:
    upn = f"{user}@{MAIL_DOMAIN}"
    administration.call("account_add", account_user=user, domain=DOMAIN, upn=upn, display_name=user.title())
    passwords = tuple(
        str(
            administration.call("app_password_issue", account=upn, ntlm=True, label=f"demo {number}")[
                "password"
            ]
        )
        for number in range(1, PASSWORDS_EACH + 1)
    )
    if mode == "listed":
        # Without a type: whichever its owner tries it with would else contradict the record.
        rows = [{"account": upn, "device_id": LISTED_DEVICE}]
        administration.call("device_import", rows=rows)
    return DemoAccount(user, DOMAIN, upn, passwords)


async def _live(site: DemoSite, exchange: SimulatedExchange) -> None:
    """The simulated phone's day, and mail for it now and then."""
    log = event_log("phone")
    phone = SimulatedPhone(
        site.gateway,
        site.ca_file,
        HOST,
        f"{DOMAIN}\\{PHONE_OWNER}",
        site.phone_password,
        LISTED_DEVICE,
    )

    async def mail() -> None:
        number = 0
        while True:
            await asyncio.sleep(MAIL_SECONDS)
            number += 1
            exchange.deliver_mail(PHONE_OWNER, f"Mail number {number}", "It came through the gateway.")

    await asyncio.gather(run_phone(phone, lambda line: log.info("phone", says=line)), mail())


def _ports(wanted: int) -> tuple[int, int]:
    """The wanted port, if it is free, or any free one; and another free one. Raises: CannotServe."""
    try:
        with (
            open_listener("demo", f"127.0.0.1:{wanted}") as first,
            open_listener("demo", "127.0.0.1:0") as second,
        ):
            return int(first.getsockname()[1]), int(second.getsockname()[1])
    except OSError as error:
        raise CannotServe(str(error), "choose another with --port, or 0 for a free one") from error


def _write_ready(path: Path, facts: dict[str, Any]) -> None:
    """Whole or not at all: whoever waits for the file reads it the moment it appears."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    unfinished.rename(path)
