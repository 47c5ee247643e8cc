"""Identity's repositories over one open transaction: a module a port, the same statements on both databases."""

from __future__ import annotations

from handfast.identity.ports import KeyRing
from handfast.storage.repositories.accounts import SqlAccounts
from handfast.storage.repositories.app_passwords import SqlAppPasswords
from handfast.storage.repositories.audit_trail import SqlAuditTrail
from handfast.storage.repositories.counters import SqlCounters
from handfast.storage.repositories.evaluations import SqlEvaluations
from handfast.storage.repositories.nodes import SqlNodes
from handfast.storage.repositories.partnerships import SqlPartnerships
from handfast.storage.repositories.positions import SqlPositions
from handfast.storage.repositories.revocations import SqlRevocations
from handfast.storage.repositories.stored_secrets import SqlStoredSecrets
from handfast.storage.repositories.windows import SqlWindows
from handfast.storage.statements import Transaction


class SqlRepositories:
    """Fits `identity.ports.Repositories`; lives as long as its connection, through one transaction after another."""

    def __init__(self, transaction: Transaction, keyring: KeyRing, chain: str) -> None:
        self.accounts = SqlAccounts(transaction)
        self.positions = SqlPositions(transaction)
        self.app_passwords = SqlAppPasswords(transaction)
        self.partnerships = SqlPartnerships(transaction)
        self.windows = SqlWindows(transaction)
        self.counters = SqlCounters(transaction)
        self.stored_secrets = SqlStoredSecrets(transaction)
        self.revocations = SqlRevocations(transaction)
        self.evaluations = SqlEvaluations(transaction)
        self.audit = SqlAuditTrail(transaction, keyring, chain)
        self.nodes = SqlNodes(transaction)
