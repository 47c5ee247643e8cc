"""Where signed checkpoints of the audit trail are kept outside the database, one a line, appended only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from handfast.identity.checkpoints import Checkpoint, encode_checkpoint, parse_checkpoint
from handfast.identity.ports import Unavailable
from handfast.protocols.errors import MalformedMessage
from handfast.storage.owned_files import not_ours, open_owned

_MAX_LINE_BYTES = 4096


class CheckpointFile:
    """A text file of one JSON object a line; put it on another machine's disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, checkpoint: Checkpoint) -> None:
        """Returns after the line is on the disk. A line a crash left unfinished is ended first. Raises: Unavailable."""
        line = encode_checkpoint(checkpoint).encode("ascii") + b"\n"
        try:
            descriptor = open_owned(self._path, os.O_RDWR | os.O_APPEND)
            try:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = b"\n" + line
                written = os.write(descriptor, line)
                if written != len(line):
                    raise Unavailable(f"{self._path}: the disk is full")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise not_ours(f"the checkpoint file {self._path} can't be written", self._path, error) from error

    def read(self) -> tuple[Sequence[Checkpoint], Sequence[int]]:
        """The checkpoints, and the numbers of the lines that are none. Raises: Unavailable."""
        checkpoints: list[Checkpoint] = []
        broken: list[int] = []
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if not line.strip():
                        continue
                    try:
                        checkpoints.append(parse_checkpoint(line[:_MAX_LINE_BYTES]))
                    except MalformedMessage:
                        broken.append(number)
        except FileNotFoundError:
            return (), ()
        except OSError as error:
            raise Unavailable(f"the checkpoint file {self._path} can't be read: {error.strerror}") from error
        return checkpoints, broken
