"""CPU time per NTLM sign-in: new TCP and TLS connection, challenge, proof, answer. The client is pyspnego."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import handfast_subject as ours
from benchmarks import peers
from benchmarks.backend import kilobyte_backend
from benchmarks.driver import Scale, build_task, cpu_microseconds_each
from benchmarks.results import Figure
from benchmarks.rounds import Rounds


def measure(scale: Scale) -> Iterator[Figure]:
    """Apache and Handfast in turns."""
    rounds = Rounds("ntlm-handshake", "us")
    with contextlib.ExitStack() as stack:
        tls = stack.enter_context(peers.make_certificate())
        backend = stack.enter_context(kilobyte_backend())
        subjects = [stack.enter_context(peers.apache_ntlm(backend, tls))]
        with rounds.note_missing(ours.NAME):
            gateway = stack.enter_context(ours.handfast(backend, tls))
            subjects.append(gateway.subject(ours.NAME, gateway.issue("ntlm")))
        for _ in range(scale.rounds):
            for subject in subjects:
                with rounds.note_missing(subject.name):
                    task = build_task(subject, "handshakes", 1, scale.handshakes)
                    rounds.add(subject.name, cpu_microseconds_each(subject, task))
    yield from rounds.figures()
