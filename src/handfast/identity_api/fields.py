"""Strict reading of JSON objects: exact field names, exact types, nothing converted and nothing ignored."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NoReturn, TypeVar

from handfast.protocols.errors import MalformedMessage

E = TypeVar("E", bound=StrEnum)

PROTOCOL = "identity-api"
MAX_INTEGER = 2**63 - 1


def parse_object(body: bytes) -> dict[str, object]:
    """The JSON object that `body` holds. Raises: MalformedMessage."""
    try:
        value = _DECODE(body.decode())
    except (ValueError, RecursionError):
        raise MalformedMessage(PROTOCOL, "body", "no JSON") from None
    if type(value) is not dict:
        raise MalformedMessage(PROTOCOL, "body", "no JSON object")
    return value


def encode_object(value: Mapping[str, object]) -> bytes:
    """Compact JSON in ASCII, one line."""
    return _ENCODE(value).encode("ascii")


class Fields:
    """A JSON object being read; every getter raises MalformedMessage where the field is absent or of another type."""

    __slots__ = ("_object", "_where")

    def __init__(self, where: str, value: object, names: frozenset[str]) -> None:
        """Takes exactly the fields `names`: an unknown one is as wrong as a missing one."""
        if type(value) is not dict:
            raise MalformedMessage(PROTOCOL, where, "no object")
        if value.keys() != names:
            raise MalformedMessage(PROTOCOL, where, "missing or unknown fields")
        self._object: dict[str, object] = value
        self._where = where

    def text(self, name: str) -> str:
        """A string that UTF-8 can carry: no lone surrogates, which would fail somewhere deep inside later."""
        value = self._object[name]
        if type(value) is not str or not (value.isascii() or _is_encodable(value)):
            self._refuse(name, "no text")
        return value

    def optional_text(self, name: str) -> str | None:
        """As `text`, or None for null."""
        return None if self._object[name] is None else self.text(name)

    def integer(self, name: str) -> int:
        """0 up to 2^63 - 1; never a bool."""
        value = self._object[name]
        if type(value) is not int or not 0 <= value <= MAX_INTEGER:
            self._refuse(name, "no integer from 0 to 2^63 - 1")
        return value

    def optional_integer(self, name: str) -> int | None:
        """As `integer`, or None for null."""
        return None if self._object[name] is None else self.integer(name)

    def number(self, name: str) -> float:
        """A finite number of at least 0."""
        value = self._object[name]
        if type(value) not in (int, float):
            self._refuse(name, "no number")
        assert isinstance(value, (int, float))
        if not 0 <= value <= MAX_INTEGER:
            self._refuse(name, "out of range")
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._object[name]
        if type(value) is not bool:
            self._refuse(name, "no boolean")
        return value

    def octets(self, name: str, *, at_most: int | None = None) -> bytes:
        """Bytes, sent as Base64 (RFC 4648 4)."""
        value = self._object[name]
        if type(value) is not str:
            self._refuse(name, "no text")
        try:
            octets = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            self._refuse(name, "no Base64")
        if at_most is not None and len(octets) > at_most:
            self._refuse(name, f"above {at_most} bytes")
        return octets

    def member(self, name: str, enum: type[E]) -> E:
        """A member of a closed list, by its value."""
        value = self._object[name]
        if type(value) is not str:
            self._refuse(name, "no text")
        try:
            return enum(value)
        except ValueError:
            self._refuse(name, "not in its list")

    def moment(self, name: str) -> datetime:
        """An ISO 8601 time with its offset."""
        try:
            value = datetime.fromisoformat(self.text(name))
        except ValueError:
            self._refuse(name, "no time")
        if value.tzinfo is None:
            self._refuse(name, "no time with an offset")
        return value

    def items(self, name: str) -> list[object]:
        """A list, its items unread."""
        value = self._object[name]
        if type(value) is not list:
            self._refuse(name, "no list")
        return value

    def raw(self, name: str) -> object:
        """The value unread: for an object that has a reader of its own."""
        return self._object[name]

    def _refuse(self, name: str, problem: str) -> NoReturn:
        raise MalformedMessage(PROTOCOL, f"{self._where}.{name}", problem)


def to_base64(value: bytes) -> str:
    """How bytes travel in JSON."""
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_DECODE = json.JSONDecoder(parse_constant=_refuse_constant).decode
