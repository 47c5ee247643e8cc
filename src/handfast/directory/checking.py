"""What single commands ask of the directory: each opens it, asks, and closes it again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from handfast.directory.examination import examine, reach
from handfast.directory.findings import DirectoryFinding, Seen, judge
from handfast.directory.lockout_findings import judge_lockout, judge_silence
from handfast.directory.opening import build_scope, open_account, open_controllers, open_directory
from handfast.directory.scope import Scope
from handfast.identity.directory.entries import DirectoryAccount
from handfast.settings.directory import DirectorySettings


async def check_directory(
    settings: DirectorySettings, *, lockout_margin: int | None = None
) -> tuple[list[Seen], list[DirectoryFinding]]:
    """Every controller as it was seen, and what is wrong. `lockout_margin` None: no listener takes domain passwords.

    Raises: DirectorySetupError.
    """
    seen = await _examine(settings)
    found = judge(seen, build_scope(settings), datetime.now(UTC))
    if lockout_margin is not None:
        found += judge_lockout(seen, lockout_margin, settings.bind_user)
    return seen, found


async def check_lockout(settings: DirectorySettings, lockout_margin: int) -> list[DirectoryFinding]:
    """What keeps domain passwords from being tried, or accounts from being safe from us. Raises: DirectorySetupError."""
    seen = await _examine(settings)
    return judge_lockout(seen, lockout_margin, settings.bind_user) or judge_silence(seen)


async def _examine(settings: DirectorySettings) -> list[Seen]:
    account, controllers = open_account(settings), open_controllers(settings)
    try:
        return await examine(controllers, account, build_scope(settings))
    finally:
        for controller in controllers:
            controller.close()


async def reach_directory(settings: DirectorySettings) -> list[DirectoryFinding]:
    """What keeps us from each controller: it is not there, or does not prove who it is. Raises: DirectorySetupError."""
    controllers = open_controllers(settings)
    try:
        seen = await asyncio.gather(*map(reach, controllers))
    finally:
        for controller in controllers:
            controller.close()
    return judge(seen, Scope(), datetime.now(UTC))


async def find_in_directory(settings: DirectorySettings, name: str) -> DirectoryAccount | None:
    """As `Directory.find`. Raises: DirectorySetupError, Unavailable."""
    directory = open_directory(settings)
    try:
        return await directory.find(name)
    finally:
        await directory.close()
