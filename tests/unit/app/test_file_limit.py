import resource
import subprocess
import sys

SAY = """
import resource
from handfast.app.file_limit import raise_file_limit
print(raise_file_limit(), resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def run(soft: int, hard: int) -> tuple[str, str]:
    """The last line, and everything, that a process with these limits says."""
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
    )
    return done.stdout.strip().splitlines()[-1], done.stdout + done.stderr


def test_the_soft_limit_rises_to_the_hard_one():
    said, everything = run(512, 17_000)
    assert said == "17000 (17000, 17000)"
    assert "few-files" not in everything


def test_too_low_a_hard_limit_is_told_with_a_remedy():
    said, everything = run(512, 2048)
    assert said == "2048 (2048, 2048)"
    assert "few-files" in everything
    assert "LimitNOFILE" in everything
