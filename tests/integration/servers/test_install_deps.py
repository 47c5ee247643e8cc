"""The installer of test dependencies, as far as it can be tried without installing anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers.processes import as_user, server_directory

SCRIPT = Path(__file__).resolve().parents[2] / "install-deps.sh"


def run(dpkg_query: str | None, *before: str) -> subprocess.CompletedProcess[str]:
    """Runs a copy that anyone can read, with a dpkg-query of ours (or none of the machine's programs)."""
    with server_directory("deps") as directory:
        script = shutil.copy(SCRIPT, directory / "install-deps.sh")
        programs = directory / "bin"
        programs.mkdir()
        path = f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"
        if dpkg_query is None:
            path = str(programs)
        else:
            for name in ("dpkg-query", "apt-get"):
                (programs / name).write_text(
                    f"#!/bin/sh\n{dpkg_query if name == 'dpkg-query' else 'exit 9'}\n"
                )
                (programs / name).chmod(0o755)
        return subprocess.run(
            [*before, "/bin/sh", str(script)], capture_output=True, text=True, check=False, env={"PATH": path}
        )


@pytest.mark.needs("dpkg-query")
def test_nothing_happens_when_all_is_there():
    done = run("printf installed")
    assert (done.returncode, done.stdout, done.stderr) == (0, "install-deps: all packages are there\n", "")


@pytest.mark.needs("setpriv")
def test_who_may_not_install_is_told_what_is_missing_and_how():
    done = run("[ $3 = sogo ] || printf installed", *as_user("www-data"))
    assert done.returncode == 1
    assert done.stderr == "install-deps: must run as root to install: sogo (try: sudo make test-deps)\n"


def test_elsewhere_the_packages_are_named():
    done = run(None)
    assert done.returncode == 1
    assert "apt-get not found" in done.stderr
    assert "sogo-activesync" in done.stderr
