"""One installation that publishes a whole Exchange, in front of a server that notes what reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.door import ask
from tests.installation import Installation, installation
from tests.integration.exchange_rules.recorder import Recorder, recorder

CHANNELS = ("activesync", "autodiscover", "ews", "mapi", "oab")
REDIRECTING = """
[[listener]]
name = "port80"
address = "127.0.0.1:{port}"
"""


@dataclass
class Published:
    """The installation, its server, and two people whose phones are paired and whose passwords open every door."""

    site: Installation
    server: Recorder
    passwords: dict[str, str]
    redirect_port: int


@pytest.fixture(scope="session")
def published() -> Iterator[Published]:
    from tests.servers.processes import free_port

    port = free_port()
    with (
        recorder() as server,
        installation(
            backend=server.url,
            workers=1,
            auth='["basic"]',
            gateway="denial_quantum_ms = 0",
            publication='kind = "exchange"\nlearn = true\nlisteners = ["outside"]\nredirect_listeners = ["port80"]',
            more=REDIRECTING.format(port=port),
        ) as site,
    ):
        every_door = [word for name in CHANNELS for word in ("--channel", name)]
        passwords = {}
        for name, device in (
            ("alice", {}),
            ("bob", {"device": "android1592", "kind": "Android", "agent": "Android-Mail/2023.04.30"}),
        ):
            site.add_account(name)
            passwords[name] = site.issue(name, *every_door)
            assert ask(site, name, passwords[name], user=name, **device).status == 200
        yield Published(site, server, passwords, port)
