"""What a publication of ActiveSync alone lets through. Source: MS-ASHTTP 2.2.1.1.1."""

from __future__ import annotations

from handfast.decision.rules.path_rule import PathRule, QueryShape
from handfast.identity.channels import Channel

ACTIVESYNC_RULES: tuple[PathRule, ...] = (
    PathRule(
        name="activesync",
        channel=Channel.ACTIVESYNC,
        paths=frozenset({"/microsoft-server-activesync", "/microsoft-server-activesync/default.eas"}),
        methods=frozenset({"OPTIONS", "POST"}),
        query=QueryShape.ACTIVESYNC,
        spelled=("/Microsoft-Server-ActiveSync",),
    ),
)
