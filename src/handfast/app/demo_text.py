"""What the demo writes: its settings file, ready-made request bodies, and what to try next."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import encode

if TYPE_CHECKING:
    from handfast.app.demo import DemoSite

PING = encode(
    Element(
        "Ping",
        "Ping",
        (
            Element("Ping", "HeartbeatInterval", text="300"),
            Element(
                "Ping",
                "Folders",
                (
                    Element(
                        "Ping",
                        "Folder",
                        (Element("Ping", "Id", text="1"), Element("Ping", "Class", text="Email")),
                    ),
                ),
            ),
        ),
    )
)
"""Hangs up to five minutes."""

FOLDER_SYNC = encode(
    Element("FolderHierarchy", "FolderSync", (Element("FolderHierarchy", "SyncKey", text="0"),))
)


def settings_text(
    *,
    folder: Path,
    host: str,
    domain: str,
    mail_domain: str,
    port: int,
    metrics_port: int,
    mode: str,
    certificate: Path,
    key: Path,
    backend: str,
    backend_host: str,
    backend_ca: Path,
    stop_seconds: float,
) -> str:
    """The demo's settings file: a small, complete one, and so an example."""
    return f"""\
# Written by `handfast demo`; gone when it ends.
[identity]
database = "sqlite:///{folder}/handfast.db"
key_file = "{folder}/handfast.key"
runtime_dir = "{folder}/run"
default_domain = "{domain}"

[gateway]
stop_deadline_seconds = {stop_seconds}

[[listener]]
name = "outside"
address = "127.0.0.1:{port}"
certificate = "{certificate}"
key = "{key}"
# Everybody comes from this machine here, so the limit for one source must not be the demo's own.
max_connections_per_source = 20000

[[publication]]
name = "mail"
kind = "exchange"
hosts = ["{host}"]
auth = ["basic", "ntlm"]
ntlm_targets = ["127.0.0.1", "localhost"]

[publication.backend]
urls = ["{backend}"]
server_name = "{backend_host}"
ca_file = "{backend_ca}"
auth = "header"
auth_header = "X-Remote-User"

[publication.autodiscover]
mail_domains = ["{mail_domain}"]
inside_names = ["{backend_host}"]

[[policy]]
name = "default"
mode = "{mode}"
# So that curl shows a refusal; a phone would be told in its own protocol.
phone_refusals = "http"

[metrics]
address = "127.0.0.1:{metrics_port}"
"""


def describe(site: DemoSite, host: str, listed_device: str) -> str:
    """What is running, and lines to paste into another terminal."""
    alice, bob = site.accounts[0], site.accounts[1]
    device = listed_device if site.mode == "listed" else "DEMOPHONE1"
    curl = f"curl -i --cacert {site.ca_file} --resolve {host}:{site.port}:127.0.0.1"
    url = f"https://{host}:{site.port}/Microsoft-Server-ActiveSync"
    body = "-H 'Content-Type: application/vnd.ms-sync.wbxml' -H 'MS-ASProtocolVersion: 14.1' --data-binary"
    settings = f"--settings {site.settings_file}"

    def who(number: int) -> str:
        return f"-u '{alice.domain}\\{alice.user}:{alice.app_passwords[number]}'"

    outlook = f"-u '{alice.domain}\\{alice.user}:{site.outlook_password}'"

    def command(name: str, device_id: str) -> str:
        return f"'{url}?Cmd={name}&User={alice.user}&DeviceId={device_id}&DeviceType=iPhone'"

    first = {
        "window": f"  # mode window: open one for alice first\n  handfast window open {alice.upn} {settings}\n\n",
        "approval": (
            "  # mode approval: the first request leaves the device pending; then say yes\n"
            f"  handfast device approve {alice.upn} {device} {settings}\n\n"
        ),
        "listed": f"  # mode listed: only the imported device {device} may be used\n\n",
    }.get(site.mode, "")
    return f"""
Handfast serves {site.gateway} as {host}; a simulated Exchange is behind it, and dana's simulated phone uses it.
Partnership mode: {site.mode}. Press Ctrl-C to end; nothing is left behind.

Try in another terminal:

{_path_line()}{first}  # alice signs in: the app password is bound to this device
  {curl} {who(0)} {body} @{site.folder}/foldersync.wbxml \\
    {command("FolderSync", device)}

  # the same password on another device: refused
  {curl} {who(0)} {body} @{site.folder}/foldersync.wbxml \\
    {command("FolderSync", "STOLENPHONE2")}

  # the same over NTLM
  {curl} --ntlm {who(1)} -X OPTIONS '{url}'

  # Outlook's password: Autodiscover names published servers only; a phone's door is not its own
  {curl} {outlook} -H 'Content-Type: text/xml' --data-binary @{site.folder}/autodiscover.xml \\
    'https://{host}:{site.port}/autodiscover/autodiscover.xml'
  {curl} {outlook} -X OPTIONS '{url}'

  # a long poll; block the device meanwhile, and it is cut
  {curl} {who(0)} {body} @{site.folder}/ping.wbxml \\
    {command("Ping", device)}
  handfast device block {alice.upn} {device} {settings}

  # why was it answered so? (X-Request-Id of an answer, or request= in the log)
  handfast explain REQUEST_ID {settings}
  handfast audit verify {settings}

More passwords:  {alice.user}: {" ".join(alice.app_passwords[1:])}
                 {bob.user}: {" ".join(bob.app_passwords)}
What reached the simulated Exchange:  {site.backend_log}
Metrics:  http://127.0.0.1:{site.metrics_port}/metrics

Decisions, live:
"""


def _path_line() -> str:
    """Where the shell would not find our command: the line that makes it."""
    if shutil.which("handfast") is not None:
        return ""
    folder = Path(sys.executable).parent
    return f"  # once, so that the shell finds handfast\n  export PATH={folder}:$PATH\n\n"
