"""Who may what, by the groups of a real domain; and its passwords, taken inside, behind a lockout below the domain's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.door import Answer
from tests.installation import Installation, installation
from tests.lab_server import lab_server
from tests.servers.processes import free_port, wait_until
from tests.servers.samba import NEEDS, DomainController

pytestmark = NEEDS

MARGIN = 2
RULES = """
[[listener]]
name = "inside"
address = "127.0.0.1:{port}"
certificate = "{certificate}"
key = "{key}"
inside = true

[[policy]]
name = "listed"
mode = "listed"

[[access]]
name = "no-local-desk"
allow = false
publications = ["mail"]
accounts = ["heidi"]

[[access]]
name = "mobile"
publications = ["mail"]
groups = ["CONTOSO\\\\MobileUsers"]

[[access]]
name = "inside-only"
publications = ["mail"]
listeners = ["inside"]
credentials = ["app-password", "domain-password"]
policy = "listed"
accounts = ["grace", "山田"]
"""


@dataclass
class Place:
    """An installation with a listener outside and one inside, its users in a real domain."""

    dc: DomainController
    outside: Installation
    inside: Installation

    def bad(self, user: str) -> int:
        """What the domain has counted."""
        return int(self.dc.value(user, "badPwdCount") or 0)

    def is_locked(self, user: str) -> bool:
        return int(self.dc.value(user, "lockoutTime") or 0) != 0

    def explain(self, answer: Answer) -> Any:
        return self.outside.cli("explain", answer.request_id)

    def check(self, account: str, *options: str) -> Any:
        return self.outside.cli("policy", "check", account, *options)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with DomainController() as dc, lab_server() as exchange:
        port = free_port()
        with installation(
            backend=exchange.url,
            auth='["basic", "ntlm"]',
            publication='domain_password_listeners = ["inside"]',
            lockout="per_account_and_source = 20",
            more="",
        ) as site:
            values = site.values
            rules = RULES.format(port=port, certificate=values["certificate"], key=values["key"])
            site.stop()
            site.write_settings(more=dc.settings(lockout_margin=MARGIN, timeout_seconds=1.5) + rules)
            site.start()
            one = Place(dc, site, replace(site, port=port))
            wait_until(lambda: len(site.cli("account", "list")) > 10, "the domain is mirrored", 30)
            yield one
