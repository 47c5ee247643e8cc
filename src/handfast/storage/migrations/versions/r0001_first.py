"""The first schema."""

from __future__ import annotations

from importlib import resources

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the frozen SQL of the database's dialect."""
    connection = op.get_bind()
    name = f"r0001_first.{connection.dialect.name}.sql"
    text = resources.files("handfast.storage.migrations.versions").joinpath(name).read_text(encoding="ascii")
    for statement in text.split("\n--;;\n"):
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    """Raises: NotImplementedError, always: there is nothing before the first schema but an empty database."""
    raise NotImplementedError("restore the database from a backup instead")
