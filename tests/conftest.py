"""What every test shares: the repository on the path (for `tests.fakes`), and `needs`, which makes missing servers loud."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# How long one example takes, to make or to try, says more of what else the machine does than of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose Debian programs are missing; with CI=true that is a failure, never a skip."""
    for marker in item.iter_markers("needs"):
        missing = [
            program
            for program in marker.args
            if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
        ]
        if missing:
            said = f"needs {', '.join(missing)}: run `make test-deps` as root"
            if os.environ.get("CI") == "true":
                pytest.fail(said)
            pytest.skip(said)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """With CI=true any skip is a failure: a test nobody ran proves nothing."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped with CI=true: {report.longrepr}"
