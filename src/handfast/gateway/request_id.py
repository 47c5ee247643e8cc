"""Request ids: 96 random bits as hexadecimal digits. They are shown to clients, so they must not be guessable or counted."""

from __future__ import annotations

import os

_ID_BYTES = 12
_BATCH_BYTES = _ID_BYTES * 256

_left = ""


def new_request_id() -> str:
    """A fresh id. Random bytes are fetched for many ids at once: one call into the system for each would be felt."""
    global _left  # noqa: PLW0603 - one worker, one event loop
    if not _left:
        _left = os.urandom(_BATCH_BYTES).hex()
    taken, _left = _left[: _ID_BYTES * 2], _left[_ID_BYTES * 2 :]
    return taken


def forget_batch() -> None:
    """Throws the rest away: after a fork two processes must not hand out the same ids."""
    global _left  # noqa: PLW0603 - as above
    _left = ""


os.register_at_fork(after_in_child=forget_batch)
