"""One HTTP/1.1 connection of the simulated phone, kept alive between requests and opened again where it was closed."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from handfast.lab.http_message import BadMessage, Headers, may_have_body, read_body, read_head, render_head
from handfast.lab.wire import Wire


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A final answer (no 1xx)."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)


class HttpClient:
    """Sends requests to `base_url`, whose host may be an address; TLS and Host say `host_name` instead.

    `ca_file` (PEM) alone is trusted; None trusts the machine's own. The certificate must be valid for `host_name`.
    """

    def __init__(self, base_url: str, ca_file: Path | None, host_name: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"no base URL: {base_url!r}")
        self._address = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._host_name = host_name or parts.hostname
        self._tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._wire: Wire | None = None

    async def request(
        self, method: str, target: str, fields: list[tuple[str, str]], body: bytes
    ) -> HttpAnswer:
        """One request, sent once: on a connection that turns out closed it fails, because a POST is not repeated.

        Raises: ConnectionError where the connection could not be made, ended early or carried no HTTP; ssl.SSLError where TLS was not agreed.
        """
        if self._wire and self._wire.is_closed:
            await self.close()
        wire = self._wire = self._wire or await self._connect()
        head = [("Host", self._host_name), *fields, ("Content-Length", str(len(body)))]
        try:
            await wire.send(render_head(f"{method} {target} HTTP/1.1", head) + body)
            answer, keep = await _read_answer(wire, method)
        except (EOFError, BadMessage, OSError) as error:
            await self.close()
            raise ConnectionError(
                f"no whole answer came: {str(error) or 'the connection was closed'}"
            ) from error
        except BaseException:
            await self.close()
            raise
        if not keep:
            await self.close()
        return answer

    async def close(self) -> None:
        """Closes the connection; the next request opens another."""
        wire, self._wire = self._wire, None
        if wire:
            await wire.close()

    async def _connect(self) -> Wire:
        try:
            reader, writer = await asyncio.open_connection(
                self._address,
                self._port,
                ssl=self._tls,
                server_hostname=self._host_name if self._tls else None,
                ssl_shutdown_timeout=2 if self._tls else None,
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            raise ConnectionError(f"no connection to {self._address}:{self._port}: {error}") from error
        return Wire(reader, writer)


async def _read_answer(wire: Wire, method: str) -> tuple[HttpAnswer, bool]:
    status, headers = 100, Headers()
    while status < 200:
        start_line, headers = await read_head(wire)
        status = _status(start_line)
    body = b""
    has_length = bool(headers.all("Content-Length") or headers.all("Transfer-Encoding"))
    if may_have_body(method, status):
        body = await read_body(wire, headers, until_end=True)
    keep = headers.get("Connection").lower() != "close" and (has_length or not may_have_body(method, status))
    return HttpAnswer(status, headers, body), keep


def _status(start_line: str) -> int:
    version, _, rest = start_line.partition(" ")
    if version not in ("HTTP/1.0", "HTTP/1.1") or not rest[:3].isdigit():
        raise BadMessage(f"status line {start_line[:40]!a}")
    return int(rest[:3])
