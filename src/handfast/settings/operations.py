"""`[log]` and `[metrics]`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from handfast.settings.base import Section


class LogSettings(Section):
    """Where log lines go."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["line", "json"] = "line"
    """`line`: one logfmt-like line an event, stable, for people and fail2ban; `json`: one object a line."""
    file: Path | None = None
    """None: standard error (the journal)."""


class MetricsSettings(Section):
    """Prometheus metrics and `/healthz`."""

    address: str = "127.0.0.1:9464"
    """IP:port; empty: off. Keep it off the internet."""
