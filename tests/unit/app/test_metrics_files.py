import os
import subprocess
import sys

from handfast.app.metrics_files import FILE_BYTES, KINDS, METRICS_VARIABLE, reserve_metrics_files

USE = """
import os, sys
from handfast.app.metrics_files import reserve_metrics_files
reserve_metrics_files()
from handfast.observability import metrics
metrics.DECISIONS.labels("mail", "allow", "allowed").inc(3)
metrics.REQUEST_SECONDS.labels("allow").observe(0.1)
metrics.CONNECTIONS.labels("outside").set(2)
metrics.IDENTITY_REACHABLE.labels("local").set(1)
print(os.environ.get("PROMETHEUS_MULTIPROC_DIR", "alone"))
from handfast.observability.metrics_server import render_metrics
print(render_metrics().decode())
"""


def run(folder):
    environment = {**os.environ, METRICS_VARIABLE: str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", USE],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        umask=0o027,
    )
    return done.stdout


def test_the_reserved_files_are_the_ones_that_are_used(tmp_path):
    said = run(tmp_path)
    assert 'handfast_decisions_total{outcome="allow",publication="mail",reason="allowed"} 3.0' in said
    files = sorted(tmp_path.iterdir())
    assert len(files) == len(KINDS)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o640}
    assert all(
        file.stat().st_size == FILE_BYTES and file.stat().st_blocks * 512 >= FILE_BYTES for file in files
    )


def test_without_room_a_worker_counts_for_itself(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv(METRICS_VARIABLE, str(tmp_path))
    monkeypatch.setattr("os.posix_fallocate", full)
    reserve_metrics_files()
    assert METRICS_VARIABLE not in os.environ
    assert not list(tmp_path.iterdir())


def test_nothing_is_made_where_metrics_are_not_shared(monkeypatch):
    monkeypatch.delenv(METRICS_VARIABLE, raising=False)
    reserve_metrics_files()
    assert METRICS_VARIABLE not in os.environ
