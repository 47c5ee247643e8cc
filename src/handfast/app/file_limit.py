"""Open files: each connection is one, and a shell's usual limit of 1024 would be a gateway's."""

from __future__ import annotations

import resource

from handfast.observability.logging import event_log

ENOUGH_FILES = 16_384
"""Below this many a worker can't hold the phones of a few thousand people, each with a poll in front and one behind."""

_LOG = event_log("limits")


def raise_file_limit() -> int:
    """Raises the soft limit of this process to its hard one, which takes no privilege; the limit from now on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < ENOUGH_FILES:
        _LOG.warning("few-files", limit=hard, remedy="raise LimitNOFILE (systemd) or `ulimit -Hn`")
    return hard
