"""What the directory said of the password of `directory.bind_user`, for commands that ask the directory themselves.

They share it with identity: a password that was refused rests for all, and one that is accepted for none. No audit entry is
written of that: only who knows the password can tell of it, and could as well send it to the directory.
"""

from __future__ import annotations

from datetime import timedelta

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import JsonRow, Office
from handfast.identity.directory.bind_refusals import BindRefusals

MAX_TIMES = 1_000_000
MAX_LASTS = timedelta(days=31)


class BindPasswordAdministration(Office):
    """Calls on that password; nothing is kept of it that tells it."""

    async def bind_password_find(self, *, actor: str, user: str, password: str) -> JsonRow | None:
        """How often it was refused, and how many seconds ago the last time was; None: not that anybody knew."""
        del actor
        known = await self._refusals.find(user, password)
        return None if known is None else {"times": known[0], "seconds_ago": known[1].total_seconds()}

    async def bind_password_refused(
        self, *, actor: str, user: str, password: str, times: int, lasts_seconds: float
    ) -> None:
        """It was refused now, `times` in all; that may be forgotten after so long. Raises: AdministrationError."""
        del actor
        if not 1 <= times <= MAX_TIMES or not 1 <= lasts_seconds <= MAX_LASTS.total_seconds():
            said = f"refused once at least, and kept for a second at least and {MAX_LASTS.days} days at most"
            raise AdministrationError("usage", said)
        await self._refusals.keep(user, password, times, timedelta(seconds=lasts_seconds))

    async def bind_password_accepted(self, *, actor: str, user: str, password: str) -> None:
        """It may be sent by everybody again."""
        del actor
        await self._refusals.forget(user, password)

    @property
    def _refusals(self) -> BindRefusals:
        return BindRefusals(self._records, self._keyring, self._clock)
