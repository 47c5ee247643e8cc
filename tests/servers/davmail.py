"""DavMail without a window: a Java program that speaks IMAP to mail clients and Exchange Web Services to a server.

with davmail("https://mail.contoso.lab:8443", ca_file=..., names=["mail.contoso.lab"]) as proxy:
    with proxy.imap("CONTOSO\\\\alice", "secret") as imap:
        imap.select("INBOX")
"""

from __future__ import annotations

import contextlib
import imaplib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import (
    LOOPBACK,
    find_program,
    free_port,
    running,
    server_directory,
)

_SETTINGS = """
davmail.server=true
davmail.mode=EWS
davmail.url={url}/EWS/Exchange.asmx
davmail.imapPort={imap_port}
davmail.popPort=
davmail.smtpPort=
davmail.caldavPort=
davmail.ldapPort=
davmail.allowRemote=false
davmail.bindAddress={address}
davmail.disableUpdateCheck=true
davmail.enableProxy=false
davmail.useSystemProxies=false
davmail.enableKerberos=false
davmail.logFilePath={log}
log4j.rootLogger=WARN
log4j.logger.davmail=DEBUG
log4j.logger.httpclient.wire=WARN
log4j.logger.org.apache.http.wire=WARN
log4j.logger.org.apache.http.auth=DEBUG
"""

STORE_PASSWORD = "changeit"


@dataclass(frozen=True)
class DavMail:
    """A running DavMail. `log` is its own."""

    imap_port: int
    log: Path

    @contextlib.contextmanager
    def imap(self, login: str, password: str) -> Iterator[imaplib.IMAP4]:
        """A mail client's connection, signed in. Raises: imaplib.IMAP4.error where it is refused."""
        with imaplib.IMAP4(LOOPBACK, self.imap_port, timeout=40) as connection:
            # A backslash needs another before it in a quoted string. Source: RFC 3501 4.3.
            connection.login('"{}"'.format(login.replace("\\", "\\\\")), password)
            yield connection


@contextlib.contextmanager
def davmail(url: str, *, ca_file: Path, names: Sequence[str]) -> Iterator[DavMail]:
    """Runs DavMail before the server at `url`; it trusts `ca_file` alone, and `names` are this machine to it.

    Some two seconds to start. The machine's own DavMail and its settings are not touched.
    """
    with server_directory("davmail") as directory:
        log, settings, port = directory / "davmail.log", directory / "davmail.properties", free_port()
        settings.write_text(_SETTINGS.format(url=url, imap_port=port, address=LOOPBACK, log=log))
        hosts = directory / "hosts"
        hosts.write_text("".join(f"{LOOPBACK} {name}\n" for name in (*names, "localhost")))
        options = {
            "jdk.net.hosts.file": hosts,
            "javax.net.ssl.trustStore": _trust_store(directory, ca_file),
            "javax.net.ssl.trustStorePassword": STORE_PASSWORD,
            "java.awt.headless": "true",
            "user.home": directory,
        }
        environment = {
            "JAVA_TOOL_OPTIONS": " ".join(
                ["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
                + [f"-D{name}={value}" for name, value in options.items()]
            ),
            "HOME": str(directory),
        }
        with running(
            [find_program("davmail-server"), str(settings)],
            log=directory / "out",
            environment=environment,
            # Its log, because DavMail takes a connection as a reason to ask its server whether it is there.
            ready=lambda: log.exists() and "listening on IMAP" in log.read_text(errors="replace"),
            seconds=60,
        ):
            yield DavMail(port, log)


def _trust_store(directory: Path, ca_file: Path) -> Path:
    """A Java trust store with one CA; its password protects nothing."""
    store = directory / "trust.p12"
    command = ["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", str(ca_file)]
    done = subprocess.run(
        [*command, "-keystore", str(store), "-storetype", "PKCS12", "-storepass", STORE_PASSWORD],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return store
