"""Where lines go: one file descriptor, opened for appending, so that several processes share a file by whole lines."""

from __future__ import annotations

import os
from pathlib import Path

STANDARD_ERROR = 2


class LogOutput:
    """A log file, or standard error where `path` is None. Writing never raises: a full disk must not stop a request.

    `lost_lines` counts what could not be written, for the metric of that name.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Raises: OSError where the file can't be opened."""
        self._path = path
        self._descriptor = STANDARD_ERROR if path is None else _open(path)
        self.lost_lines = 0

    def write(self, text: str) -> None:
        """Writes whole lines, each with its line feed."""
        data = text.encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self.lost_lines += data.count(b"\n")

    def reopen(self) -> None:
        """After the file was rotated: goes on in a new file of the old name. Raises: OSError, and keeps the old one."""
        if self._path is None:
            return
        fresh = _open(self._path)
        os.close(self._descriptor)
        self._descriptor = fresh

    def close(self) -> None:
        """Ends the output; standard error stays open."""
        if self._path is not None and self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _open(path: Path) -> int:
    # Who may read the log is the administrator's to widen: source addresses and names are in it.
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
