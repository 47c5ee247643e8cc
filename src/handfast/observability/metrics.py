"""The metrics, all of them here. Labels come from enums and the settings file, never from what a client sent.

With several processes each writes to files in `PROMETHEUS_MULTIPROC_DIR` (set by the supervisor before any of them
imports this module) and the one that serves `/metrics` adds them up.

| metric | labels | meaning |
|---|---|---|
| handfast_decisions_total | publication, outcome, reason | requests decided |
| handfast_request_seconds | outcome | from the request's head to the end of its answer (a Ping hangs long) |
| handfast_bytes_total | direction | body bytes, in: from clients, out: to clients |
| handfast_grants_reused_total | | requests allowed by a grant already held |
| handfast_log_lines_lost_total | | log lines that could not be written |
| handfast_connections | listener | client connections open now |
| handfast_identity_reachable | node | 1 while heartbeats arrive, the lowest of all workers |
| handfast_backend_up | backend | 1 while a back end passes its health check, the lowest of all workers |
| handfast_backend_proofs_total | publication, result | servers' proofs (mutual authentication): good, wrong, unseen |
| handfast_directory_read_timestamp_seconds | source | when the mirror of the directory was last complete (Unix time) |
| handfast_directory_changes_total | change | changes of mirrored accounts that were stored |
| handfast_directory_unsettled | kind | mirrored accounts that need a person: their name is a local account's, or can't be stored, or they can't be read |
| handfast_alarms_total | alarm | what needs a person: secrets suspended, nodes that overreach, a directory that lacks or hides many accounts |
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 600, 3600)
"""From a cached answer to the longest Ping; few, because each costs a time series an outcome."""

DECISIONS = Counter("handfast_decisions", "Requests decided.", ("publication", "outcome", "reason"))
REQUEST_SECONDS = Histogram(
    "handfast_request_seconds",
    "From the request's head to the end of its answer.",
    ("outcome",),
    buckets=REQUEST_BUCKETS,
)
BYTES = Counter("handfast_bytes", "Body bytes, in from clients and out to clients.", ("direction",))
GRANTS_REUSED = Counter("handfast_grants_reused", "Requests allowed by a grant already held.")
LOG_LINES_LOST = Counter("handfast_log_lines_lost", "Log lines that could not be written.")
CONNECTIONS = Gauge(
    "handfast_connections", "Client connections open now.", ("listener",), multiprocess_mode="livesum"
)
IDENTITY_REACHABLE = Gauge(
    "handfast_identity_reachable",
    "1 while identity's heartbeats arrive.",
    ("node",),  # without a label every process that knows the metric would count as one that hears nothing
    multiprocess_mode="livemin",
)
BACKEND_UP = Gauge(
    "handfast_backend_up",
    "1 while a back end passes its health check.",
    ("backend",),
    multiprocess_mode="livemin",
)
BACKEND_PROOFS = Counter(
    "handfast_backend_proofs", "What became of servers' proofs.", ("publication", "result")
)
DIRECTORY_READ = Gauge(
    "handfast_directory_read_timestamp_seconds",
    "When the mirror of the directory was last complete.",
    ("source",),  # without a label every process that knows the metric would say 1970
    multiprocess_mode="livemax",
)
DIRECTORY_CHANGES = Counter(
    "handfast_directory_changes", "Changes of mirrored accounts that were stored.", ("change",)
)
DIRECTORY_UNSETTLED = Gauge(
    "handfast_directory_unsettled",
    "Mirrored accounts that need a person.",
    ("kind",),
    multiprocess_mode="livemax",
)
ALARMS = Counter("handfast_alarms", "What needs a person.", ("alarm",))
