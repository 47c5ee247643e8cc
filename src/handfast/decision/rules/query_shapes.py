"""What each query shape holds: names, values, and how it is sent on. Nothing of the text received goes through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from handfast.decision.rules.path_rule import QueryShape
from handfast.protocols.http1.query import encode_pairs, parse_pairs

_GUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL}){{0,9}}"
MAIL_ADDRESS = rf"[A-Za-z0-9_'+~-][A-Za-z0-9._'+~-]{{0,63}}@{_HOST}"
"""The part of RFC 5321's mailboxes that needs no quoting and means nothing in a path."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name as servers spell it, and the whole value it may have."""

    spelled: str
    value: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Shape:
    """`required`: each of these must come; `one_of`: at most one of these may (lower-case names)."""

    parameters: tuple[Parameter, ...]
    required: frozenset[str] = frozenset()
    one_of: frozenset[str] = frozenset()


def _parameter(spelled: str, value: str) -> Parameter:
    return Parameter(spelled, re.compile(value))


_EMAIL = _parameter("Email", MAIL_ADDRESS)
_JSON = (
    _parameter("Protocol", r"[A-Za-z0-9]{1,32}"),
    _parameter("RedirectCount", r"[0-9]{1,2}"),
)

_SHAPES: Mapping[QueryShape, _Shape] = MappingProxyType(
    {
        QueryShape.NONE: _Shape(()),
        # MS-OXCMAPIHTTP: the URL that Autodiscover gave. Another parameter of Exchange's, SmtpAddress, picks
        # anybody's mailbox by name, and no client is known to send it.
        QueryShape.MAILBOX: _Shape(
            (
                _parameter("MailboxId", rf"{_GUID}@{_HOST}"),
                _parameter("useMailboxOfAuthenticatedUser", r"(?i:true)"),
            ),
            one_of=frozenset({"mailboxid", "usemailboxofauthenticateduser"}),
        ),
        # "Get user photos by using EWS in Exchange", learn.microsoft.com.
        QueryShape.USER_PHOTO: _Shape(
            (_parameter("email", MAIL_ADDRESS), _parameter("size", r"(?i:HR)[0-9]{2,4}(?i:x)[0-9]{2,4}")),
            required=frozenset({"email"}),
        ),
        QueryShape.AUTODISCOVER_JSON: _Shape((_EMAIL, *_JSON), required=frozenset({"email", "protocol"})),
        QueryShape.AUTODISCOVER_JSON_IN_PATH: _Shape(_JSON, required=frozenset({"protocol"})),
    }
)


def match_query(shape: QueryShape, raw: bytes) -> tuple[tuple[str, str], ...] | None:
    """The parameters of a query in the shape's own order and spelling; None where it is not of that shape.

    Raises: MalformedMessage where two readers could understand the query differently; ValueError for ACTIVESYNC, which
    has a parser of its own.
    """
    known = _SHAPES.get(shape)
    if known is None:
        raise ValueError(f"{shape.value} queries are read elsewhere")
    pairs = parse_pairs(raw)
    if not known.required <= pairs.keys() or len(known.one_of & pairs.keys()) > 1:
        return None
    found = []
    for parameter in known.parameters:
        value = pairs.pop(parameter.spelled.lower(), None)
        if value is not None:
            if not parameter.value.fullmatch(value):
                return None
            found.append((parameter.spelled, value))
    return None if pairs else tuple(found)


def encode_query(parameters: tuple[tuple[str, str], ...]) -> bytes:
    """What is sent behind for matched parameters, b"" for none."""
    return encode_pairs(parameters)
