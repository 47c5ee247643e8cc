"""The throw-away cluster serves, keeps databases apart and leaves nothing behind."""

import os

import pytest

from tests.servers.postgresql import PostgresqlServer
from tests.servers.processes import accepts


@pytest.mark.needs("pg_ctlcluster", "setpriv")
def test_a_cluster_serves_and_is_gone_afterwards():
    with PostgresqlServer() as server:
        assert server.create_database("one") == server.url("one")
        server.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)", "one")
        assert server.execute("SELECT a FROM t ORDER BY a", "one") == "1\n2"
        with pytest.raises(RuntimeError, match='relation "t" does not exist'):
            server.execute("SELECT a FROM t")
        port, data = server.port, server.execute("SHOW data_directory")
    assert not accepts(port)
    assert not os.path.exists(data)


@pytest.mark.needs("pg_ctlcluster", "setpriv")
def test_what_was_committed_is_there_after_a_crash_at_the_same_url():
    with PostgresqlServer(durable=True) as server:
        first, second = server.new_database(), server.new_database()
        assert first != second
        server.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (7)")
        server.stop()
        assert not accepts(server.port)
        with pytest.raises(RuntimeError, match="psql"):
            server.execute("SELECT 1")
        server.start()
        assert server.execute("SELECT a FROM t") == "7"
