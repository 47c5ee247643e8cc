"""The frozen SQL of the first revision is what the tables and triggers of this version say."""

from __future__ import annotations

from importlib import resources

import pytest

from handfast.storage.ddl import schema_sql


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_first_revision_is_frozen_from_the_schema(dialect) -> None:
    """Once a second revision exists, compare the migrated database instead (tests/contracts/test_migration.py does)."""
    folder = resources.files("handfast.storage.migrations.versions")
    assert folder.joinpath(f"r0001_first.{dialect}.sql").read_text(encoding="ascii") == schema_sql(dialect)
