"""The CLI's end of the admin API: plain blocking calls over the Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import get_args

from handfast.identity.administration.errors import AdministrationError, ErrorKind

MAX_ANSWER_BYTES = 512 * 1024 * 1024
CALL_SECONDS = 120.0
"""An import of a large list is one transaction."""


class IdentityNotRunning(Exception):
    """Nobody listens on the admin socket: the caller may lock the database and work on it itself."""


class AdminClient:
    """Calls the administration in the identity process as if it were here."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, method: str, **arguments: object) -> object:
        """The result, as JSON gives it. Raises: IdentityNotRunning, PermissionError, AdministrationError.

        A connection lost in the middle is refused with kind "unavailable": the change may have been made.
        """
        connection = _UnixHttpConnection(self._path)
        try:
            connection.request("POST", f"/v1/{method}", body=json.dumps(arguments).encode())
            answer = connection.getresponse()
            status, body = answer.status, answer.read(MAX_ANSWER_BYTES)
        except (FileNotFoundError, ConnectionRefusedError):
            raise IdentityNotRunning(f"nobody listens on {self._path}") from None
        except PermissionError:
            raise PermissionError(f"you may not use {self._path}: join its group, or use sudo") from None
        except (OSError, http.client.HTTPException) as error:
            raise AdministrationError(
                "unavailable", f"identity went away: {error}", "Look whether it was done"
            ) from error
        finally:
            connection.close()
        return self._result(status, body)

    def _result(self, status: int, body: bytes) -> object:
        try:
            value = json.loads(body)
        except ValueError:
            raise AdministrationError(
                "unavailable", "identity's answer can't be read", "See its log"
            ) from None
        said = value if isinstance(value, dict) else {}
        if status == 200:
            return said.get("result")
        message = str(said.get("message", f"identity failed ({status})"))
        if status == 403:
            raise PermissionError(message)
        raise AdministrationError(
            _kind(said.get("kind")), message, str(said.get("remedy", "See identity's log"))
        )


def _kind(said: object) -> ErrorKind:
    """A kind of this version: one we do not know counts as unavailable."""
    kinds: tuple[ErrorKind, ...] = get_args(ErrorKind)
    return next((kind for kind in kinds if kind == said), "unavailable")


class _UnixHttpConnection(http.client.HTTPConnection):
    """`http.client` over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("identity", timeout=CALL_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Raises: OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
