"""CPU time per request on kept connections, for Handfast and the four peers, their rounds interleaved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import handfast_subject as ours
from benchmarks import peers
from benchmarks.backend import kilobyte_backend
from benchmarks.driver import Scale, build_task, cpu_microseconds_each
from benchmarks.results import Figure
from benchmarks.rounds import Rounds
from benchmarks.subject import Subject


def measure(scale: Scale) -> Iterator[Figure]:
    """All subjects run at once, and idle while another is measured."""
    rounds = Rounds("request", "us")
    with contextlib.ExitStack() as stack:
        tls = stack.enter_context(peers.make_certificate())
        backend = stack.enter_context(kilobyte_backend())
        subjects: list[Subject] = [
            stack.enter_context(peers.nginx_proxy(backend, tls)),
            stack.enter_context(peers.nginx_proxy(backend, tls, auth_service=backend)),
            stack.enter_context(peers.apache_basic(backend, tls)),
            stack.enter_context(peers.apache_ntlm(backend, tls)),
        ]
        with rounds.note_missing(ours.BASIC, ours.NTLM):
            gateway = stack.enter_context(ours.handfast(backend, tls))
            subjects.append(gateway.subject(ours.BASIC, gateway.issue("basic"), "BENCHBASIC01"))
            subjects.append(gateway.subject(ours.NTLM, gateway.issue("ntlm"), "BENCHNTLM001"))
        for _ in range(scale.rounds):
            for subject in subjects:
                task = build_task(subject, "requests", scale.connections, scale.requests)
                with rounds.note_missing(subject.name):
                    rounds.add(subject.name, cpu_microseconds_each(subject, task))
    yield from rounds.figures()
