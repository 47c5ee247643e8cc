"""The admin API over a real Unix socket: who may call what, and how refusals come back."""

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.ports import Unavailable
from handfast.identity_api import admin_server
from handfast.identity_api.admin_client import AdminClient, IdentityNotRunning
from handfast.identity_api.admin_server import AdminApiServer
from handfast.identity_api.unix_socket import UnixPeer


class Administration:
    """Stands where identity's administration stands: keyword arguments and the actor."""

    async def list_accounts(self, *, limit: int = 10, actor: str):
        return {"actor": actor, "accounts": [{"upn": "alice@example.com"}] * limit}

    async def issue(self, *, account: str, actor: str):
        return {"password": "abcde"}

    async def refuse(self, *, actor: str) -> None:
        raise AdministrationError("not-found", "no such account", "Look at `handfast account list`")

    async def fail(self, *, how: str, actor: str) -> None:
        raise {"down": Unavailable("database locked"), "bug": RuntimeError("x")}[how]

    async def import_rows(self, *, rows: str, actor: str) -> int:
        return len(rows)

    async def _private(self, *, actor: str) -> str:
        return "secret"

    async def without_actor(self) -> str:
        return "secret"

    def not_a_coroutine(self, *, actor: str) -> str:
        return "secret"


@asynccontextmanager
async def serving(path: Path):
    server = AdminApiServer(Administration())
    await server.serve_unix(path)
    try:
        yield server
    finally:
        await server.close(deadline_seconds=1)


async def call(path: Path, method: str, **arguments):
    return await asyncio.to_thread(AdminClient(path).call, method, **arguments)


async def test_a_call_acts_as_who_the_kernel_says(tmp_path: Path):
    path = tmp_path / "admin.sock"
    async with serving(path):
        assert path.stat().st_mode & 0o777 == 0o660
        result = await call(path, "list_accounts", limit=2)
        assert result["actor"].startswith(f"uid:{os.getuid()}(")
        assert result["accounts"][1]["upn"] == "alice@example.com"
        assert await call(path, "issue", account="alice") == {"password": "abcde"}
        assert await call(path, "import_rows", rows="x" * 3_000_000) == 3_000_000


@pytest.mark.parametrize(
    ("method", "arguments", "kind"),
    [
        ("refuse", {}, "not-found"),
        ("fail", {"how": "down"}, "unavailable"),
        ("fail", {"how": "bug"}, "unavailable"),
        ("issue", {}, "usage"),
        ("issue", {"account": "\udcff"}, "usage"),
        ("issue", {"account": "a", "more": 1}, "usage"),
        ("issue", {"account": "a", "actor": "uid:0(root)"}, "usage"),
        ("_private", {}, "usage"),
        ("without_actor", {}, "usage"),
        ("not_a_coroutine", {}, "usage"),
        ("__init__", {}, "usage"),
    ],
)
async def test_refusals_come_back_by_kind(tmp_path: Path, method, arguments, kind):
    path = tmp_path / "admin.sock"
    async with serving(path):
        with pytest.raises(AdministrationError) as caught:
            await call(path, method, **arguments)
        assert caught.value.kind == kind
        assert caught.value.remedy


async def test_nobody_else_gets_in(tmp_path: Path, monkeypatch):
    path = tmp_path / "admin.sock"
    monkeypatch.setattr(admin_server, "_look_up", lambda peer, group: ("mallory", False))
    async with serving(path):
        with pytest.raises(PermissionError, match="may not administrate"):
            await call(path, "list_accounts")


def test_only_root_the_service_and_the_group_may(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 990)
    may = lambda uid, gid, group: admin_server._look_up(UnixPeer(1, uid, gid), group)[1]
    assert may(0, 0, None)
    assert may(990, 990, None)
    assert not may(65534, 65534, None)
    assert not may(54321, 7, 5)
    assert may(54321, 7, 7)


async def test_identity_not_running_is_told_apart(tmp_path: Path):
    path = tmp_path / "admin.sock"
    with pytest.raises(IdentityNotRunning):
        await call(path, "list_accounts")
    async with serving(path):
        pass
    with pytest.raises(IdentityNotRunning):
        await call(path, "list_accounts")


def test_an_unknown_group_is_said():
    with pytest.raises(ValueError, match="does not exist"):
        AdminApiServer(Administration(), admin_group="no-such-group")
