"""The first schema."""

from __future__ import annotations

from handfast.storage.migrations.frozen_sql import run_frozen_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the frozen SQL of the database's dialect."""
    run_frozen_sql("r0001_first")


def downgrade() -> None:
    """Raises: NotImplementedError, always: there is nothing before the first schema but an empty database."""
    raise NotImplementedError("restore the database from a backup instead")
