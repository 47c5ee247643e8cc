"""`/metrics` and `/healthz` over a real socket, alone and summed over processes."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from handfast.observability.metrics_server import serve_metrics


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_and_health():
    health = {"identity": True, "backends": True}
    server = serve_metrics("127.0.0.1:0", lambda: health)
    try:
        status, text = get(server.port, "/metrics")
        assert status == 200
        assert "# TYPE handfast_decisions_total counter" in text
        assert get(server.port, "/healthz") == (200, json.dumps({"status": "ok", "checks": health}))
        health["identity"] = False
        status, text = get(server.port, "/healthz")
        assert (status, json.loads(text)["status"]) == (503, "failing")
        assert get(server.port, "/other")[0] == 404
    finally:
        server.close()


def test_ipv6_and_bad_addresses():
    if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
        serve_metrics("[::1]:0", dict).close()
    for address in ("9464", ":9464", "127.0.0.1:x"):
        with pytest.raises(ValueError, match="IP:port"):
            serve_metrics(address, dict)


def test_several_processes_are_added_up(tmp_path: Path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    count = (
        "from handfast.observability import metrics;"
        "metrics.DECISIONS.labels('mail', 'allow', 'allowed').inc(2);"
    )
    show = (
        "from handfast.observability.metrics_server import render_metrics; print(render_metrics().decode())"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=environment, check=True)
    shown = subprocess.run(
        [sys.executable, "-c", show], env=environment, check=True, capture_output=True, text=True
    ).stdout
    wanted = 'handfast_decisions_total{outcome="allow",publication="mail",reason="allowed"} 4.0'
    assert wanted in shown
