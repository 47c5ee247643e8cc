"""MB/s of one large download and one large upload through TLS, with curl, nginx and Handfast in turns."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import handfast_subject as ours
from benchmarks import peers
from benchmarks.backend import stream_backend
from benchmarks.driver import LoadFailed, Scale
from benchmarks.results import Figure
from benchmarks.rounds import Rounds
from benchmarks.subject import HOST, Subject

MIB = 1024 * 1024


def measure(scale: Scale) -> Iterator[Figure]:
    """A download and an upload of each subject a round."""
    download, upload = Rounds("download", "MB/s"), Rounds("upload", "MB/s")
    size = scale.bulk_mib * MIB
    with contextlib.ExitStack() as stack:
        tls = stack.enter_context(peers.make_certificate())
        backend = stack.enter_context(stream_backend(bulk_bytes=size))
        subjects = [stack.enter_context(peers.nginx_proxy(backend, tls))]
        try:
            gateway = stack.enter_context(ours.handfast(backend, tls))
            subjects.append(gateway.subject(ours.NAME, gateway.issue("basic")))
        except ours.NotMeasurable as error:
            download.miss(ours.NAME, str(error))
            upload.miss(ours.NAME, str(error))
        source = stack.enter_context(tempfile.NamedTemporaryFile(prefix="hf-bulk-"))
        source.truncate(size)  # a sparse file: nothing is read from a disk
        for _ in range(scale.rounds):
            for subject in subjects:
                with download.note_missing(subject.name):
                    download.add(subject.name, _transfer(subject, size, None))
                with upload.note_missing(subject.name):
                    upload.add(subject.name, _transfer(subject, size, Path(source.name)))
    yield from download.figures()
    yield from upload.figures()


def _transfer(subject: Subject, size: int, source: Path | None) -> float:
    """MB/s (10^6 bytes) of one request, by curl's own clock. Raises: LoadFailed unless every byte went through."""
    target = subject.target("SendMail" if source else "ItemOperations")
    url = f"https://{HOST}:{subject.port}{target}"
    command = ["curl", "-sS", "--http1.1", "--cacert", str(subject.certificate), "-o", "/dev/null"]
    command += ["--resolve", f"{HOST}:{subject.port}:127.0.0.1", "-H", "Expect:"]
    command += ["-H", "MS-ASProtocolVersion: 14.1", "-H", "Content-Type: application/vnd.ms-sync.wbxml"]
    command += ["-A", "BenchPhone/1.0", "-w", "%{http_code} %{size_download} %{size_upload} %{time_total}"]
    if subject.credential:
        command += ["-u", f"{subject.credential.user}:{subject.credential.password}"]
    command += ["-X", "POST", *(["-T", str(source)] if source else ["--data-binary", "x"]), url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    words = done.stdout.split()
    moved = int(words[2 if source else 1]) if len(words) == 4 else 0
    if done.returncode or words[0] != "200" or moved != size:
        raise LoadFailed(f"curl moved {moved} of {size} bytes: {done.stdout} {done.stderr.strip()}")
    return moved / float(words[3]) / 1e6
