"""The records identity keeps, as frozen values. Every invariant stated here is also a constraint in the schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from handfast.identity.channels import Channel

AccountId = NewType("AccountId", int)
AppPasswordId = NewType("AppPasswordId", int)


class AccountState(StrEnum):
    """Whether an account may sign in at all."""

    ENABLED = "enabled"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class DirectoryFacts:
    """What the directory says of a mirrored account beside its names. Most times are ends, judged at each decision.

    `is_present` is False once the object is deleted or has left the part of the directory that is mirrored. `realm` is
    the Kerberos realm, upper case. `is_enabled` is False too while what can be read of the object makes no sense. An account
    locked until an administrator unlocks it has `locked_until` `datetime.max` (UTC), and so has one whose lock's end is hidden
    from us. `is_delegable` is False for accounts that nobody may sign in for (NOT_DELEGATED). `password_set_at` is when the domain
    password was last changed; None where nobody has told. `read_at` is when a domain controller last said all this.
    """

    realm: str
    read_at: datetime
    is_present: bool = True
    is_enabled: bool = True
    is_delegable: bool = True
    locked_until: datetime | None = None
    expires_at: datetime | None = None
    password_expires_at: datetime | None = None
    mail: str = ""
    password_set_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """A security group an account is in, directly or through others. `name` is its sAMAccountName; "" where unknown."""

    sid: str
    domain: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """One person (or service) as identity knows it; local, or mirrored from a directory by its SID.

    `user` is the sAMAccountName, `domain` the NetBIOS domain, `upn` the user principal name; each keeps the case it
    was given in, and is unique folded by `names.fold` ((`domain`, `user`) as a pair, `upn` alone). `state` is our own
    administrators' word; `directory` what the directory says, None for a local account. `is_named` is False while a local
    account holds one of its names, or another account has taken one over: then no name leads to it.
    `upn` is "" where others claim it too, and `contested_upn` is then what the directory has: nobody is signed in by it, and
    no rule or back end takes the one account for the other. `is_upn_made_up`: the directory has none, so it is
    `user@dns.domain` (`names.made_up_upn`). `pin_verifier` is an Argon2id string, or None where the account has no human-chosen secret.
    """

    id: AccountId
    user: str
    domain: str
    upn: str
    state: AccountState
    created_at: datetime
    display_name: str = ""
    sid: str | None = None
    pin_verifier: str | None = field(default=None, repr=False)
    directory: DirectoryFacts | None = None
    is_named: bool = True
    contested_upn: str = ""
    is_upn_made_up: bool = False

    @property
    def is_gone(self) -> bool:
        """True where the directory no longer has it."""
        return self.directory is not None and not self.directory.is_present


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A mirrored account that is not stored yet; fields as `Account`'s."""

    sid: str
    user: str
    domain: str
    upn: str
    display_name: str
    directory: DirectoryFacts
    is_named: bool = True
    contested_upn: str = ""
    is_upn_made_up: bool = False


@dataclass(frozen=True, slots=True)
class AppPassword:
    """An application-specific password, without the secret itself.

    `bound_device_id` is set once, by the first device that uses it, and never changed (compare-and-set).
    `reserved_device_id` names the only device that may bind it, where it was issued for one.
    `use_by` is the end of the time in which it must be used first (24 h by default); `expires_at` its own end or None.
    """

    id: AppPasswordId
    account_id: AccountId
    label: str
    channels: frozenset[Channel]
    created_at: datetime
    use_by: datetime
    expires_at: datetime | None = None
    reserved_device_id: str | None = None
    bound_device_id: str | None = None
    first_used_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    ntlm_allowed: bool = False

    @property
    def owner_device_id(self) -> str | None:
        """The device it belongs to: the one it is bound to, else the one it was issued for."""
        return self.bound_device_id or self.reserved_device_id


class WipeKind(StrEnum):
    """How much of a device is to be erased."""

    NONE = ""
    DEVICE = "device"
    ACCOUNT_ONLY = "account-only"


class PartnershipState(StrEnum):
    """What the bond between an account and a device is worth."""

    PENDING = "pending"
    ALLOWED = "allowed"
    QUARANTINED = "quarantined"
    BLOCKED = "blocked"
    WIPING = "wiping"
    WIPED = "wiped"


@dataclass(frozen=True, slots=True)
class Partnership:
    """The bond account + device id, unique as a pair; `device_id` in canonical form (see protocols.activesync).

    `model` is read from the user agent; what the device says of itself in DeviceInformation stands beside it: `os`,
    `friendly_name` and everything from `reported_model` on (see `device_facts`).

    The `wipe_*` fields say what was ordered and came of it. WIPING and WIPED have an order, no other state has one, and
    WIPED alone an acknowledged success; `wipe_status` is what the device last said (1 erased, 2 failed).
    """

    account_id: AccountId
    device_id: str
    state: PartnershipState
    device_type: str
    user_agent: str
    first_seen_at: datetime
    last_seen_at: datetime
    last_source: str = ""
    model: str = ""
    os: str = ""
    friendly_name: str = field(default="", repr=False)
    state_reason: str = ""
    reported_model: str = ""
    imei: str = field(default="", repr=False)
    os_language: str = ""
    phone_number: str = field(default="", repr=False)
    reported_user_agent: str = ""
    mobile_operator: str = ""
    wipe_kind: WipeKind = WipeKind.NONE
    wipe_requested_at: datetime | None = None
    wipe_requested_by: str = ""
    wipe_sent_at: datetime | None = None
    wipe_acknowledged_at: datetime | None = None
    wipe_status: int | None = None


@dataclass(frozen=True, slots=True)
class EnrolmentWindow:
    """A short time in which one new device may pair; at most one open window an account."""

    account_id: AccountId
    opened_at: datetime
    closes_at: datetime
    opened_by: str
    used_by_device_id: str | None = None


class CounterKind(StrEnum):
    """What a failure counter counts. Scopes are built in `counters.py` alone."""

    ACCOUNT_SOURCE = "account-source"
    ACCOUNT = "account"
    FAMILIAR = "familiar"
    SOURCE = "source"
    UNKNOWN_NAME = "unknown-name"
    DOMAIN = "domain"
    DOMAIN_TRYING = "domain-trying"
    DOMAIN_WRONG = "domain-wrong"


DOMAIN_KINDS = frozenset({CounterKind.DOMAIN, CounterKind.DOMAIN_TRYING, CounterKind.DOMAIN_WRONG})
"""What the domain counts as well, and goes on counting whatever is cleared here: these end by their windows alone."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Failures of one kind in one scope since `window_start`."""

    kind: CounterKind
    scope: str
    window_start: datetime
    failures: int


class SecretState(StrEnum):
    """Whether a stored back-end secret may be used."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """The back end's own password of an account for one publication, sealed under the key file."""

    account_id: AccountId
    publication: str
    user_name: str
    key_id: str
    sealed: bytes = field(repr=False)
    state: SecretState = SecretState.ACTIVE
    suspended_at: datetime | None = None


class RevocationScope(StrEnum):
    """How much a revocation takes away."""

    ACCOUNT = "account"
    PARTNERSHIP = "partnership"
    DEVICE = "device"
    APP_PASSWORD = "app-password"  # noqa: S105 - the name of a scope
    STORED_SECRET = "stored-secret"  # noqa: S105 - the name of a scope
    NODE = "node"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Revocation:
    """Grants decided before `epoch` that match every field given here are worth nothing any more.

    PARTNERSHIP gives account and device, DEVICE the device alone (all accounts), ACCOUNT and APP_PASSWORD their id,
    STORED_SECRET account and publication, NODE the node's name.
    """

    epoch: int
    scope: RevocationScope
    at: datetime
    account_id: AccountId | None = None
    device_id: str | None = None
    app_password_id: AppPasswordId | None = None
    publication: str | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True)
class StageTrace:
    """What one stage of a decision said; `rule` names the rule or limit that spoke."""

    stage: str
    outcome: str
    reason: str = ""
    rule: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One decision as `handfast explain` shows it; kept 14 days. `reason` is a `decision.reasons.Reason` value."""

    request_id: str
    at: datetime
    node: str
    publication: str
    listener: str
    source: str
    channel: str
    login: str
    account_id: AccountId | None
    device_id: str | None
    outcome: str
    reason: str
    stages: tuple[StageTrace, ...]
    user_agent: str = ""
    request_line: str = ""


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A gateway node that once showed a certificate of ours."""

    name: str
    serial: str
    first_seen_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None = None
