"""Memory per idle long poll: so many Pings that the back end doesn't answer, on fresh processes each round."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import handfast_subject as ours
from benchmarks import peers
from benchmarks.backend import Certificate, stream_backend
from benchmarks.driver import Scale, kib_each_idle_poll
from benchmarks.processes import raise_file_limit
from benchmarks.results import Figure
from benchmarks.rounds import Rounds

VARIANTS = {"poll-plain": (False, False), "poll-tls-front": (True, False), "poll-tls-both": (True, True)}
"""Key -> (TLS in front, TLS behind)."""


def measure(scale: Scale) -> Iterator[Figure]:
    """nginx beside Handfast, for comparison; the budgets are absolute."""
    raise_file_limit(2 * scale.polls + 1000)  # one process holds both ends of each poll
    for key, (front, behind) in VARIANTS.items():
        rounds = Rounds(key, "KiB")
        with peers.make_certificate() as certificate:
            tls = certificate if front else None
            backend_tls = certificate if behind else None
            for _ in range(scale.rounds):
                _one_round(scale, rounds, tls, backend_tls)
        yield from rounds.figures()


def _one_round(
    scale: Scale, rounds: Rounds, tls: Certificate | None, backend_tls: Certificate | None
) -> None:
    with stream_backend(backend_tls) as backend:
        with peers.nginx_proxy(backend, tls, backend_tls=backend_tls is not None) as subject:
            rounds.add(subject.name, kib_each_idle_poll(subject, scale.polls))
        if ours.NAME in rounds.missing:
            return
        with rounds.note_missing(ours.NAME), contextlib.ExitStack() as stack:
            gateway = stack.enter_context(ours.handfast(backend, tls, backend_tls=backend_tls))
            subject = gateway.subject(ours.NAME, gateway.issue("basic"))
            rounds.add(ours.NAME, kib_each_idle_poll(subject, scale.polls))
