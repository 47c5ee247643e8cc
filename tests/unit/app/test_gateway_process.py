import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["sqlalchemy", "alembic", "psycopg", "handfast.storage"])
def test_a_worker_loads_nothing_of_the_database(package):
    """It stands where strangers speak: what it doesn't need it doesn't hold, and it starts and restarts faster."""
    program = f"import sys, handfast.app.gateway_process; sys.exit({package!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
