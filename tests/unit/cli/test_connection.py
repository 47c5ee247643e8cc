import contextlib
import socket
import sys
import types

import pytest

from handfast.cli import connection
from handfast.cli.exits import CommandFailed, Exit
from handfast.identity.administration.errors import DatabaseOwned
from handfast.settings.gateway import GatewaySettings, IdentityLink
from handfast.settings.identity import IdentitySettings
from handfast.settings.model import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(identity=IdentitySettings(runtime_dir=tmp_path))


def offline(monkeypatch, answer):
    @contextlib.contextmanager
    def opened(settings):
        yield types.SimpleNamespace(call=lambda method, **arguments: (answer, method, arguments, settings))

    fake = types.ModuleType("handfast.app")
    fake.open_offline_administration = opened
    monkeypatch.setitem(sys.modules, "handfast.app", fake)
    import handfast

    monkeypatch.setattr(handfast, "app", fake, raising=False)


def test_with_identity_stopped_the_database_itself_is_used(settings, monkeypatch):
    offline(monkeypatch, "offline")
    with connection.open_administration(settings) as administration:
        assert administration.call("status") == ("offline", "status", {}, settings)


def test_a_left_over_socket_is_no_identity(settings, monkeypatch, tmp_path):
    offline(monkeypatch, "offline")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "admin.sock"))
    assert not connection.identity_listens(tmp_path / "admin.sock")
    with connection.open_administration(settings) as administration:
        assert administration.call("status")[0] == "offline"


def test_with_identity_running_its_socket_is_used(settings, tmp_path):
    from handfast.identity_api.admin_client import AdminClient

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "admin.sock"))
        server.listen()
        with connection.open_administration(settings) as administration:
            assert isinstance(administration, AdminClient)


def test_a_gateway_node_has_no_records(tmp_path):
    link = IdentityLink(url="https://identity.lan:7443", certificate="/c", key="/k", ca_file="/a")
    with (
        pytest.raises(CommandFailed, match="identity runs") as caught,
        connection.open_administration(Settings(gateway=GatewaySettings(identity=link))),
    ):
        pass
    assert caught.value.exit_code == Exit.UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "code"),
    [(PermissionError(13, "no"), Exit.REFUSED), (TimeoutError("timed out"), Exit.UNAVAILABLE)],
)
def test_a_socket_that_can_not_be_used(monkeypatch, tmp_path, error, code):
    class Refusing(socket.socket):
        def connect(self, _address):
            raise error

    monkeypatch.setattr(connection.socket, "socket", Refusing)
    with pytest.raises(CommandFailed) as caught:
        connection.identity_listens(tmp_path / "admin.sock")
    assert caught.value.exit_code == code


def owned_for(monkeypatch, refusals, then):
    """A database another process owns for so many attempts; `then` is called at the last of them."""
    left = iter(range(refusals, -1, -1))

    @contextlib.contextmanager
    def opened(_settings):
        if next(left):
            raise DatabaseOwned("unavailable", "identity is running (process 7)", "try again")
        then()
        yield types.SimpleNamespace(call=lambda method, **_: ("offline", method))

    fake = types.ModuleType("handfast.app")
    fake.open_offline_administration = opened
    monkeypatch.setitem(sys.modules, "handfast.app", fake)
    import handfast

    monkeypatch.setattr(handfast, "app", fake, raising=False)
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.001)


def test_a_command_waits_for_the_one_before_it(settings, monkeypatch):
    owned_for(monkeypatch, 3, lambda: None)
    with connection.open_administration(settings) as administration:
        assert administration.call("status") == ("offline", "status")


def test_a_command_finds_identity_that_was_starting(settings, monkeypatch):
    from handfast.identity_api.admin_client import AdminClient

    owned_for(monkeypatch, 1000, lambda: None)
    answers = iter([False, False, True])
    monkeypatch.setattr(connection, "identity_listens", lambda _socket: next(answers))
    with connection.open_administration(settings) as administration:
        assert isinstance(administration, AdminClient)


def test_a_command_does_not_wait_for_ever(settings, monkeypatch):
    owned_for(monkeypatch, 1000, lambda: None)
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.01)
    with pytest.raises(DatabaseOwned), connection.open_administration(settings):
        pass
