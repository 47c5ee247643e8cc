"""The tables. Every invariant the records state is a constraint here too; `triggers.py` has those a table can't say.

What hangs on an account goes with it (ON DELETE CASCADE); evaluations, revocations and audit entries stay.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

from handfast.identity.records import (
    AccountState,
    CounterKind,
    PartnershipState,
    RevocationScope,
    SecretState,
    WipeKind,
)
from handfast.storage.types import EscapedText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

MAX_NAME_CHARACTERS = 640
"""Of any stored name: twice the longest mail address, since escaping may lengthen it; PostgreSQL's index rows end at 2,700 bytes."""

# SQLite gives AUTOINCREMENT (ids are never used twice) to INTEGER alone.
_ID = BigInteger().with_variant(Integer, "sqlite")


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _short(column: str) -> CheckConstraint:
    return CheckConstraint(f"length({column}) <= {MAX_NAME_CHARACTERS}", name=f"{column}_length")


def _with_sid(column: str) -> CheckConstraint:
    return CheckConstraint(f"(sid IS NOT NULL) = ({column} IS NOT NULL)", name=f"{column}_with_sid")


def _only_with_sid(column: str) -> CheckConstraint:
    return CheckConstraint(f"sid IS NOT NULL OR {column} IS NULL", name=f"{column}_with_sid")


def _account_id(*, primary_key: bool = False) -> Column[int]:
    key = ForeignKey("accounts.id", ondelete="CASCADE")
    return Column("account_id", _ID, key, primary_key=primary_key, nullable=False, autoincrement=False)


accounts = Table(
    "accounts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("user_name", EscapedText, nullable=False),
    Column("domain", EscapedText, nullable=False),
    Column("upn", EscapedText, nullable=False),
    Column("state", EscapedText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("display_name", EscapedText, nullable=False),
    Column("sid", EscapedText, unique=True),
    Column("pin_verifier", EscapedText),
    Column("folded_user", EscapedText, index=True),
    Column("folded_domain", EscapedText, nullable=False),
    Column("folded_upn", EscapedText, unique=True),
    Column("realm", EscapedText),
    Column("read_at", UtcDateTime),
    Column("is_present", Boolean),
    Column("is_enabled", Boolean),
    Column("is_delegable", Boolean),
    Column("locked_until", UtcDateTime),
    Column("expires_at", UtcDateTime, index=True),
    Column("password_expires_at", UtcDateTime, index=True),
    Column("password_set_at", UtcDateTime),
    Column("mail", EscapedText),
    Column("folded_mail", EscapedText, index=True),
    UniqueConstraint("folded_domain", "folded_user"),
    _one_of("state", AccountState),
    _short("user_name"),
    _short("domain"),
    _short("upn"),
    _short("sid"),
    _short("mail"),
    *(
        _with_sid(column)
        for column in ("realm", "read_at", "is_present", "is_enabled", "is_delegable", "mail")
    ),
    *(
        _only_with_sid(column)
        for column in ("locked_until", "expires_at", "password_expires_at", "password_set_at", "folded_mail")
    ),
    CheckConstraint("folded_user IS NOT NULL OR sid IS NOT NULL", name="local_is_named"),
    CheckConstraint(
        "folded_user IS NOT NULL OR (folded_upn IS NULL AND folded_mail IS NULL)", name="all_names_or_none"
    ),
    sqlite_autoincrement=True,
)

directory_groups = Table(
    "directory_groups",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("sid", EscapedText, nullable=False, unique=True),
    Column("domain", EscapedText, nullable=False),
    Column("name", EscapedText, nullable=False),
    _short("sid"),
)

account_groups = Table(
    "account_groups",
    metadata,
    _account_id(primary_key=True),
    Column(
        "group_id",
        _ID,
        ForeignKey("directory_groups.id"),
        primary_key=True,
        nullable=False,
        autoincrement=False,
    ),
    sqlite_with_rowid=False,
)

directory_positions = Table(
    "directory_positions",
    metadata,
    Column("invocation_id", EscapedText, primary_key=True),
    Column("scope", EscapedText, nullable=False),
    Column("highest_usn", BigInteger, nullable=False),
    Column("read_at", UtcDateTime, nullable=False),
    CheckConstraint("highest_usn >= 0", name="highest_usn"),
    sqlite_with_rowid=False,
)

app_passwords = Table(
    "app_passwords",
    metadata,
    Column("id", _ID, primary_key=True),
    _account_id(),
    Column("label", EscapedText, nullable=False),
    Column("channels", EscapedText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("use_by", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("reserved_device_id", EscapedText),
    Column("bound_device_id", EscapedText),
    Column("first_used_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("ntlm_allowed", Boolean, nullable=False),
    Column("verifier", LargeBinary, nullable=False, unique=True),
    Column("verifier_key_id", EscapedText, nullable=False),
    Index(None, "account_id"),
    CheckConstraint("length(verifier) >= 16", name="verifier_length"),
    CheckConstraint("channels <> ''", name="channels"),
    CheckConstraint(
        "reserved_device_id IS NULL OR bound_device_id IS NULL OR bound_device_id = reserved_device_id",
        name="bound_as_reserved",
    ),
    sqlite_autoincrement=True,
)

app_password_nt_hashes = Table(
    "app_password_nt_hashes",
    metadata,
    Column(
        "app_password_id",
        _ID,
        ForeignKey("app_passwords.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("key_id", EscapedText, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("slot IN (0, 1)", name="slot"),
    sqlite_with_rowid=False,
)

partnerships = Table(
    "partnerships",
    metadata,
    _account_id(primary_key=True),
    Column("device_id", EscapedText, primary_key=True, index=True),
    Column("state", EscapedText, nullable=False),
    Column("device_type", EscapedText, nullable=False),
    Column("user_agent", EscapedText, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("last_source", EscapedText, nullable=False),
    Column("model", EscapedText, nullable=False),
    Column("os", EscapedText, nullable=False),
    Column("friendly_name", EscapedText, nullable=False),
    Column("state_reason", EscapedText, nullable=False),
    Column("reported_model", EscapedText, nullable=False),
    Column("imei", EscapedText, nullable=False),
    Column("os_language", EscapedText, nullable=False),
    Column("phone_number", EscapedText, nullable=False),
    Column("reported_user_agent", EscapedText, nullable=False),
    Column("mobile_operator", EscapedText, nullable=False),
    Column("wipe_kind", EscapedText, nullable=False),
    Column("wipe_requested_at", UtcDateTime),
    Column("wipe_requested_by", EscapedText, nullable=False),
    Column("wipe_sent_at", UtcDateTime),
    Column("wipe_acknowledged_at", UtcDateTime),
    Column("wipe_status", Integer),
    _one_of("state", PartnershipState),
    _one_of("wipe_kind", WipeKind),
    CheckConstraint("device_id <> ''", name="device_id"),
    CheckConstraint("(state IN ('wiping', 'wiped')) = (wipe_kind <> '')", name="wipe_is_ordered"),
    CheckConstraint("(wipe_kind <> '') = (wipe_requested_at IS NOT NULL)", name="wipe_requested_at"),
    CheckConstraint("(state = 'wiped') = (wipe_acknowledged_at IS NOT NULL)", name="wipe_acknowledged_at"),
    CheckConstraint("wipe_sent_at IS NULL OR wipe_requested_at IS NOT NULL", name="wipe_sent_at"),
    CheckConstraint("wipe_status IS NULL OR wipe_requested_at IS NOT NULL", name="wipe_status"),
    _short("device_id"),
    sqlite_with_rowid=False,
)

enrolment_windows = Table(
    "enrolment_windows",
    metadata,
    _account_id(primary_key=True),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closes_at", UtcDateTime, nullable=False),
    Column("opened_by", EscapedText, nullable=False),
    Column("used_by_device_id", EscapedText),
    CheckConstraint("closes_at >= opened_at", name="closes_at"),
)

counters = Table(
    "counters",
    metadata,
    Column("kind", EscapedText, primary_key=True),
    Column("scope", EscapedText, primary_key=True),
    Column("window_start", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False, index=True),
    Column("failures", Integer, nullable=False),
    _one_of("kind", CounterKind),
    CheckConstraint("failures > 0", name="failures"),
    sqlite_with_rowid=False,
)

familiar_networks = Table(
    "familiar_networks",
    metadata,
    _account_id(primary_key=True),
    Column("device_id", EscapedText, primary_key=True),
    Column("network", EscapedText, primary_key=True),
    Column("last_success_at", UtcDateTime, nullable=False, index=True),
    sqlite_with_rowid=False,
)

stored_secrets = Table(
    "stored_secrets",
    metadata,
    _account_id(primary_key=True),
    Column("publication", EscapedText, primary_key=True),
    Column("user_name", EscapedText, nullable=False),
    Column("key_id", EscapedText, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("state", EscapedText, nullable=False),
    Column("suspended_at", UtcDateTime),
    _one_of("state", SecretState),
    CheckConstraint("(state = 'suspended') = (suspended_at IS NOT NULL)", name="suspended_at"),
    sqlite_with_rowid=False,
)

# One row, updated in the transaction that publishes: its lock is held until the commit, so epochs become visible in
# their order. A sequence would hand out 7 and 8 and let 8 be seen before 7.
revocation_epoch = Table(
    "revocation_epoch",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

revocations = Table(
    "revocations",
    metadata,
    Column("epoch", _ID, primary_key=True, autoincrement=False),
    Column("scope", EscapedText, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("account_id", BigInteger),
    Column("device_id", EscapedText),
    Column("app_password_id", BigInteger),
    Column("publication", EscapedText),
    Column("node", EscapedText),
    _one_of("scope", RevocationScope),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("request_id", EscapedText, nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("node", EscapedText, nullable=False),
    Column("publication", EscapedText, nullable=False),
    Column("listener", EscapedText, nullable=False),
    Column("source", EscapedText, nullable=False),
    Column("channel", EscapedText, nullable=False),
    Column("login", EscapedText, nullable=False),
    Column("account_id", BigInteger),
    Column("device_id", EscapedText),
    Column("outcome", EscapedText, nullable=False),
    Column("reason", EscapedText, nullable=False),
    Column("stages", EscapedText, nullable=False),
    Column("user_agent", EscapedText, nullable=False),
    Column("request_line", EscapedText, nullable=False),
    _short("request_id"),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("chain", EscapedText, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("event", EscapedText, nullable=False),
    Column("actor", EscapedText, nullable=False),
    Column("subject", EscapedText, nullable=False),
    Column("details", EscapedText, nullable=False),
    Column("previous_mac", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    CheckConstraint("sequence > 0", name="sequence"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("chain", EscapedText, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("head_mac", LargeBinary, nullable=False),
)

nodes = Table(
    "nodes",
    metadata,
    Column("name", EscapedText, primary_key=True),
    Column("serial", EscapedText, primary_key=True),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
)
