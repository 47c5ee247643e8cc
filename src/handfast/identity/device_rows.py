"""Devices as rows of text, out and in: our own export, and what `Get-MobileDevice | Export-Csv` writes.

Our columns are read back exactly. Exchange's names are taken where ours are missing; its identity of a person is a
display path ("contoso.lab/Users/Alice"), so a row finds its account by UPN, `DOMAIN\\user`, user or display name, and
one that fits nobody, or two people, is reported instead of guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from handfast.identity.names import fold, principal_of
from handfast.identity.records import Account, AccountId, Partnership, PartnershipState, WipeKind
from handfast.protocols.activesync.device_id import canonical_device_id
from handfast.protocols.errors import MalformedMessage

MAX_TEXT_CHARACTERS = 256
COLUMNS = (
    "account",
    "device_id",
    "state",
    "device_type",
    "model",
    "os",
    "friendly_name",
    "user_agent",
    "first_seen_at",
    "last_seen_at",
    "last_source",
    "state_reason",
    "reported_model",
    "imei",
    "os_language",
    "phone_number",
    "reported_user_agent",
    "mobile_operator",
    "wipe_kind",
    "wipe_requested_at",
    "wipe_requested_by",
    "wipe_sent_at",
    "wipe_acknowledged_at",
    "wipe_status",
)
_FROM_EXCHANGE = {
    "deviceid": "device_id",
    "devicetype": "device_type",
    "devicemodel": "model",
    "deviceos": "os",
    "friendlyname": "friendly_name",
    "deviceuseragent": "user_agent",
    "deviceimei": "imei",
    "deviceoslanguage": "os_language",
    "devicephonenumber": "phone_number",
    "devicemobileoperator": "mobile_operator",
    "firstsynctime": "first_seen_at",
    "whencreatedutc": "first_seen_at",
    "lastsuccesssync": "last_seen_at",
    "lastsyncattempttime": "last_seen_at",
    "deviceaccessstate": "state",
    "userdisplayname": "account",
    "userprincipalname": "account",
    "user": "account",
}
_STATES = {
    "allowed": PartnershipState.ALLOWED,
    "blocked": PartnershipState.BLOCKED,
    "quarantined": PartnershipState.QUARANTINED,
    "pending": PartnershipState.PENDING,
    "devicediscovery": PartnershipState.QUARANTINED,
    "wiping": PartnershipState.WIPING,
    "wiped": PartnershipState.WIPED,
}
_TIME_FORMATS = (
    "%m/%d/%Y %I:%M:%S %p",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
)
"""`Export-Csv` writes times in the culture of the administrator's session."""


class RowProblem(ValueError):
    """A row can't be taken; `str()` says why, for whoever made the file."""


@dataclass(frozen=True, slots=True)
class AccountIndex:
    """Accounts by every name a row may use; a name two accounts share leads to nobody."""

    by_name: Mapping[str, tuple[AccountId, ...]]

    def find(self, name: str) -> AccountId:
        """Raises: RowProblem."""
        wanted = name.strip()
        candidates = self.by_name.get(fold(wanted)) or self.by_name.get(fold(wanted.rpartition("/")[2]), ())
        if not candidates:
            raise RowProblem(f"no account is called {wanted[:80]!r}; add it first")
        if len(candidates) > 1:
            raise RowProblem(f"{len(candidates)} accounts are called {wanted[:80]!r}; use the UPN")
        return candidates[0]


def build_index(accounts: Sequence[Account]) -> AccountIndex:
    """An index over all accounts, so that a file of a million rows costs one pass over them."""
    names: dict[str, set[AccountId]] = {}
    for account in accounts:
        down_level = f"{account.domain}\\{account.user}" if account.domain else ""
        for name in (account.upn, down_level, account.user, account.display_name):
            if name:
                names.setdefault(fold(name), set()).add(account.id)
    return AccountIndex({name: tuple(sorted(ids)) for name, ids in names.items()})


def encode_row(partnership: Partnership, account: Account) -> dict[str, str]:
    """A partnership as a row of our own."""
    row = {name: _cell(getattr(partnership, name)) for name in COLUMNS if name != "account"}
    return {"account": principal_of(account), **row}


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def parse_row(
    row: Mapping[str, str], index: AccountIndex, now: datetime, state: PartnershipState | None = None
) -> Partnership:
    """The partnership a row describes. `state` overrides the row's own; without either it is allowed.

    Raises: RowProblem.
    """
    fields = _known_fields(row)
    if not fields.get("account"):
        raise RowProblem("the row names no account (account, UserPrincipalName or UserDisplayName)")
    first_seen = _time(fields.get("first_seen_at", ""), now)
    partnership = Partnership(
        account_id=index.find(fields["account"]),
        device_id=_device_id(fields.get("device_id", "")),
        state=state or _state(fields.get("state", "")),
        device_type=_text(fields, "device_type"),
        user_agent=_text(fields, "user_agent"),
        first_seen_at=first_seen,
        last_seen_at=_time(fields.get("last_seen_at", ""), first_seen),
        last_source=_text(fields, "last_source"),
        model=_text(fields, "model"),
        os=_text(fields, "os"),
        friendly_name=_text(fields, "friendly_name"),
        state_reason=_text(fields, "state_reason"),
        reported_model=_text(fields, "reported_model"),
        imei=_text(fields, "imei"),
        os_language=_text(fields, "os_language"),
        phone_number=_text(fields, "phone_number"),
        reported_user_agent=_text(fields, "reported_user_agent"),
        mobile_operator=_text(fields, "mobile_operator"),
    )
    return _with_wipe(partnership, fields, now)


def _with_wipe(partnership: Partnership, fields: Mapping[str, str], now: datetime) -> Partnership:
    """The wipe that WIPING and WIPED stand for; a file that does not tell of it means the whole device, today."""
    if partnership.state not in (PartnershipState.WIPING, PartnershipState.WIPED):
        return partnership
    is_wiped = partnership.state is PartnershipState.WIPED
    requested = _time(fields.get("wipe_requested_at", ""), now)
    sent, acknowledged = fields.get("wipe_sent_at", ""), fields.get("wipe_acknowledged_at", "")
    return replace(
        partnership,
        wipe_kind=_wipe_kind(fields.get("wipe_kind", "")),
        wipe_requested_at=requested,
        wipe_requested_by=_text(fields, "wipe_requested_by"),
        wipe_sent_at=_time(sent, now) if sent.strip() else None,
        wipe_acknowledged_at=_time(acknowledged, now) if is_wiped else None,
        wipe_status=_wipe_status(fields.get("wipe_status", "")),
    )


def _wipe_kind(text: str) -> WipeKind:
    try:
        return WipeKind(text.strip()) or WipeKind.DEVICE
    except ValueError:
        raise RowProblem(f"wipe_kind {text[:40]!r} is unknown; known are device, account-only") from None


def _wipe_status(text: str) -> int | None:
    digits = text.strip()
    if digits and not (digits.isascii() and len(digits) <= 5 and digits.isdigit() and int(digits) <= 0xFFFF):
        raise RowProblem(f"wipe_status {text[:40]!r} is no status")
    return int(digits) if digits else None


def _known_fields(row: Mapping[str, str]) -> dict[str, str]:
    """The row by our names; where a row has both names, ours wins, then the order of the table."""
    given = {name.strip().casefold(): value for name, value in row.items()}
    fields = {ours: given[theirs] for theirs, ours in reversed(_FROM_EXCHANGE.items()) if given.get(theirs)}
    fields.update({name: given[name] for name in COLUMNS if name in given})
    if given.get("userprincipalname") and not given.get("account"):
        fields["account"] = given["userprincipalname"]
    return fields


def _text(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "")
    if len(value) > MAX_TEXT_CHARACTERS:
        raise RowProblem(f"{name} is longer than {MAX_TEXT_CHARACTERS} characters")
    return value


def _device_id(text: str) -> str:
    device_id = text.strip()
    if not device_id:
        raise RowProblem("the row names no device id")
    try:
        return canonical_device_id(device_id.encode("utf-8", "surrogatepass"))
    except MalformedMessage as error:
        raise RowProblem(f"{device_id[:80]!r} is no device id: {error.problem}") from None


def _state(text: str) -> PartnershipState:
    if not text:
        return PartnershipState.ALLOWED
    state = _STATES.get(text.strip().casefold())
    if state is None:
        raise RowProblem(f"state {text[:40]!r} is unknown; known are {', '.join(sorted(_STATES))}")
    return state


def _time(text: str, default: datetime) -> datetime:
    """ISO 8601, or as PowerShell writes it; without a zone it is UTC."""
    if not text.strip():
        return default
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        parsed = _local_time(text.strip())
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _local_time(text: str) -> datetime:
    for known in _TIME_FORMATS:
        try:
            return datetime.strptime(text, known).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise RowProblem(f"{text[:40]!r} is no time; write it as 2026-01-31T08:00:00")
