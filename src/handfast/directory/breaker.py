"""When a domain controller that failed is asked again."""

from __future__ import annotations

from handfast.identity.circuit_breaker import CircuitBreaker

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


class Breaker(CircuitBreaker):
    """Open after any failure: there are other controllers, and the one that fails costs whoever asks it a whole timeout."""

    def __init__(self) -> None:
        super().__init__(failures=1, first_pause=FIRST_PAUSE_SECONDS, longest_pause=LONGEST_PAUSE_SECONDS)
