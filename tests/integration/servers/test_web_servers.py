"""nginx and Apache run from a configuration made on the spot, and are gone afterwards."""

import os
import urllib.request

import pytest

from tests.servers.apache import apache
from tests.servers.nginx import nginx
from tests.servers.processes import ServerDidNotStart, accepts, descendants, free_port, wait_until


@pytest.mark.needs("nginx")
def test_nginx_serves_and_leaves_nothing():
    port = free_port()
    server = f'server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello"; }} }}'
    with nginx(server, port=port) as running:
        workers = descendants(running.pid)
        assert workers
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/a") as answer:
            assert answer.read() == b"hello"
        said = '"GET /a HTTP/1.1" 200'
        wait_until(lambda: said in running.access_log.read_text(), "nginx logs a request after its answer")
    assert not accepts(port)
    assert not running.directory.exists()
    assert not [pid for pid in workers if os.path.exists(f"/proc/{pid}")]


@pytest.mark.needs("nginx")
def test_a_broken_configuration_is_told_with_nginx_own_words():
    with pytest.raises(ServerDidNotStart, match='unknown directive "nonsense"'):
        with nginx("nonsense;", port=free_port()):
            pass


@pytest.mark.needs("apache2")
def test_apache_serves_and_leaves_nothing():
    port = free_port()
    body = f"Listen 127.0.0.1:{port}\nRedirect /old http://127.0.0.1:{port}/new"
    with apache(body, port=port, modules=("authz_core", "alias")) as running:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/old", method="HEAD")
        opener = urllib.request.build_opener(
            type(
                "Stay",
                (urllib.request.HTTPRedirectHandler,),
                {
                    "redirect_request": lambda *_: None,
                },
            )
        )
        with pytest.raises(urllib.error.HTTPError) as redirected:
            opener.open(request)
        with redirected.value as answer:
            assert answer.headers["Location"].endswith("/new")
    assert not accepts(port)
    assert not running.directory.exists()
