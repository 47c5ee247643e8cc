"""The query of an ActiveSync request: who says it is which device, and wants what.

`parse_query` reads either form into one value; `ActiveSyncQuery.encode` builds the query that is forwarded from that value
alone. Nothing of the text received goes through, so whatever a client hides in it reaches nobody.

Source: MS-ASHTTP 2.2.1.1.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from handfast.protocols.activesync.base64_form import (
    Base64Fields,
    decode_base64,
    encode_base64,
    has_base64_shape,
)
from handfast.protocols.activesync.commands import (
    CODE_BY_COMMAND,
    CODE_BY_VERSION,
    COMMAND_BY_CODE,
    COMMAND_BY_FOLDED_NAME,
    VERSION_BY_CODE,
    Command,
)
from handfast.protocols.activesync.device_id import canonical_device_id, checked_device_type
from handfast.protocols.activesync.plain_form import decode_plain, encode_plain
from handfast.protocols.activesync.text_value import decode_text
from handfast.protocols.errors import MalformedMessage

# The Base64 form holds at most some 3 KB, a plain one with every parameter and sane values less.
MAX_QUERY_BYTES = 4096
METHODS = frozenset({"OPTIONS", "POST"})

# Source: MS-ASHTTP 2.2.1.1.1.1.3; 5 is ParentId of protocol version 12.1, which the later document leaves out.
PARAMETER_BY_TAG = {
    0: "AttachmentName",
    1: "CollectionId",
    3: "ItemId",
    4: "LongId",
    5: "ParentId",
    6: "Occurrence",
    7: "Options",
    8: "User",
}
TAG_BY_PARAMETER = {name: tag for tag, name in PARAMETER_BY_TAG.items()}
_OPTION_BITS = 0x03  # SaveInSent, AcceptMultiPart

_Known = TypeVar("_Known", bound=str)


class QueryForm(StrEnum):
    """How the query was written."""

    PLAIN = "plain"
    BASE64 = "base64"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ActiveSyncQuery:
    """A query understood.

    `user` is the name the query claims, "" without one: a log entry, never proof. `device_id_as_sent` are the id's decoded
    bytes, which the server sees again; `device_id` is its canonical form, the only one to compare or store, "" without
    one. `protocol_version` ("14.1"), `policy_key` and `locale` (an LCID) stand in the Base64 form alone; a plain request
    says the first two in headers. `parameters` are the command's own, (name, value), sorted by name, without empty ones;
    Options of the Base64 form is its number as text.
    """

    command: Command
    user: str = ""
    device_id_as_sent: bytes = b""
    device_type: str = ""
    protocol_version: str = ""
    policy_key: int | None = None
    locale: int | None = None
    form: QueryForm = QueryForm.PLAIN
    parameters: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    device_id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "device_id", canonical_device_id(self.device_id_as_sent))

    @property
    def requires_device(self) -> bool:
        """Whether the request is invalid (400) without a device id: all are but OPTIONS, as method or as command."""
        return self.command is not Command.OPTIONS

    def encode(self) -> bytes:
        """The query to forward, without "?". Parsing it with the same method gives this value again."""
        if self.form is QueryForm.PLAIN:
            return encode_plain(_plain_parameters(self))
        if self.form is QueryForm.BASE64:
            return encode_base64(_base64_fields(self))
        return b""


def parse_query(raw_query: bytes, *, method: str) -> ActiveSyncQuery:
    """Reads the bytes after "?" (b"" without one). A missing device id is no error here: see `requires_device`.

    Raises: MalformedMessage for anything that two readers could understand differently.
    """
    if method not in METHODS:
        raise MalformedMessage(
            "activesync", "method", f"{method[:16]!a} is not OPTIONS or POST", "MS-ASHTTP 2.2", status=405
        )
    if len(raw_query) > MAX_QUERY_BYTES:
        raise MalformedMessage("activesync", "query", f"longer than {MAX_QUERY_BYTES} bytes")
    if not raw_query:
        return ActiveSyncQuery(command=_command("", method), form=QueryForm.NONE, method=method)
    if has_base64_shape(raw_query):
        return _from_base64(decode_base64(raw_query), method)
    return _from_plain(decode_plain(raw_query), method)


def _from_plain(values: dict[str, str], method: str) -> ActiveSyncQuery:
    command = _command(values.pop("Cmd", ""), method)
    device_id = values.pop("DeviceId", "").encode()
    if device_id and not device_id.isalnum():
        # Sixteen raw bytes are a GUID in the Base64 form only; here they would be a second spelling of another id.
        raise MalformedMessage("activesync", "DeviceId", "not letters and digits", "MS-ASHTTP 2.2.1.1.1.2.3")
    return ActiveSyncQuery(
        command=command,
        user=values.pop("User", ""),
        device_id_as_sent=device_id,
        device_type=checked_device_type(values.pop("DeviceType", "").encode()),
        parameters=tuple(sorted((name, value) for name, value in values.items() if value)),
        method=method,
    )


def _command(name: str, method: str) -> Command:
    if method == "OPTIONS":
        if name.lower() not in ("", "options"):
            raise MalformedMessage(
                "activesync", "Cmd", "another command on the method OPTIONS", "MS-ASHTTP 2.2.3"
            )
        return Command.OPTIONS
    if not name:
        raise MalformedMessage("activesync", "Cmd", "missing", "MS-ASHTTP 2.2.1.1.1.2.1")
    try:
        return COMMAND_BY_FOLDED_NAME[name.lower()]
    except KeyError:
        raise MalformedMessage(
            "activesync", "Cmd", f"unknown command {name[:32]!a}", "MS-ASHTTP 2.2.1.1.1.2.1"
        ) from None


def _plain_parameters(query: ActiveSyncQuery) -> Iterator[tuple[str, str]]:
    yield "Cmd", query.command.value
    for name, value in (
        ("User", query.user),
        ("DeviceId", query.device_id_as_sent.decode("ascii")),
        ("DeviceType", query.device_type),
    ):
        if value:
            yield name, value
    yield from query.parameters


def _from_base64(fields: Base64Fields, method: str) -> ActiveSyncQuery:
    if method != "POST":
        raise MalformedMessage(
            "activesync", "query", "the Base64 form cannot say OPTIONS", "MS-ASHTTP 2.2.1.1.1.1.2"
        )
    if not fields.device_id:
        raise MalformedMessage("activesync", "device id length", "zero", "MS-ASHTTP 2.2.1.1.1.1")
    parameters = _named_parameters(fields.parameters)
    return ActiveSyncQuery(
        command=_known("command code", fields.command, COMMAND_BY_CODE),
        user=parameters.pop("User", ""),
        device_id_as_sent=fields.device_id,
        device_type=checked_device_type(fields.device_type),
        protocol_version=_known("protocol version", fields.version, VERSION_BY_CODE),
        policy_key=fields.policy_key,
        locale=fields.locale,
        form=QueryForm.BASE64,
        parameters=tuple(sorted((name, value) for name, value in parameters.items() if value)),
        method=method,
    )


def _known(field_name: str, code: int, table: Mapping[int, _Known]) -> _Known:
    try:
        return table[code]
    except KeyError:
        raise MalformedMessage(
            "activesync", field_name, f"unknown value {code}", "MS-ASHTTP 2.2.1.1.1.1"
        ) from None


def _named_parameters(parameters: tuple[tuple[int, bytes], ...]) -> dict[str, str]:
    named: dict[str, str] = {}
    for tag, value in parameters:
        name = _known("parameter tag", tag, PARAMETER_BY_TAG)
        if name in named:
            raise MalformedMessage("activesync", name, "given more than once", "MS-ASHTTP 2.2.1.1.1.1.3")
        named[name] = _options(value) if name == "Options" else decode_text(name, value)
    return named


def _options(value: bytes) -> str:
    if len(value) != 1 or value[0] & ~_OPTION_BITS:
        raise MalformedMessage(
            "activesync", "Options", "not one byte of known bits", "MS-ASHTTP 2.2.1.1.1.1.3"
        )
    return str(value[0])


def _base64_fields(query: ActiveSyncQuery) -> Base64Fields:
    texts = (("User", query.user), *query.parameters)
    return Base64Fields(
        version=CODE_BY_VERSION[query.protocol_version],
        command=CODE_BY_COMMAND[query.command],
        locale=query.locale or 0,
        device_id=query.device_id_as_sent,
        policy_key=query.policy_key,
        device_type=query.device_type.encode("ascii"),
        parameters=tuple(
            sorted(
                (TAG_BY_PARAMETER[name], bytes([int(value)]) if name == "Options" else value.encode())
                for name, value in texts
                if value
            )
        ),
    )
