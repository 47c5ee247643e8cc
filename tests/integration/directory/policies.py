"""Fine-grained password policies of a real domain, and the right to read them."""

from __future__ import annotations

from handfast.directory.password_settings import CONTAINER
from tests.servers.samba import BASE, DomainController

POLICY = ("domain", "passwordsettings", "pso")


def make_policy(dc: DomainController, name: str, precedence: int, threshold: int, *whom: str) -> None:
    """One that locks after `threshold` failures; for whom it holds may be users and groups."""
    dc.samba_tool(*POLICY, "create", name, str(precedence), f"--account-lockout-threshold={threshold}")
    for one in whom:
        dc.samba_tool(*POLICY, "apply", name, one)


def let_read(dc: DomainController) -> None:
    """The account Handfast reads with sees all policies from now on; by default administrators alone do."""
    where, what = (
        f"--objectdn={CONTAINER},{BASE}",
        f"--sddl=(A;CI;RPLCLORC;;;{dc.value('svc-read', 'objectSid')})",
    )
    dc.samba_tool("dsacl", "set", where, what)
