"""Alembic's environment and revisions. Each revision is frozen SQL, a file a dialect beside it."""
