"""One call to servers that are, and are not, identity, over real mutual TLS."""

import contextlib
import datetime as dt
import shutil
import socket
import ssl
import threading

import pytest

from handfast.doctor.identity_call import call_identity, node_renewal
from handfast.doctor.identity_link import LinkTools, examine_links
from handfast.keys import pki
from handfast.keys.mutual_tls import build_identity_context, build_node_context
from handfast.settings.load import parse_settings

NOW = dt.datetime.now(dt.UTC)
TOOLS = LinkTools(pki.parse_node_certificate, build_node_context)


class Server:
    """Takes connections by mutual TLS and answers each with the same bytes, or ends it."""

    def __init__(self, made, ca_file, answer):
        self._context = build_identity_context(made.certificate, made.key, ca_file)
        self._answer, self.asked = answer, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), taken:
                taken.settimeout(5)
                with self._context.wrap_socket(taken, server_side=True) as secured:
                    if self._answer:
                        self.asked.append(secured.recv(4096))
                        secured.sendall(self._answer)

    def close(self):
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


class World:
    def __init__(self, folder, stack):
        self.folder, self._stack = folder, stack
        self.authority = folder / "pki"
        pki.init(self.authority, now=NOW)
        self.node = self.issue("edge1", publications=["mail"])
        self.identity = self.issue("identity", identity=True, hosts=["127.0.0.1"])
        self.ca_file = self.authority / "ca.crt"

    def issue(self, name, **how):
        return pki.issue(self.authority, name, now=NOW, into=self.folder, **how)

    def serve(self, made=None, *, ca_file=None, answer=b"HTTP/1.1 404 Not Found\r\n\r\n"):
        server = Server(made or self.identity, ca_file or self.ca_file, answer)
        self._stack.callback(server.close)
        return server

    def settings(self, url, more=""):
        text = f"""
[gateway]
node = "edge1"
[gateway.identity]
url = "{url}"
certificate = "{self.node.certificate}"
key = "{self.node.key}"
ca_file = "{self.ca_file}"
[[listener]]
name = "o"
address = "127.0.0.1:0"
[[publication]]
name = "mail"
hosts = ["localhost"]
backend.urls = ["http://127.0.0.1:1"]
{more}
"""
        return parse_settings(text)[0]

    def call(self, url):
        settings = self.settings(url)
        found = list(call_identity(settings, settings.gateway.identity, build_node_context))
        assert all(url in one.what and one.remedy for one in found)
        return [one.id for one in found]


@pytest.fixture
def world(tmp_path):
    with contextlib.ExitStack() as stack:
        yield World(tmp_path, stack)


def test_let_in(world):
    server = world.serve()
    assert world.call(server.url) == []
    assert server.asked[0].startswith(b"GET /v1/doctor HTTP/1.1\r\n")


def test_refused(world):
    assert world.call(world.serve(answer=b"").url) == ["node-refused"]
    assert world.call(world.serve(answer=b"nonsense\r\n\r\n").url) == ["node-refused"]


def test_refused_by_an_identity_of_another_ca(world, tmp_path):
    pki.init(tmp_path / "foreign", now=NOW)
    server = world.serve(ca_file=tmp_path / "foreign" / "ca.crt")
    assert world.call(server.url) == ["node-refused"]
    assert server.asked == []


def test_not_identity(world):
    elsewhere = world.issue("elsewhere", identity=True, hosts=["identity.lan"])
    assert world.call(world.serve(elsewhere).url) == ["identity-certificate"]


def test_of_the_node_ca_but_not_identity_s(world, monkeypatch):
    monkeypatch.setattr(pki, "IDENTITY_URN", "urn:handfast:something-else")
    other = world.issue("other", identity=True, hosts=["127.0.0.1"])
    server = world.serve(other)
    assert world.call(server.url) == ["identity-certificate"]
    server.close()
    assert not any(server.asked), "nothing was said to it"


def test_unreachable(world):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"https://127.0.0.1:{free.getsockname()[1]}"
    assert world.call(url) == ["identity-unreachable"]
    world.node.key.write_bytes(b"x")
    with pytest.raises(ssl.SSLError):
        build_node_context(world.node.certificate, world.node.key, world.ca_file)
    assert world.call(url) == ["identity-unreachable"]


def test_the_remedy_names_every_publication():
    assert "`handfast pki issue edge1 --publication a --publication b --into DIR`" in node_renewal(
        "edge1", ["a", "b"]
    )


def examined(world, url, more="", now=NOW):
    return [one.id for one in examine_links(world.settings(url, more), TOOLS, now)]


def test_a_link_is_called_where_its_files_are_sound(world):
    server = world.serve()
    assert examined(world, server.url) == []
    assert examined(world, server.url, now=NOW + dt.timedelta(days=360)) == ["node-certificate-expires-soon"]
    assert len(server.asked) == 2
    assert examined(world, server.url, now=NOW + dt.timedelta(days=366)) == ["node-certificate-expired"]
    world.node.key.chmod(0o644)
    assert examined(world, server.url) == ["node-key-mode"]
    shutil.copy(world.identity.certificate, world.node.certificate)
    assert examined(world, server.url) == ["node-key-mismatch", "node-key-mode", "node-certificate-names"]
    world.node.certificate.unlink()
    assert examined(world, server.url) == ["node-certificate-unreadable"]
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("address", "host"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "NAME"), ("[::]", "NAME")]
)
def test_identity_s_own_end(world, address, host):
    text = f"""
[identity.listen]
address = "{address}:7443"
certificate = "{world.node.certificate}"
key = "{world.node.key}"
ca_file = "{world.ca_file}"
"""
    settings = parse_settings(text)[0]
    [found] = examine_links(settings, TOOLS, NOW)
    assert found.id == "node-certificate-names"
    assert f"`handfast pki issue identity --identity --host {host} --into DIR`" in found.remedy
    shutil.copy(world.identity.certificate, world.node.certificate)
    shutil.copy(world.identity.key, world.node.key)
    assert list(examine_links(settings, TOOLS, NOW)) == []
    world.node.certificate.write_bytes(b"x")
    assert [one.id for one in examine_links(settings, TOOLS, NOW)] == ["node-certificate-unreadable"]
    world.node.certificate.unlink()
    assert [one.id for one in examine_links(settings, TOOLS, NOW)] == ["node-certificate-unreadable"]
