"""A TCP relay in front of a KDC that can go silent, or answer in its place with an error of Kerberos.

with KdcRelay("127.77.1.2") as relay:
    relay.is_silent = True                    # takes requests, answers none
    relay.errors = {TGS_REQ: 37}              # KRB_AP_ERR_SKEW for every TGS-REQ
    relay.change = PacRemover(key)            # for every answer
    relay.kdc = ("127.77.1.3", 88)            # another one from now on
    relay.address                             # for `kdcs`
    relay.asked                               # kinds of the requests so far

Source: RFC 4120 5.4, 5.9.1, 7.2.2.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

AS_REQ, TGS_REQ = 0x6A, 0x6C
"""First byte of a request: its application tag."""


class KdcRelay:
    """One thread for each connection. Silent connections stay open until the block is left."""

    def __init__(self, kdc: str, port: int = 88) -> None:
        self.kdc = (kdc, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.is_silent = False
        self.errors: dict[int, int] = {}
        self.change: Callable[[bytes], bytes] | None = None
        self.asked: list[int] = []

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> KdcRelay:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Ends every connection."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), connection:
            request = _read(connection)
            self.asked.append(request[0])
            if self.is_silent:
                connection.recv(1)  # until the client or `hang_up` ends it
                return
            code = self.errors.get(request[0])
            answer = krb_error(code) if code is not None else self._ask(request)
            _write(connection, self.change(answer) if self.change is not None else answer)

    def _ask(self, request: bytes) -> bytes:
        with socket.create_connection(self.kdc, timeout=10) as kdc:
            _write(kdc, request)
            return _read(kdc)


def krb_error(code: int, realm: str = "CONTOSO.LAB") -> bytes:
    """KRB-ERROR with what is mandatory in it."""
    name = _element(0x30, _field(0, 0x02, b"\2") + _element(0xA1, _element(0x30, _krbtgt(realm))))
    fields = [
        _field(0, 0x02, b"\5"),
        _field(1, 0x02, bytes((30,))),
        _field(4, 0x18, b"20260101000000Z"),
        _field(5, 0x02, b"\0"),
        _field(6, 0x02, bytes((code,))),
        _field(9, 0x1B, realm.encode()),
        _element(0xAA, name),
    ]
    return _element(0x7E, _element(0x30, b"".join(fields)))


def _krbtgt(realm: str) -> bytes:
    return _element(0x1B, b"krbtgt") + _element(0x1B, realm.encode())


def _field(number: int, tag: int, content: bytes) -> bytes:
    return _element(0xA0 | number, _element(tag, content))


def _element(tag: int, content: bytes) -> bytes:
    """Short contents are all there are here."""
    if len(content) < 0x80:
        return bytes((tag, len(content))) + content
    return bytes((tag, 0x81, len(content))) + content


def _read(connection: socket.socket) -> bytes:
    (length,) = struct.unpack(">I", _exactly(connection, 4))
    return _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    pieces: list[bytes] = []
    while length:
        piece = connection.recv(length)
        if not piece:
            raise EOFError
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _write(connection: socket.socket, message: bytes) -> None:
    connection.sendall(struct.pack(">I", len(message)) + message)


__all__: Sequence[str] = ["AS_REQ", "TGS_REQ", "KdcRelay", "krb_error"]
