"""A KDC's answer without a PAC in its ticket, for a service whose key is known.

with DomainController(smb_options=WITHOUT_FAST) as dc, KdcRelay(dc.address) as relay:
    relay.change = PacRemover(key)

A ticket is protected by its service's key alone, unless client and KDC have agreed on FAST. So what comes of it is what a KDC
sends that leaves the PAC out. Tickets under other keys stay as they are.

Source: RFC 4120 5.3, 5.4.2, 7.5.1; RFC 6113 5.4.3; MIT krb5 API.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_size_t, c_uint, c_void_p
from pathlib import Path

from handfast.protocols.kerberos.keytab import KeytabEntry, parse_keytab
from handfast.protocols.spnego.der import encode_element

AES256 = 18
TICKET = 2
"""Key usage of a ticket's encrypted part."""
CIPHER = (0x6D, 0x30, 0xA5, 0x61, 0x30, 0xA3, 0x30, 0xA2, 0x04)
"""Of the ticket in a TGS-REP, by the tags that lead to it."""
AUTHORIZATION_DATA = (0x63, 0x30, 0xAA)
"""In the ticket's encrypted part: the PAC is all that is there."""


WITHOUT_FAST = "kdc enable fast = no\n"


class _Data(Structure):
    _fields_ = (("magic", c_int32), ("length", c_uint), ("data", c_char_p))


class _Key(Structure):
    _fields_ = (("magic", c_int32), ("enctype", c_int32), ("length", c_uint), ("contents", c_char_p))


class _Encrypted(Structure):
    _fields_ = (("magic", c_int32), ("enctype", c_int32), ("kvno", c_uint), ("cipher", _Data))


def encrypting_key(keytab: Path, principal: str) -> KeytabEntry:
    """The key that a KDC encrypts the principal's tickets with, where all are AES."""
    entries = parse_keytab(keytab.read_bytes())
    return next(one for one in entries if one.principal.components == (principal,) and one.enctype == AES256)


class PacRemover:
    """By the key of one service."""

    def __init__(self, key: KeytabEntry) -> None:
        self._krb5 = ctypes.CDLL("libkrb5.so.3")
        self._context = c_void_p()
        assert not self._krb5.krb5_init_context(byref(self._context))
        self._krb5.krb5_c_encrypt_length.argtypes = (c_void_p, c_int32, c_size_t, POINTER(c_size_t))
        self._key = _Key(0, key.enctype, len(key.key), key.key)
        self.removed = 0

    def __call__(self, answer: bytes) -> bytes:
        """The answer, changed if its ticket is the service's."""
        return edited(answer, CIPHER, self._without_pac)

    def _without_pac(self, cipher: bytes) -> bytes:
        plain = self._decrypt(cipher)
        if plain is None:
            return cipher
        self.removed += 1
        return self._encrypt(edited(plain, AUTHORIZATION_DATA, lambda _: None))

    def _decrypt(self, cipher: bytes) -> bytes | None:
        room = ctypes.create_string_buffer(len(cipher))
        given = _Encrypted(0, self._key.enctype, 0, _Data(0, len(cipher), cipher))
        taken = _Data(0, len(cipher), ctypes.cast(room, c_char_p))
        failed = self._krb5.krb5_c_decrypt(
            self._context, byref(self._key), TICKET, None, byref(given), byref(taken)
        )
        return None if failed else room.raw[: taken.length]

    def _encrypt(self, plain: bytes) -> bytes:
        size = c_size_t()
        assert not self._krb5.krb5_c_encrypt_length(self._context, self._key.enctype, len(plain), byref(size))
        room = ctypes.create_string_buffer(size.value)
        taken = _Encrypted(0, 0, 0, _Data(0, size.value, ctypes.cast(room, c_char_p)))
        given = _Data(0, len(plain), plain)
        assert not self._krb5.krb5_c_encrypt(
            self._context, byref(self._key), TICKET, None, byref(given), byref(taken)
        )
        return room.raw[: taken.cipher.length]


def edited(data: bytes, path: tuple[int, ...], change: Callable[[bytes], bytes | None]) -> bytes:
    """DER with another content in the element that the tags of `path` lead to, or without it (None)."""
    written = b""
    for tag, before in _elements(data):
        content: bytes | None = before
        if tag == path[0]:
            content = edited(before, path[1:], change) if path[1:] else change(before)
        if content is not None:
            written += encode_element(tag, content)
    return written


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        yield tag, data[at : at + length]
        at += length
