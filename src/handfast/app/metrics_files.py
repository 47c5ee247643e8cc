"""Room for a worker's metrics, taken before they are used.

prometheus_client maps sparse files into memory: on a full file system the first write to a page that has no block ends the
process by SIGBUS. So each file gets its blocks first, and a worker that gets none counts for itself alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from handfast.observability.logging import event_log

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
FILE_BYTES = 1 << 20
"""What prometheus_client gives a new file (`mmap_dict._INITIAL_MMAP_SIZE`); ours never need more."""
KINDS = ("counter", "histogram", "gauge_livesum", "gauge_livemin")
"""The kinds of metrics in `observability.metrics`, as prometheus_client names their files."""

_LOG = event_log("metrics")


def reserve_metrics_files() -> None:
    """Makes this process's files, whole; without room for all of them, metrics stay in this process."""
    folder = os.environ.get(METRICS_VARIABLE)
    if folder is None:
        return
    made: list[Path] = []
    try:
        for kind in KINDS:
            path = Path(folder) / f"{kind}_{os.getpid()}.db"
            # The group is the worker's own, and the supervisor, who collects them all, is a member.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            made.append(path)
            try:
                os.posix_fallocate(descriptor, 0, FILE_BYTES)
            finally:
                os.close(descriptor)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        del os.environ[METRICS_VARIABLE]
        _LOG.error(
            "metrics-not-shared", why=error.strerror, remedy=f"free space where {folder} is, then restart"
        )
