"""One JSON line for each request that reached the simulated server: the proof of what passed the gateway.

A request is written down before it is answered, and one that hangs as soon as it begins to hang, with status null. Of an
Authorization header only the scheme and the name in it are kept.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from handfast.lab.http_message import Headers
from handfast.lab.sign_in import basic_credential

_HEADERS_OF_INTEREST = (
    "Host",
    "User-Agent",
    "Content-Type",
    "Content-Length",
    "Transfer-Encoding",
    "Range",
    "SOAPAction",
    "MS-ASProtocolVersion",
    "X-AnchorMailbox",
    "X-ClientInfo",
    "X-MapiHttpCapability",
    "X-RequestType",
    "X-MS-PolicyKey",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Request-Id",
    "Via",
)


class RequestLog:
    """Appends to `path`; None writes nothing. Each line is flushed, so a reader may follow the file."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None

    def request(
        self,
        *,
        method: str,
        target: str,
        headers: Headers,
        peer: str,
        body_bytes: int,
        status: int | None,
        user: str = "",
        application: str = "",
        device_id: str = "",
        command: str = "",
        acting_as: str = "",
        problem: str = "",
    ) -> None:
        """Writes one line. `status` None: the answer is still being waited for.

        `command` is an ActiveSync command, an operation of Exchange Web Services or a MAPI request type; `acting_as` the
        one in whose name a request of Exchange Web Services asked to be answered.
        """
        login, _ = basic_credential(headers)
        self._write(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "peer": peer,
                "method": method,
                "target": target,
                "path": target.partition("?")[0],
                "query": target.partition("?")[2],
                "user": user,
                "application": application,
                "acting_as": acting_as,
                "device_id": device_id,
                "command": command,
                "status": status,
                "hanging": status is None,
                "body_bytes": body_bytes,
                "authorization_scheme": headers.get("Authorization").partition(" ")[0],
                "claimed_user": login,
                "headers": {name: headers.get(name) for name in _HEADERS_OF_INTEREST if headers.all(name)},
                "cookie_names": _cookie_names(headers),
                "header_names": sorted(name for name, _ in headers.fields),
                "problem": problem,
            }
        )

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _write(self, line: dict[str, object]) -> None:
        if self._file:
            self._file.write(json.dumps(line) + "\n")


def _cookie_names(headers: Headers) -> list[str]:
    """Cookies hold sessions: of each only the name is kept."""
    pairs = [pair for line in headers.all("Cookie") for pair in line.split(";")]
    return sorted(pair.partition("=")[0].strip() for pair in pairs)
