"""What the writer and the readers need of a database; `sqlite.py` and `postgresql.py` fit it."""

from __future__ import annotations

from typing import Protocol

from handfast.identity.ports import KeyRing
from handfast.storage.repositories import SqlRepositories
from handfast.storage.statements import DriverConnection, StatementCache, Transaction


class Driver(Protocol):
    """One kind of database at one address. Its methods are called by threads, one connection to a thread."""

    statements: StatementCache

    def connect(self, *, read_only: bool) -> DriverConnection:
        """Raises: the driver's errors."""
        ...

    def begin(self, connection: DriverConnection, *, read_only: bool) -> None: ...

    def in_transaction(self, connection: DriverConnection) -> bool:
        """False where the database gave the whole transaction up, or the connection is gone."""
        ...

    def translate(self, error: Exception) -> Exception | None:
        """`Conflict`, `Unavailable`, `MustRetry` or a builtin; None for what is not the driver's."""
        ...


class Session:
    """A connection with its repositories, for one thread."""

    def __init__(self, driver: Driver, keyring: KeyRing, chain: str, *, read_only: bool) -> None:
        self.connection = driver.connect(read_only=read_only)
        self.transaction = Transaction(self.connection, driver.statements, driver.translate)
        self.repositories = SqlRepositories(self.transaction, keyring, chain)
        self._driver = driver
        self._read_only = read_only

    def begin(self) -> None:
        """Starts a transaction with nothing published and nothing failed."""
        self.transaction.doomed = None
        self.repositories.revocations.published = []
        self._driver.begin(self.connection, read_only=self._read_only)

    def run(self, command: str) -> None:
        """COMMIT, ROLLBACK and the like."""
        self.connection.execute(command)

    @property
    def is_open(self) -> bool:
        """Whether the transaction still stands."""
        return self._driver.in_transaction(self.connection)
