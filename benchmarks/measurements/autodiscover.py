"""CPU time per Autodiscover answer that is rewritten, for a short one and a very long one, on kept connections.

All subjects serve the same bytes: Handfast rewritten, and once more untouched as the answer of EWS; nginx untouched, and with each
inside name replaced as text. That last one is no peer in what it does, but it is what else an administrator could do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import handfast_subject as ours
from benchmarks import notifications, peers
from benchmarks.autodiscover_answers import KIB, PATH, REQUEST, SITE, build_answer, inside_names
from benchmarks.backend import document_backend
from benchmarks.driver import Scale, build_xml_task, cpu_microseconds_each
from benchmarks.load import Task
from benchmarks.results import Figure
from benchmarks.rounds import Rounds
from benchmarks.subject import Subject

SIZES = {5: 1, 500: 50}
"""KiB -> how many times fewer answers a round has."""
_UNTOUCHED_TIMES = 5
"""How many times more answers those pass that do little with them: theirs take a fraction of the time."""
_CONNECTIONS = 4


def measure(scale: Scale) -> Iterator[Figure]:
    """Both sizes, each with processes of its own."""
    for kib, fewer in SIZES.items():
        rounds = Rounds(f"autodiscover-{kib}", "us")
        _measure_size(scale, rounds, build_answer(kib * KIB), scale.autodiscover_answers // fewer)
        yield from rounds.figures()


def _measure_size(scale: Scale, rounds: Rounds, answer: bytes, count: int) -> None:
    with contextlib.ExitStack() as stack:
        tls = stack.enter_context(peers.make_certificate())
        backend = stack.enter_context(document_backend(answer))
        subjects = [
            stack.enter_context(peers.nginx_proxy(backend, tls, auth_service=backend)),
            stack.enter_context(
                peers.nginx_sub_filter(backend, tls, auth_service=backend, inside=inside_names(answer))
            ),
        ]
        with rounds.note_missing(ours.REWRITTEN, ours.UNTOUCHED):
            gateway = stack.enter_context(ours.handfast(backend, tls, exchange=True))
            credential = gateway.issue("basic", "--profile", "outlook")
            subjects += [gateway.subject(name, credential) for name in (ours.UNTOUCHED, ours.REWRITTEN)]
        for _ in range(scale.rounds):
            for subject in [one for one in subjects if one.name not in rounds.missing]:
                with rounds.note_missing(subject.name):
                    rounds.add(subject.name, cpu_microseconds_each(subject, build_load(subject, count)))


def build_load(subject: Subject, count: int) -> Task:
    """Autodiscover's request, or that of EWS for what is not rewritten. Who rewrites must leave no inside name."""
    count *= 1 if subject.name == ours.REWRITTEN else _UNTOUCHED_TIMES
    by_ews = subject.name == ours.UNTOUCHED
    target, document = (notifications.PATH, notifications.REQUEST) if by_ews else (PATH, REQUEST)
    rewrites = subject.name in (ours.REWRITTEN, peers.NGINX_SUB_FILTER)
    absent = f".{SITE.inside_domain}" if rewrites else ""
    return build_xml_task(subject, "requests", _CONNECTIONS, target, document, count=count, absent=absent)
