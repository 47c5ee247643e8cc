"""RC4, for the one 16-byte session key an AUTHENTICATE message may carry.

OpenSSL 3 no longer offers it. Nothing here protects data with it: the key it unwraps only checks the MIC.
Source: MS-NLMP 6 (RC4K); RFC 6229 for its vectors.
"""

from __future__ import annotations

from itertools import cycle


def rc4(key: bytes, data: bytes) -> bytes:
    """`data` under the RC4 key stream of `key` (1 to 256 bytes); its own inverse."""
    state = list(range(256))
    j = 0
    for i, byte in zip(range(256), cycle(key), strict=False):
        found = state[i]
        j = (j + found + byte) & 255
        state[i] = state[j]
        state[j] = found
    return bytes(byte ^ pad for byte, pad in zip(data, _key_stream(state, len(data)), strict=True))


def _key_stream(state: list[int], length: int) -> bytes:
    stream = bytearray()
    i = j = 0
    for _ in range(length):
        i = (i + 1) & 255
        j = (j + state[i]) & 255
        state[i], state[j] = state[j], state[i]
        stream.append(state[(state[i] + state[j]) & 255])
    return bytes(stream)
