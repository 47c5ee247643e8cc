"""PostgreSQL's LISTEN, in a thread of its own: wakes the revocation feed when another identity publishes."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable

import psycopg
from sqlalchemy.engine import URL

from handfast.storage.postgresql import connect_arguments
from handfast.storage.repositories.revocations import NOTIFY_CHANNEL

_RECONNECT_SECONDS = 1.0


class NoticeListener:
    """Calls `heard` (from its thread) on each notice, and after each reconnection, when some may have been missed."""

    def __init__(self, url: URL, heard: Callable[[], object]) -> None:
        self._arguments = connect_arguments(url)
        self._heard = heard
        self._stop = threading.Event()
        self._stopped, self._stopping = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="storage-notices", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread: at once, unless it is just connecting."""
        self._stop.set()
        self._stopping.close()  # which makes the other end readable, and so wakes a thread that waits for notices
        self._thread.join()
        self._stopped.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            # Without a connection the feed's polling still finds everything, only later.
            with contextlib.suppress(psycopg.Error):
                self._listen()
            self._stop.wait(_RECONNECT_SECONDS)

    def _listen(self) -> None:
        with psycopg.connect(**self._arguments, autocommit=True) as connection:
            connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
            self._heard()
            readable = select.poll()
            readable.register(connection, select.POLLIN)
            readable.register(self._stopped, select.POLLIN)
            while not self._stop.is_set():
                # First what has come already: the driver keeps what it read along with other answers.
                for _ in connection.notifies(timeout=0):
                    self._heard()
                readable.poll()
