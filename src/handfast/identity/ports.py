"""What identity needs from the outside, small and by role. Adapters fit these; `app.py` connects them.

Work on records is a plain function over `Repositories`. `Records.write` runs it inside one transaction: its changes,
their audit entries and their revocation are stored together or not at all, and the call returns after the commit.
Work must be short, must not block on anything but the records, and may be run again from the start after a conflict,
so it must not touch anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from handfast.identity.audit import AuditEntry, AuditEvent, AuditNote
from handfast.identity.directory.entries import Readership, SyncPosition
from handfast.identity.records import (
    Account,
    AccountId,
    AccountState,
    AppPassword,
    AppPasswordId,
    Counter,
    CounterKind,
    DirectoryFacts,
    DirectoryGroup,
    EnrolmentWindow,
    Evaluation,
    NewAccount,
    NodeRecord,
    Partnership,
    Revocation,
    RevocationScope,
    StoredSecret,
)

T = TypeVar("T")
EVERY_ACCOUNT = 1_000_000
"""A limit that no listing of accounts meets."""


class Conflict(Exception):
    """A unique constraint refused the change: another record already holds that name or key."""


class Unavailable(Exception):
    """Something we depend on (database, disk, identity, back end) can't answer now; safe to retry later."""


class AccountRepository(Protocol):
    """Accounts by id and by every form of name. Where two fit, one that the directory still has comes first."""

    def add(
        self,
        *,
        user: str,
        domain: str,
        upn: str,
        display_name: str,
        now: datetime,
        sid: str | None = None,
        directory: DirectoryFacts | None = None,
        is_named: bool = True,
    ) -> Account:
        """A local account, or with `sid` and `directory` (both or neither) a mirrored one. Raises: Conflict."""
        ...

    def add_all(self, new: Sequence[NewAccount], *, now: datetime) -> None:
        """Mirrored accounts, all or none. Raises: Conflict."""
        ...

    def find(self, account_id: AccountId) -> Account | None: ...
    def find_by_sid(self, sid: str) -> Account | None: ...
    def find_by_upn(self, upn: str) -> Account | None: ...
    def find_by_domain_user(self, domain: str, user: str) -> Account | None: ...

    def find_by_sids(self, sids: Iterable[str]) -> Sequence[Account]:
        """Those of them that there are; one statement, as the next."""
        ...

    def find_by_names(self, users: Iterable[str], upns: Iterable[str]) -> Sequence[Account]:
        """Every account that has one of these sAMAccountNames, whatever its domain, or is signed in by one of these UPNs."""
        ...

    def find_by_user(self, user: str) -> Sequence[Account]:
        """Every account of that sAMAccountName, whatever its domain; at most two are looked for."""
        ...

    def find_by_mail(self, mail: str) -> Sequence[Account]:
        """Every mirrored account with that mail address; at most two are looked for."""
        ...

    def rename(
        self,
        account_id: AccountId,
        *,
        user: str,
        domain: str,
        upn: str,
        display_name: str,
        is_named: bool = True,
        contested_upn: str = "",
        is_upn_made_up: bool = False,
    ) -> None:
        """Without `is_named` (mirrored accounts alone) its names are free for others. Raises: Conflict, KeyError.

        With a `contested_upn` (mirrored accounts alone), `upn` is "". One that `is_upn_made_up` is `names.made_up_upn`.
        """
        ...

    def set_directory(self, account_id: AccountId, sid: str, facts: DirectoryFacts) -> None:
        """What the directory says from now on; `sid` is the account's own, or a local account's from now on.

        Raises: Conflict (another account has that SID), KeyError.
        """
        ...

    def groups_of(self, account_id: AccountId) -> frozenset[DirectoryGroup]:
        """The directory's groups a mirrored account is in; none for a local one."""
        ...

    def groups_of_all(
        self, account_ids: Iterable[AccountId]
    ) -> Mapping[AccountId, frozenset[DirectoryGroup]]:
        """As `groups_of`, in one statement; accounts without groups are not in it."""
        ...

    def set_groups(self, account_id: AccountId, groups: frozenset[DirectoryGroup]) -> None:
        """Replaces them. What is known of a group is kept where the new word has no name for it."""
        ...

    def set_groups_of_all(self, memberships: Mapping[AccountId, frozenset[DirectoryGroup]]) -> None:
        """As `set_groups`, in a few statements. Raises: LookupError (no account)."""
        ...

    def find_groups(self, sids: Iterable[str]) -> Sequence[DirectoryGroup]:
        """What is known of those of them that some account was in."""
        ...

    def list_groups(self) -> Sequence[DirectoryGroup]:
        """Every group that some account of the directory's is in."""
        ...

    def list_mirrored(self) -> Sequence[tuple[str, AccountId]]:
        """SID and id of every account that the directory has."""
        ...

    def list_unnamed(self) -> Sequence[Account]:
        """Accounts that the directory has and no name leads to."""
        ...

    def list_without_upn(self) -> Sequence[Account]:
        """Mirrored accounts with names but no UPN that leads to them: others claim it too. There are few at any time."""
        ...

    def list_ended(self, *, after: datetime, until: datetime) -> Sequence[Account]:
        """Accounts whose time, or whose domain password's, ended after the one instant and not after the other."""
        ...

    def list(self, *, limit: int = EVERY_ACCOUNT, after: AccountId | None = None) -> Sequence[Account]:
        """In the order of ids; a hundred thousand at once take longer than a read may."""
        ...

    def count(self) -> int: ...
    def set_state(self, account_id: AccountId, state: AccountState) -> None: ...
    def set_pin_verifier(self, account_id: AccountId, verifier: str | None) -> None: ...

    def remove(self, account_id: AccountId) -> None:
        """Removes the account and everything that hangs on it, except audit entries and evaluations."""
        ...


class PositionRepository(Protocol):
    """How far the directory was read. `scope` says what of it is mirrored: positions of another scope mean nothing."""

    def list(self, scope: str) -> dict[str, int]:
        """The highest USN read, by invocation id."""
        ...

    def save(self, position: SyncPosition, *, scope: str, read_at: datetime) -> None:
        """Everything up to there is stored, as it was at `read_at`, which is now: no other was read later.

        Positions of other scopes are forgotten.
        """
        ...

    def newest_read_at(self) -> datetime | None:
        """When the mirror last was complete; None before it first was."""
        ...

    def readership(self) -> Readership | None:
        """Who reads, or last did."""
        ...

    def save_readership(self, readership: Readership) -> None: ...


class AppPasswordRepository(Protocol):
    """App passwords by their keyed verifier, and their NT hashes where NTLM is allowed."""

    def add(
        self,
        *,
        account_id: AccountId,
        label: str,
        channels: frozenset[str],
        verifier: bytes,
        verifier_key_id: str,
        use_by: datetime,
        expires_at: datetime | None,
        reserved_device_id: str | None,
        ntlm_allowed: bool,
        now: datetime,
    ) -> AppPassword:
        """Raises: Conflict (the verifier is taken)."""
        ...

    def add_nt_hash(self, app_password_id: AppPasswordId, *, slot: int, key_id: str, sealed: bytes) -> None:
        """Stores a sealed NT hash; slot 0 is the canonical form, slot 1 the form with hyphens."""
        ...

    def find(self, app_password_id: AppPasswordId) -> AppPassword | None: ...
    def find_by_verifier(self, verifier: bytes) -> AppPassword | None: ...
    def list_of_account(self, account_id: AccountId) -> Sequence[AppPassword]: ...

    def nt_hashes_of_account(
        self, account_id: AccountId, now: datetime
    ) -> Sequence[tuple[AppPasswordId, int, str, bytes]]:
        """(password, slot, key id, sealed hash) of every password that is live at `now` and allows NTLM; at most 16."""
        ...

    def bind(self, app_password_id: AppPasswordId, device_id: str, now: datetime) -> bool:
        """Compare-and-set: binds an unbound password to a device; False if it is bound already (to any device)."""
        ...

    def touch(self, app_password_id: AppPasswordId, now: datetime) -> None:
        """Sets last use, and first use where there was none."""
        ...

    def revoke(self, app_password_id: AppPasswordId, now: datetime) -> bool: ...


class PartnershipRepository(Protocol):
    """Partnerships by account and canonical device id."""

    def find(self, account_id: AccountId, device_id: str) -> Partnership | None: ...
    def list_of_account(self, account_id: AccountId) -> Sequence[Partnership]: ...
    def list_of_device(self, device_id: str) -> Sequence[Partnership]: ...
    def list(self, *, limit: int, after: tuple[AccountId, str] | None = None) -> Sequence[Partnership]: ...
    def count(self, account_id: AccountId, states: frozenset[str]) -> int: ...

    def add(self, partnership: Partnership) -> None:
        """Raises: Conflict."""
        ...

    def save(self, partnership: Partnership) -> None:
        """Replaces the record with the same account and device id."""
        ...

    def remove(self, account_id: AccountId, device_id: str) -> bool: ...


class WindowRepository(Protocol):
    """Enrolment windows, one an account."""

    def find(self, account_id: AccountId) -> EnrolmentWindow | None: ...
    def save(self, window: EnrolmentWindow) -> None: ...

    def use(self, account_id: AccountId, device_id: str, now: datetime) -> bool:
        """Compare-and-set: True for the first device while the window is open, False for any other."""
        ...


class CounterRepository(Protocol):
    """Failure counters in windows. Kept small: windows that ended are swept."""

    def find(self, kind: CounterKind, scope: str) -> Counter | None: ...

    def increment(self, kind: CounterKind, scope: str, *, now: datetime, window_seconds: int) -> int:
        """Adds one failure (in a new window if the old one ended) and returns the new count."""
        ...

    def save(self, counter: Counter, *, window_seconds: int) -> None:
        """Puts the counter in place of the one of its kind and scope; its window runs from `window_start`."""
        ...

    def clear(self, kind: CounterKind, scope: str) -> None: ...

    def clear_account(self, account_id: AccountId) -> int:
        """Those of the account, but `records.DOMAIN_KINDS`; how many."""
        ...

    def clear_all(self) -> int:
        """Every one but `records.DOMAIN_KINDS`; how many."""
        ...

    def list(self, *, limit: int) -> Sequence[Counter]: ...
    def sweep(self, *, before: datetime) -> int: ...

    def is_familiar(
        self, account_id: AccountId, device_id: str, network: str, *, since: datetime
    ) -> bool: ...
    def remember_success(
        self, account_id: AccountId, device_id: str, network: str, now: datetime
    ) -> None: ...


class StoredSecretRepository(Protocol):
    """Back-end secrets, sealed."""

    def find(self, account_id: AccountId, publication: str) -> StoredSecret | None: ...
    def save(self, secret: StoredSecret) -> None: ...
    def suspend(self, account_id: AccountId, publication: str, now: datetime) -> bool: ...
    def remove(self, account_id: AccountId, publication: str) -> bool: ...


class RevocationLog(Protocol):
    """Revocations with one monotonic epoch for the whole installation."""

    def current_epoch(self) -> int: ...

    def publish(
        self,
        scope: RevocationScope,
        *,
        now: datetime,
        account_id: AccountId | None = None,
        device_id: str | None = None,
        app_password_id: AppPasswordId | None = None,
        publication: str | None = None,
        node: str | None = None,
    ) -> Revocation:
        """Stores the revocation under the next epoch; listeners hear of it after the commit."""
        ...

    def since(self, epoch: int, *, limit: int) -> Sequence[Revocation]: ...


class EvaluationRepository(Protocol):
    """Decisions for `explain`; rows older than 14 days are swept."""

    def add(self, evaluation: Evaluation) -> None: ...
    def find(self, request_id: str) -> Evaluation | None: ...
    def list_recent(self, *, limit: int) -> Sequence[Evaluation]: ...
    def sweep(self, *, before: datetime) -> int: ...


class AuditTrail(Protocol):
    """The chained trail. Only `append` and `append_all` write; the chain's head is locked within the transaction."""

    def append(
        self,
        event: AuditEvent,
        *,
        now: datetime,
        actor: str,
        subject: str,
        details: Mapping[str, str] | None = None,
    ) -> AuditEntry: ...

    def append_all(self, notes: Sequence[AuditNote], *, now: datetime, actor: str) -> None:
        """As one `append` after the other, in a few statements."""
        ...

    def entries(
        self, *, chain: str | None = None, after: int = 0, limit: int = 1000
    ) -> Sequence[AuditEntry]: ...
    def chains(self) -> Sequence[str]: ...
    def head(self, chain: str) -> tuple[int, bytes, bytes] | None:
        """(sequence, mac, head MAC over both) of the newest entry, or None where the chain is empty."""
        ...


class NodeRepository(Protocol):
    """Gateway nodes and what was revoked of them."""

    def seen(self, name: str, serial: str, now: datetime) -> NodeRecord: ...
    def revoke(self, name: str, now: datetime) -> int: ...
    def is_revoked(self, name: str, serial: str) -> bool: ...
    def list(self) -> Sequence[NodeRecord]: ...


class Repositories(Protocol):
    """Everything one transaction can reach."""

    @property
    def accounts(self) -> AccountRepository: ...
    @property
    def positions(self) -> PositionRepository: ...
    @property
    def app_passwords(self) -> AppPasswordRepository: ...
    @property
    def partnerships(self) -> PartnershipRepository: ...
    @property
    def windows(self) -> WindowRepository: ...
    @property
    def counters(self) -> CounterRepository: ...
    @property
    def stored_secrets(self) -> StoredSecretRepository: ...
    @property
    def revocations(self) -> RevocationLog: ...
    @property
    def evaluations(self) -> EvaluationRepository: ...
    @property
    def audit(self) -> AuditTrail: ...
    @property
    def nodes(self) -> NodeRepository: ...


class Records(Protocol):
    """The database, seen as transactions.

    `read` may run on a snapshot, in parallel with a write; `write` is serialised where the database needs that.
    Raises: Unavailable (locked beyond the deadline, disk full, connection lost), and whatever the work raises.
    """

    async def read(self, work: Callable[[Repositories], T]) -> T: ...

    async def look_up(self, work: Callable[[Repositories], T]) -> T:
        """As `read`, for the handful of look-ups by key that a sign-in makes: an embedded database answers at once."""
        ...

    async def write(self, work: Callable[[Repositories], T]) -> T: ...


class RevocationPublisher(Protocol):
    """Tells of revocations after their commit, whoever made them (this process, another identity, the CLI)."""

    def subscribe(self, listener: Callable[[Sequence[Revocation]], None]) -> Callable[[], None]:
        """Calls `listener` on the event loop, in order of epoch; returns what ends the subscription."""
        ...


class KeyRing(Protocol):
    """Keys derived (HKDF-SHA-256) from the key file. Every ciphertext and verifier carries the id of its key."""

    @property
    def current_key_id(self) -> str: ...

    def verifiers(self, account_id: AccountId, canonical_secret: str) -> Iterable[tuple[str, bytes]]:
        """(key id, HMAC-SHA-256(key, account id || secret)), the current key first, then older ones."""
        ...

    def seal(self, plaintext: bytes, *, associated: str) -> tuple[str, bytes]:
        """(key id, nonce || AES-256-GCM ciphertext); `associated` is "table:row:account"."""
        ...

    def unseal(self, key_id: str, sealed: bytes, *, associated: str) -> bytes:
        """Raises: ValueError where the key is unknown or the ciphertext was changed or moved."""
        ...

    def audit_mac(self, message: bytes) -> bytes: ...
    def sign_checkpoint(self, message: bytes) -> bytes: ...
    def verify_checkpoint(self, message: bytes, signature: bytes) -> bool: ...


class SecretHasher(Protocol):
    """Slow hash for human-chosen secrets (Argon2id), off the event loop."""

    async def hash(self, secret: str) -> str: ...

    async def verify(self, verifier: str | None, secret: str) -> bool:
        """Takes the same time when there is no verifier."""
        ...


class Clock(Protocol):
    """The time of day, aware (UTC)."""

    def now(self) -> datetime: ...


class Randomness(Protocol):
    """Unpredictable bytes and choices; deterministic in tests."""

    def token_bytes(self, count: int) -> bytes: ...
    def choice(self, alphabet: str) -> str: ...
