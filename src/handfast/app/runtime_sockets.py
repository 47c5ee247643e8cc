"""Where identity is reached on this machine. Apart from identity itself, whose libraries no gateway worker shall load."""

from __future__ import annotations

from pathlib import Path

from handfast.settings.model import Settings

GATEWAY_SOCKET = "gateway.sock"
ADMIN_SOCKET = "admin.sock"


def runtime_socket(settings: Settings, name: str) -> Path:
    """A socket in the runtime directory."""
    return settings.identity.runtime_dir / name
