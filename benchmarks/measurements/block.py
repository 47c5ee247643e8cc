"""Milliseconds from an administrator's block to its effect: on the next request, and on a Ping that hangs.

The clock starts when the block is sent to the admin API. It stops when the first request that will be refused is sent
(requests follow each other on a kept connection without a pause; the refusal itself leaves later, on its time quantum), or
when the hanging request is answered or its connection closed.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks import handfast_subject as ours
from benchmarks import peers
from benchmarks.backend import stream_backend
from benchmarks.driver import LoadFailed, Scale, build_task
from benchmarks.load import build_request, build_tls
from benchmarks.results import Figure, percentile
from benchmarks.rounds import Rounds
from benchmarks.subject import HOST, Subject

Trial = Callable[[Subject, Callable[[], None]], float]
"""A subject and what blocks its device -> milliseconds."""
PATIENCE_SECONDS = 10


def measure(scale: Scale) -> Iterator[Figure]:
    """Both effects, on one machine and split over mutual TLS; each trial unblocks the device again."""
    for place in (ours.LOCAL, ours.SPLIT):
        collected = {
            what: (Rounds(f"block-{what}-{place}-p50", "ms"), Rounds(f"block-{what}-{place}-p99", "ms"))
            for what in ("next", "in-flight")
        }
        everyone = [rounds for pair in collected.values() for rounds in pair]
        try:
            _measure_place(scale, place, collected)
        except (ours.NotMeasurable, LoadFailed, OSError) as error:
            for rounds in everyone:
                rounds.miss(ours.NAME, str(error))
        for rounds in everyone:
            yield from rounds.figures()


def _measure_place(scale: Scale, place: str, collected: dict[str, tuple[Rounds, Rounds]]) -> None:
    with contextlib.ExitStack() as stack:
        tls = stack.enter_context(peers.make_certificate())
        backend = stack.enter_context(stream_backend())
        gateway = stack.enter_context(ours.handfast(backend, tls, split=place == ours.SPLIT))
        subject = gateway.subject(ours.NAME, gateway.issue("basic"))
        _request_once(subject)
        for _ in range(scale.rounds):
            for what, trial in (("next", block_to_refusal), ("in-flight", block_to_cut)):
                taken = [_one_trial(gateway, subject, trial) for _ in range(scale.blocks)]
                collected[what][0].add(ours.NAME, percentile(taken, 0.5))
                collected[what][1].add(ours.NAME, percentile(taken, 0.99))


def _one_trial(gateway: ours.Handfast, subject: Subject, trial: Trial) -> float:
    names = {"account": subject.user, "device_id": subject.device_id}
    try:
        return trial(
            subject,
            lambda: gateway.administer("device_block", **names, all_accounts=False, reason="benchmark"),
        )
    finally:
        gateway.administer("device_unblock", **names)
        _request_once(subject)


def block_to_refusal(subject: Subject, block: Callable[[], None]) -> float:
    """Milliseconds until a request is sent that is refused."""
    request = _request(subject)
    with _connect(subject) as connection, ThreadPoolExecutor(1) as administrator:
        if (status := _exchange(connection, request)) != 200:
            raise LoadFailed(f"before the block a request was answered {status}")
        started = sent = time.perf_counter()
        blocking = administrator.submit(block)
        while sent - started < PATIENCE_SECONDS:
            sent = time.perf_counter()
            try:
                status = _exchange(connection, request)
            except ConnectionError:  # cut between two requests: also an end
                status = 0
            if status != 200:
                blocking.result()
                return (sent - started) * 1000
        blocking.result()
    raise LoadFailed(f"{PATIENCE_SECONDS} s after a block requests still passed")


def block_to_cut(subject: Subject, block: Callable[[], None]) -> float:
    """Milliseconds until a hanging Ping is cut (or answered)."""
    with _connect(subject) as connection, ThreadPoolExecutor(1) as administrator:
        connection.sendall(_request(subject, "Ping"))
        connection.settimeout(0.1)
        with contextlib.suppress(TimeoutError):  # by then it hangs behind
            raise LoadFailed(f"a Ping did not hang: {connection.recv(1024)!r}")
        connection.settimeout(PATIENCE_SECONDS)
        started = time.perf_counter()
        blocking = administrator.submit(block)
        try:
            connection.recv(65536)
        except TimeoutError as error:
            raise LoadFailed(f"{PATIENCE_SECONDS} s after a block a Ping still hung") from error
        except (ConnectionError, ssl.SSLError):
            pass
        taken = time.perf_counter() - started
        blocking.result()
    return taken * 1000


def _request(subject: Subject, command: str = "FolderSync") -> bytes:
    task = build_task(subject, "requests", 1, command=command)
    return build_request(task, task.authorization)


def _connect(subject: Subject) -> socket.socket:
    context = build_tls(build_task(subject, "requests", 1))
    plain = socket.create_connection(("127.0.0.1", subject.port), timeout=10)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname=HOST) if context else plain


def _exchange(connection: socket.socket, request: bytes) -> int:
    """The status of one request's answer; the back end's body always comes with its head in one read or the next."""
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer or not _is_whole(answer):
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        answer += piece
    return int(answer[9:12])


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    at = head.lower().find(b"\r\ncontent-length:")
    return at < 0 or len(body) >= int(head[at + 17 :].split(b"\r\n", 1)[0])


def _request_once(subject: Subject) -> None:
    """Signs in: pairs the device, or sees that it may pass again. Raises: LoadFailed unless answered 200."""
    deadline = time.monotonic() + 5
    while True:
        with _connect(subject) as connection:
            status = _exchange(connection, _request(subject))
        if status == 200:
            return
        if time.monotonic() > deadline:
            raise LoadFailed(f"an unblocked device was answered {status}")
        time.sleep(0.05)
