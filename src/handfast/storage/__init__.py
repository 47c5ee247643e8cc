"""The records of identity in a database: SQLite by default, PostgreSQL where several identities share one.

Statements are SQLAlchemy Core expressions over `schema.py`, compiled once a dialect (`statements.py`) and run on plain
DB-API connections, because a decision is a handful of indexed look-ups and the layers between would cost more than
the look-ups. One writer thread commits in groups (`writer.py`); readers see snapshots (`readers.py`).
"""
