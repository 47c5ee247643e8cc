"""When the domain password of a mirrored account was set: what was granted on an older one ends with it.

SQLite can't add a constraint to a table that is there: the table is written anew, in the migration's one transaction, and its
ids go on where they were. Accounts have no such time until the directory is next read.
"""

from __future__ import annotations

from handfast.storage.migrations.frozen_sql import run_frozen_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the frozen SQL of the database's dialect."""
    run_frozen_sql("r0004_password_set_at")


def downgrade() -> None:
    """Raises: NotImplementedError, always: no version reads a database that a later one has written."""
    raise NotImplementedError("restore the database from a backup instead")
