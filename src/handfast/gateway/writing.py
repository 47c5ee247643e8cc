"""Handing parts of a message to a transport."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

JOINED_BYTES = 16 * 1024
"""Up to this much is copied together: one write (and one TLS record) costs less than the copy saves."""


def write_parts(transport: asyncio.WriteTransport, parts: Sequence[bytes]) -> None:
    """Writes them in order; small ones together, large ones without a copy."""
    if len(parts) == 1:
        transport.write(parts[0])
    elif sum(map(len, parts)) <= JOINED_BYTES:
        transport.write(b"".join(parts))
    else:
        transport.writelines(parts)
