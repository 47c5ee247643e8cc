"""What keeps Kerberos from being used at all, told with its remedy."""

from __future__ import annotations


class KerberosSetupError(Exception):
    """Kerberos can't be opened as it is set up. `str()` says what is wrong and what to do, and never holds a key."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"kerberos: {problem}. {remedy}")
        self.problem = problem
        self.remedy = remedy
