"""Remote wipe, and what a device says of itself, as columns of a partnership.

SQLite can't add a constraint to a table that is there: the table is written anew, in the migration's one transaction.
A device that an import called wiping or wiped counts as ordered when it was last seen.
"""

from __future__ import annotations

from handfast.storage.migrations.frozen_sql import run_frozen_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the frozen SQL of the database's dialect."""
    run_frozen_sql("r0002_wipes_and_facts")


def downgrade() -> None:
    """Raises: NotImplementedError, always: an order to wipe must not be forgotten."""
    raise NotImplementedError("restore the database from a backup instead")
