"""PostgreSQL's LISTEN, in a thread of its own: wakes the revocation feed when another identity publishes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import psycopg
from sqlalchemy.engine import URL

from handfast.storage.postgresql import connect_arguments
from handfast.storage.repositories.revocations import NOTIFY_CHANNEL

_WAIT_SECONDS = 0.5
_RECONNECT_SECONDS = 1.0


class NoticeListener:
    """Calls `heard` (from its thread) on each notice, and after each reconnection, when some may have been missed."""

    def __init__(self, url: URL, heard: Callable[[], object]) -> None:
        self._arguments = connect_arguments(url)
        self._heard = heard
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="storage-notices", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread within half a second."""
        self._stop.set()
        self._thread.join()

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
            while not self._stop.is_set():
                for _ in connection.notifies(timeout=_WAIT_SECONDS):
                    self._heard()
                    if self._stop.is_set():
                        return
