"""What an envelope of a streaming EWS answer costs and how long it takes, on many answers that stay open.

On each one an envelope comes ten times a second, evenly spread over all of them, so that each wakes the proxy anew.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from benchmarks import handfast_subject as ours
from benchmarks import notifications, peers
from benchmarks.backend import Certificate, kilobyte_backend, stream_backend
from benchmarks.driver import LoadFailed, Scale, build_xml_task, listen_to_streams
from benchmarks.load import Task
from benchmarks.processes import raise_file_limit
from benchmarks.results import Figure
from benchmarks.rounds import Rounds
from benchmarks.subject import Subject

NO_PROXY = "no proxy: the back end itself, by TLS"


def measure(scale: Scale) -> Iterator[Figure]:
    """nginx and Handfast in turns, and the back end without either for what the delay holds anyway."""
    raise_file_limit(4 * scale.streams + 1000)
    collected = {
        key: Rounds(f"stream-{key}", unit) for key, unit in (("cpu", "us"), ("p50", "ms"), ("p99", "ms"))
    }
    with contextlib.ExitStack() as stack:
        tls = stack.enter_context(peers.make_certificate())
        backend = stack.enter_context(stream_backend())
        subjects = [*_peers(stack, tls, backend)]
        with _note_missing(collected, ours.NAME):
            gateway = stack.enter_context(ours.handfast(backend, tls, exchange=True))
            subjects.append(gateway.subject(ours.NAME, gateway.issue("basic", "--profile", "outlook")))
        for _ in range(scale.rounds):
            for subject in [one for one in subjects if one.name not in collected["cpu"].missing]:
                with _note_missing(collected, subject.name):
                    _one_round(scale, subject, collected)
    for rounds in collected.values():
        yield from rounds.figures()


def _peers(stack: contextlib.ExitStack, tls: Certificate, backend: int) -> Iterator[Subject]:
    bare = stack.enter_context(stream_backend(tls))
    yield Subject(NO_PROXY, os.getpid(), bare, None, tls.certificate)  # its time is no proxy's: none is noted
    service = stack.enter_context(kilobyte_backend())
    yield stack.enter_context(
        peers.nginx_proxy(backend, tls, auth_service=service, directives="proxy_buffering off;")
    )


def _one_round(scale: Scale, subject: Subject, collected: dict[str, Rounds]) -> None:
    heard = listen_to_streams(subject, build_load(subject, scale))
    if subject.name != NO_PROXY:
        collected["cpu"].add(subject.name, heard.cpu_microseconds_each)
    collected["p50"].add(subject.name, heard.p50_milliseconds)
    collected["p99"].add(subject.name, heard.p99_milliseconds)


def build_load(subject: Subject, scale: Scale) -> Task:
    """GetStreamingEvents on each connection."""
    return build_xml_task(
        subject,
        "streams",
        scale.streams,
        notifications.PATH,
        notifications.REQUEST,
        seconds=scale.stream_seconds,
    )


@contextlib.contextmanager
def _note_missing(collected: dict[str, Rounds], subject: str) -> Iterator[None]:
    """A subject that fails has none of the figures; the others go on."""
    try:
        yield
    except (ours.NotMeasurable, LoadFailed) as error:
        for rounds in collected.values():
            rounds.miss(subject, str(error))
