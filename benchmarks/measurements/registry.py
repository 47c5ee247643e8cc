"""All measurements, in the order they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.driver import Scale
from benchmarks.measurements import (
    autodiscover,
    block,
    bulk,
    decisions,
    directory,
    large_domain,
    long_polls,
    ntlm_handshakes,
    requests,
    streaming,
    tickets,
)
from benchmarks.results import Figure

MEASUREMENTS: dict[str, Callable[[Scale], Iterator[Figure]]] = {
    "requests": requests.measure,
    "ntlm-handshakes": ntlm_handshakes.measure,
    "long-polls": long_polls.measure,
    "bulk": bulk.measure,
    "block": block.measure,
    "decisions": decisions.measure,
    "autodiscover": autodiscover.measure,
    "streaming": streaming.measure,
    "directory": directory.measure,
    "tickets": tickets.measure,
    "large-domain": large_domain.measure,
}
