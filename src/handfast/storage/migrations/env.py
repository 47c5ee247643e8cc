"""Alembic's entry: runs the revisions on the connection `migration.py` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from handfast.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
