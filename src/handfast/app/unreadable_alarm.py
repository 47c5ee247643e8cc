"""Says when so many accounts can't be judged that rights must have been taken away from us, rather than hidden on a few.

Each of them is refused and stays what it was, so no reading is disbelieved for it: nobody would look before the phones do.
"""

from __future__ import annotations

from collections.abc import Callable

from handfast.identity.directory.rounds import FEW_MISSING, are_too_many
from handfast.identity.ports import Records
from handfast.observability import metrics
from handfast.observability.logging import event_log

PAUSE_SECONDS = 300.0
"""Between two looks at what share of all accounts they are, and so between two alarms."""

_LOG = event_log("directory")


class UnreadableAlarm:
    """`accounts` are the SIDs of those that can't be judged now, by all readings since the last whole one."""

    def __init__(self, records: Records, monotonic: Callable[[], float]) -> None:
        self.accounts: set[str] = set()
        self._records = records
        self._monotonic = monotonic
        self._look_after = 0.0

    async def tell(self, max_percent: float) -> None:
        """After each reading. Raises: Unavailable."""
        self._show()
        now, count = self._monotonic(), len(self.accounts)
        if count <= FEW_MISSING or now < self._look_after:
            return
        self._look_after = now + PAUSE_SECONDS
        mirrored = len(await self._records.read(lambda repositories: repositories.accounts.list_mirrored()))
        if are_too_many(count, mirrored, max_percent):
            metrics.ALARMS.labels("directory-unreadable").inc()
            _LOG.error(
                "directory-unreadable",
                unreadable=count,
                mirrored=mirrored,
                remedy="let the bind user read all attributes of them again (directory-unreadable-accounts names some);"
                " until then they are refused",
            )

    def forget(self) -> None:
        """Another identity tells of them from now on, or all is read anew."""
        self.accounts.clear()
        self._look_after = 0.0
        self._show()

    def _show(self) -> None:
        metrics.DIRECTORY_UNSETTLED.labels("unreadable").set(len(self.accounts))
