"""What identity knows of refusals of `directory.bind_user`'s password, for a command that signs in as that account itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from handfast.cli.connection import open_administration
from handfast.cli.exits import failure_of
from handfast.settings.model import Settings


class SharedRefusals:
    """Fits `directory.own_account.RefusalRecord`. Where the records can't be reached nothing is known, and nothing is kept:
    there may be none yet, and the command is to say what is wrong with the directory all the same.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def find(self, user: str, password: str) -> tuple[int, timedelta] | None:
        """As the port; it does not raise."""
        known = await self._call("bind_password_find", user=user, password=password)
        return None if known is None else (known["times"], timedelta(seconds=known["seconds_ago"]))

    async def keep(self, user: str, password: str, times: int, lasts: timedelta) -> None:
        """As the port; it does not raise."""
        seconds = lasts.total_seconds()
        await self._call(
            "bind_password_refused", user=user, password=password, times=times, lasts_seconds=seconds
        )

    async def forget(self, user: str, password: str) -> None:
        """As the port; it does not raise."""
        await self._call("bind_password_accepted", user=user, password=password)

    async def _call(self, method: str, **arguments: Any) -> Any:
        # In a thread: offline administration runs a loop of its own. Root is identity's user around all of this.
        return await asyncio.to_thread(self._call_now, method, **arguments)

    def _call_now(self, method: str, **arguments: Any) -> Any:
        try:
            with open_administration(self._settings) as administration:
                return administration.call(method, **arguments)
        except Exception as problem:
            if failure_of(problem) is None:
                raise
            return None
