"""What single commands ask of the directory: each opens it, asks, and closes it again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from handfast.directory.examination import examine, reach
from handfast.directory.findings import DirectoryFinding, Seen, judge
from handfast.directory.lockout_findings import judge_lockout
from handfast.directory.opening import build_scope, open_account, open_controllers, open_directory
from handfast.directory.own_account import RefusalRecord
from handfast.directory.scope import Scope
from handfast.identity.directory.entries import DirectoryAccount
from handfast.settings.directory import DirectorySettings


async def check_directory(
    settings: DirectorySettings,
    refusals: RefusalRecord | None = None,
    *,
    lockout_margin: int | None = None,
    insists: bool = False,
) -> tuple[list[Seen], list[DirectoryFinding]]:
    """Every controller as it was seen, and what is wrong. `lockout_margin` None: no listener takes domain passwords.

    `insists` as for `OwnAccount`. Raises: DirectorySetupError.
    """
    account, controllers = open_account(settings, refusals, insists=insists), open_controllers(settings)
    scope = build_scope(settings)
    try:
        seen = await examine(controllers, account, scope)
    finally:
        for controller in controllers:
            controller.close()
    found = judge(seen, scope, datetime.now(UTC))
    if lockout_margin is not None:
        found += judge_lockout(seen, lockout_margin, settings.bind_user)
    return seen, found


async def reach_directory(settings: DirectorySettings) -> list[DirectoryFinding]:
    """What keeps us from each controller: it is not there, or does not prove who it is. Raises: DirectorySetupError."""
    controllers = open_controllers(settings)
    try:
        seen = await asyncio.gather(*map(reach, controllers))
    finally:
        for controller in controllers:
            controller.close()
    return judge(seen, Scope(), datetime.now(UTC))


async def find_in_directory(
    settings: DirectorySettings, name: str, refusals: RefusalRecord | None = None
) -> DirectoryAccount | None:
    """As `Directory.find`. Raises: DirectorySetupError, Unavailable."""
    directory = open_directory(settings, refusals=refusals)
    try:
        return await directory.find(name)
    finally:
        await directory.close()
