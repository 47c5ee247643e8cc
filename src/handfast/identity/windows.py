"""Enrolment windows: a few minutes in which one new device of an account may pair."""

from __future__ import annotations

from datetime import datetime, timedelta

from handfast.identity.audit import AuditEvent
from handfast.identity.names import principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, EnrolmentWindow

MAX_MINUTES = 24 * 60
"""A window that stays open longer is first-use by another name."""


def lets_in(window: EnrolmentWindow, device_id: str, now: datetime) -> bool:
    """True while the window is open and was used by nobody, or by this very device (which may knock twice)."""
    return window.opened_at <= now < window.closes_at and window.used_by_device_id in (None, device_id)


def open_window(
    repositories: Repositories, account: Account, *, minutes: float, now: datetime, actor: str
) -> EnrolmentWindow:
    """Opens (or opens anew) the account's window. Raises: ValueError where `minutes` is not within a day."""
    if not 0 < minutes <= MAX_MINUTES:
        raise ValueError(f"a window is open for more than 0 and at most {MAX_MINUTES} minutes")
    window = EnrolmentWindow(
        account_id=account.id, opened_at=now, closes_at=now + timedelta(minutes=minutes), opened_by=actor
    )
    repositories.windows.save(window)
    repositories.audit.append(
        AuditEvent.WINDOW_OPENED,
        now=now,
        actor=actor,
        subject=principal_of(account),
        details={"closes_at": window.closes_at.isoformat()},
    )
    return window
