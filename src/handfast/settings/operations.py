"""`[log]` and `[metrics]`."""

from __future__ import annotations

from typing import Literal

from handfast.settings.base import Section
from handfast.settings.values import AbsolutePath, OptionalAddress


class LogSettings(Section):
    """Where log lines go."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Lines below this level are not written."""
    format: Literal["line", "json"] = "line"
    """`line`: one logfmt-like line an event, stable, for people and fail2ban; `json`: one object a line."""
    file: AbsolutePath | None = None
    """None: standard error (the journal)."""


class MetricsSettings(Section):
    """Prometheus metrics and `/healthz`."""

    address: OptionalAddress = "127.0.0.1:9464"
    """IP:port; empty: off. Keep it off the internet."""
