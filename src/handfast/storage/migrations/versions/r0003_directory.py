"""Accounts mirrored from a directory: what it says of them, their groups, how far it was read, counters for its passwords.

SQLite can't add a constraint to a table that is there, nor let a column be empty: the table is written anew, in the
migration's one transaction, and its ids go on where they were. No program has stored a SID so far; what has one was
put there by hand, and becomes the local account that it was taken for.
"""

from __future__ import annotations

from handfast.storage.migrations.frozen_sql import run_frozen_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the frozen SQL of the database's dialect."""
    run_frozen_sql("r0003_directory")


def downgrade() -> None:
    """Raises: NotImplementedError, always: whom the directory has disabled must not be forgotten."""
    raise NotImplementedError("restore the database from a backup instead")
