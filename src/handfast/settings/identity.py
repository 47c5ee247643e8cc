"""`[identity]`: the process that keeps records and decides."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from handfast.settings.base import Section
from handfast.settings.values import AbsolutePath, Address, DatabaseUrl


class NtlmNames(Section):
    """`[identity.ntlm]`: the names an NTLM challenge shows. Neutral by default: nothing of the inside."""

    netbios_domain: str = Field("HANDFAST", max_length=15)
    """Shown as target name and NetBIOS domain; clients use it where the user types no domain."""
    netbios_computer: str = Field("GATEWAY", max_length=15)
    """Shown as NetBIOS computer name."""
    dns_domain: str = "handfast.invalid"
    """Shown as DNS domain name."""
    dns_computer: str = "gateway.handfast.invalid"
    """Shown as DNS computer name."""


class IdentityListen(Section):
    """`[identity.listen]`: where identity serves gateways on other machines, by mutual TLS."""

    address: Address
    """IP:port, e.g. "10.0.0.5:7443"."""
    certificate: AbsolutePath
    """PEM chain of identity's own certificate (`handfast pki issue --identity`)."""
    key: AbsolutePath
    """PEM key of that certificate."""
    ca_file: AbsolutePath
    """PEM of the node CA (`handfast pki init`)."""
    inside_nodes: tuple[str, ...] = ()
    """Nodes whose requests may come from a listener with `inside = true`, where Kerberos and domain passwords can be taken and
    devices enrol. A node in the DMZ is none: taken over, it could call its listener what it likes."""


class IdentitySettings(Section):
    """Records, keys and where identity is reached."""

    database: DatabaseUrl = "sqlite:////var/lib/handfast/handfast.db"
    """`sqlite:////absolute/path.db`, or `postgresql://user@host/name` (password by ~/.pgpass or `database_password_file`)."""
    database_password_file: AbsolutePath | None = None
    """File with the PostgreSQL password, where one is needed."""
    key_file: AbsolutePath = Path("/etc/handfast/handfast.key")
    """Key file made by `handfast init`; everything secret in the database hangs on it."""
    runtime_dir: AbsolutePath = Path("/run/handfast")
    """Holds gateway.sock (gateway API) and admin.sock (administration)."""
    admin_group: str = ""
    """Group that may use admin.sock besides root and the service user, who must be in it (mode 0660)."""
    checkpoint_file: AbsolutePath | None = None
    """Where signed audit checkpoints are also written; put it on another machine's disk. None: beside the database."""
    checkpoint_every_seconds: int = Field(60, ge=1, le=3600)
    """A checkpoint is signed this often while the trail grows."""
    default_domain: str = ""
    """NetBIOS domain tried for names without a domain, those of Unix users with a `[[role]]` among them."""
    unused_password_hours: int = Field(24, ge=1, le=720)
    """An app password that was not used for so long after it was issued ends."""
    evaluation_days: int = Field(14, ge=1, le=90)
    """How long `handfast explain` can look back."""
    ntlm: NtlmNames = NtlmNames()
    """Names shown in NTLM challenges."""
    listen: IdentityListen | None = None
    """Set where gateways on other machines are served; not set: only the Unix socket."""
