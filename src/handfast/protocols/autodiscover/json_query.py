"""The question of JSON Autodiscover (version 2): where is this protocol, for this address?

Two forms are in use: `/autodiscover/autodiscover.json?Email=...&Protocol=...`, and the address as the path's last part,
`/autodiscover/autodiscover.json/v1.0/<address>?Protocol=...`. Forms that put a host or a path into the query are the
known attacks on Exchange's front end, and fit neither.

Source: no document; observed of Outlook for iOS and Android and of Outlook 2016 and later.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from handfast.protocols.autodiscover.mail_address import parse_mail_address
from handfast.protocols.errors import MalformedMessage

JSON_PATH = "/autodiscover/autodiscover.json"
_NAMES = frozenset({"email", "protocol", "redirectcount"})
_MAX_QUERY_CHARACTERS = 1024
_MAX_PROTOCOL_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class JsonQuery:
    """`address` as written, "" where none is given; `protocol` as written, "" where it is missing."""

    address: str
    protocol: str


def parse_json_query(path: str, query: str) -> JsonQuery:
    """`path` decoded, `query` raw. Raises: MalformedMessage."""
    values = _read_query(query)
    in_path = _address_in_path(path)
    if in_path and "email" in values:
        raise _refused("Email", "in path and query")
    address = in_path or values.get("email", "")
    if address:
        parse_mail_address(address)
    protocol = values.get("protocol", "")
    if len(protocol) > _MAX_PROTOCOL_CHARACTERS or (protocol and not protocol.isalnum()):
        raise _refused("Protocol", "not a protocol's name")
    if not values.get("redirectcount", "0").isdecimal():
        raise _refused("RedirectCount", "not a number")
    return JsonQuery(address, protocol)


def _address_in_path(path: str) -> str:
    rest = path[len(JSON_PATH) :]
    if path[: len(JSON_PATH)].lower() != JSON_PATH:
        raise _refused("path", "not that of JSON Autodiscover")
    if not rest:
        return ""
    if not rest.lower().startswith("/v1.0/") or "/" in rest[6:] or "@" not in rest:
        raise _refused("path", "neither the plain form nor /v1.0/<address>")
    return rest[6:]


def _read_query(query: str) -> dict[str, str]:
    """Each name once, folded; values decoded once."""
    if len(query) > _MAX_QUERY_CHARACTERS:
        raise _refused("query", f"longer than {_MAX_QUERY_CHARACTERS} characters")
    values: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        name = name.lower()
        if not equals or name not in _NAMES:
            raise _refused("query", "holds something other than Email, Protocol and RedirectCount")
        if name in values:
            raise _refused("query", f"holds {name} twice")
        values[name] = _decode(value)
    return values


def _decode(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise _refused("query", "escapes that are not UTF-8") from None


def _refused(field: str, problem: str) -> MalformedMessage:
    return MalformedMessage("autodiscover", field, problem)
