"""Our own account's ticket-granting ticket, which everything asked of the KDC for others is asked with.

Each thread holds one of its own, because the library locks a credential while it waits for a KDC's answer: shared, one
silent answer would hold up all.

**Two key versions.** While a password is being changed the key table holds the old key and the new one, and which of them
the KDC has is its affair. The newest is tried first, then the one before it; what worked is tried first from then on. A key
that is refused counts as a wrong password of the account, so it is not tried again before `WRONG_KEY_SECONDS` or a change of
the file, by no thread: nobody must be able to lock the account out by signing in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from handfast.identity.directory.ports import DelegationFailure, DelegationRefused
from handfast.identity.ports import Unavailable
from handfast.kerberos.failures import Step, is_wrong_key, verdict_on
from handfast.kerberos.key_table import KeyTable, KeyTableFile, MemoryKeyTable
from handfast.kerberos.mechanism import Credential, Mechanism, MechanismError
from handfast.kerberos.refusals import KdcRefused
from handfast.protocols.kerberos.keytab import KeytabEntry

REFUSED_SECONDS = 60.0
"""So long an account that the KDC refuses for another reason (disabled, locked) is not asked for again."""
WRONG_KEY_SECONDS = 1800.0
"""Domains count wrong passwords in windows of 15 to 30 minutes, and lock from the fifth on or later: two keys, twice."""
RENEW_SHARE = 0.5
"""A ticket-granting ticket is replaced after half its time (5 h of 10 h by default): what is derived from it ends with it."""
MAX_VERSIONS = 2
"""The current key version and one more."""


class ServiceKeys:
    """The account's keys and what is known of them; shared by all threads."""

    def __init__(
        self, mechanism: Mechanism, file: KeyTableFile, principal: str, patience_seconds: float
    ) -> None:
        self._mechanism = mechanism
        self._file = file
        self._principal = principal
        self._patience_seconds = patience_seconds
        self._trying = threading.Lock()
        self._proven: tuple[int, int] | None = None
        self._refused: dict[int, tuple[int, float, DelegationRefused]] = {}
        """By key version: the key table's generation, until when, and what was said."""

    @property
    def generation(self) -> int:
        """Changes with the key table."""
        return self._file.current().generation

    def sign_in(self, now: float) -> Credential:
        """A ticket-granting ticket with the key that works. Raises: DelegationRefused; Unavailable where another thread
        tries the keys out and does not come back.
        """
        table = self._file.current()
        trying = self._trying
        if not trying.acquire(timeout=self._patience_seconds):
            # Who holds it waits for a silent KDC. Others go round it: by now another KDC may be asked first.
            self._trying = threading.Lock()
            raise Unavailable("another thread still waits for a KDC")
        try:
            return self._try_all(table, now)
        finally:
            trying.release()

    def identify(self, own: Credential, user: Credential) -> str:
        """Whose evidence `user` is, by any of our keys: the SID. Asks nobody. Raises: MechanismError, Unidentified."""
        keys = MemoryKeyTable(self._entries(self._file.current()))
        return self._mechanism.identify(own, user, keys.name)

    def _try_all(self, table: KeyTable, now: float) -> Credential:
        refusal = DelegationRefused(DelegationFailure.KEYTAB, f"the keytab holds no key of {self._principal}")
        for kvno in self._versions(table):
            try:
                credential = self._ask(table, kvno, now)
            except DelegationRefused as refused:
                if refused.failure is not DelegationFailure.KEYTAB:
                    raise
                refusal = refused
                if self._proven == (table.generation, kvno):
                    # The domain has another key than it had: what it said of the others is no longer true.
                    self._proven, self._refused = None, {kvno: self._refused[kvno]}
            else:
                self._proven = table.generation, kvno
                return credential
        self._proven = None
        raise refusal

    def _versions(self, table: KeyTable) -> list[int]:
        kvnos = sorted({entry.kvno for entry in self._entries(table)}, reverse=True)[:MAX_VERSIONS]
        if self._proven is not None and self._proven[1] in kvnos:
            kvnos.remove(self._proven[1])
            kvnos.insert(0, self._proven[1])
        return kvnos

    def _ask(self, table: KeyTable, kvno: int, now: float) -> Credential:
        """Raises: DelegationRefused, for a key that was refused lately without asking."""
        known = self._refused.get(kvno)
        if known is not None and known[0] == table.generation and now < known[1]:
            raise DelegationRefused(known[2].failure, known[2].detail)
        keys = MemoryKeyTable(entry for entry in self._entries(table) if entry.kvno == kvno)
        try:
            return self._mechanism.sign_in(self._principal, keys.name)
        except MechanismError as error:
            refusal = KdcRefused(verdict_on(error, Step.SERVICE_ACCOUNT), error.detail)
            if refusal.failure is DelegationFailure.KEYTAB:
                pause = WRONG_KEY_SECONDS if is_wrong_key(error) else REFUSED_SECONDS
                self._refused[kvno] = table.generation, now + pause, refusal
            raise refusal from None

    def _entries(self, table: KeyTable) -> list[KeytabEntry]:
        wanted = self._principal.casefold()
        return [entry for entry in table.entries if str(entry.principal).casefold() == wanted]


class ServiceAccount:
    """One thread's ticket-granting ticket."""

    def __init__(self, keys: ServiceKeys, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._credential: Credential | None = None
        self._generation = -1
        self._renew_at = 0.0

    def credential(self) -> Credential:
        """Good for half its time at least, and made with the key table as it is now. Raises: as `ServiceKeys.sign_in`."""
        now = self._clock()
        generation = self._keys.generation
        if self._credential is None or now >= self._renew_at or generation != self._generation:
            self._credential = None
            self._credential = self._keys.sign_in(now)
            self._generation = generation
            self._renew_at = now + RENEW_SHARE * self._credential.seconds_left
        return self._credential

    def forget(self) -> None:
        """Signs in anew next time: the KDC no longer takes the ticket."""
        self._credential = None
