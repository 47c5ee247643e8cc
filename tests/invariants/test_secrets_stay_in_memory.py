"""What holds secrets is never dumped, and shows none of them: not in a core, a repr, a traceback or a log line."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import handfast
from handfast.app import child
from handfast.decision.access import BasicCredential, ConnectionCredential, NtlmCredential
from handfast.decision.outcome import Grant
from handfast.gateway.credentials import NtlmLeg
from handfast.identity.records import AccountId
from handfast.protocols.http1.head import parse_request_head, parse_response_head
from handfast.protocols.http_auth.authorization import parse_authorization
from handfast.settings.problems import SettingsError

SECRET = "apple-secret"
TOLD = """
import ctypes, resource
from handfast.app.core_dumps import forbid_core_dumps
{call}
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def dumpable(call: str) -> list[str]:
    """PR_GET_DUMPABLE and the limit of cores, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", TOLD.format(call=call)], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_a_service_process_leaves_no_core():
    assert dumpable("forbid_core_dumps()") == ["0", "0"]
    assert dumpable("")[0] == "1"


def test_every_service_process_forbids_it_before_it_reads_a_secret(monkeypatch, tmp_path):
    order = []
    monkeypatch.setattr(child, "forbid_core_dumps", lambda: order.append("forbidden"))

    def no_settings(path: Path):
        order.append("settings read")
        raise SettingsError([])

    monkeypatch.setattr(child, "load_settings", no_settings)
    with pytest.raises(SettingsError):
        child.run_service(tmp_path / "none", lambda _: None)
    assert order == ["forbidden", "settings read"]


HEAD = f"POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\nCookie: {SECRET}\r\n\r\n".encode()
HOLDERS = {
    "basic": BasicCredential("alice", SECRET),
    "ntlm": NtlmCredential("c", "conn", SECRET.encode(), SECRET.encode()),
    "session": ConnectionCredential("conn", SECRET.encode()),
    "grant": Grant("g", "mail", AccountId(1), "alice", 1, 300.0, session=SECRET.encode()),
    "head": parse_request_head(HEAD),
    "answer": parse_response_head(f"HTTP/1.1 200 OK\r\nSet-Cookie: {SECRET}\r\n\r\n".encode()),
    "authorization": parse_authorization(b"Basic YWxpY2U6YXBwbGUtc2VjcmV0"),
    "leg": NtlmLeg(3, SECRET.encode(), b"NTLM"),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_no_repr_shows_a_secret(name):
    shown = repr(HOLDERS[name])
    assert SECRET not in shown
    assert "YTpi" not in shown


SECRET_NAME = re.compile(
    r"secret$|password$|passphrase|session$|authorization$|authenticate$|verifier$|sealed|nt_hash|proof$|headers$|hashes$"
)
KNOWN = {"DemoSite.phone_password", "Reply.headers"}
"""The demo prints its passwords, and our own refusals hold no secret."""


def shown_secrets(modules) -> set[str]:
    """Fields of dataclasses that hold text or bytes under the name of a secret, and are part of the repr."""
    found = set()
    for module in modules:
        for value in vars(module).values():
            if not (isinstance(value, type) and dataclasses.is_dataclass(value)):
                continue
            found |= {
                f"{value.__name__}.{field.name}"
                for field in dataclasses.fields(value)
                if field.repr
                and SECRET_NAME.search(field.name)
                and re.search(r"\b(str|bytes)\b", str(field.type))
            }
    return found


def product_modules():
    for found in pkgutil.walk_packages(handfast.__path__, "handfast."):
        if not found.name.startswith(("handfast.lab", "handfast.__main__", "handfast.storage.migrations")):
            yield importlib.import_module(found.name)


def test_no_dataclass_shows_a_secret():
    assert shown_secrets(product_modules()) <= KNOWN


def test_a_dataclass_that_does_would_be_seen():
    @dataclasses.dataclass
    class Careless:
        app_secret: str
        stored_password: bytes | None
        name: str

    assert shown_secrets([SimpleNamespace(Careless=Careless)]) == {
        "Careless.app_secret",
        "Careless.stored_password",
    }
