"""What single commands ask of the directory: each opens it, asks, and closes it again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from handfast.directory.examination import examine, reach
from handfast.directory.findings import DirectoryFinding, Expectations, Seen, judge
from handfast.directory.opening import open_account, open_controllers, open_directory
from handfast.directory.scope import Scope
from handfast.identity.directory.entries import DirectoryAccount
from handfast.settings.directory import DirectorySettings


async def check_directory(
    settings: DirectorySettings, *, lockout_margin: int | None = None
) -> tuple[list[Seen], list[DirectoryFinding]]:
    """Every controller as it was seen, and what is wrong. Raises: DirectorySetupError."""
    account, controllers = open_account(settings), open_controllers(settings)
    try:
        seen = await examine(controllers, account, Scope(settings.base, settings.account_filter))
    finally:
        for controller in controllers:
            controller.close()
    expected = Expectations(settings.base, settings.account_filter, lockout_margin)
    return seen, judge(seen, expected, datetime.now(UTC))


async def reach_directory(settings: DirectorySettings) -> list[DirectoryFinding]:
    """What keeps us from each controller: it is not there, or does not prove who it is. Raises: DirectorySetupError."""
    controllers = open_controllers(settings)
    try:
        seen = await asyncio.gather(*map(reach, controllers))
    finally:
        for controller in controllers:
            controller.close()
    return judge(seen, Expectations("", ""), datetime.now(UTC))


async def find_in_directory(settings: DirectorySettings, name: str) -> DirectoryAccount | None:
    """As `Directory.find`. Raises: DirectorySetupError, Unavailable."""
    directory = open_directory(settings)
    try:
        return await directory.find(name)
    finally:
        await directory.close()
