"""What one case of a doctor's finding is: a story that produces it, waits to be told, and mends it as the remedy says.

@case(FindingId.KEY_FILE_MODE, remedy="chmod 600")
def the_key_file_is_open(world):
    world.key_file.chmod(0o644)      # produced
    [told] = yield world.site        # whoever reads this looks at the installation, and sends what was told
    run_commands(told["remedy"])     # mended: the story ends
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from handfast.cli import app
from handfast.doctor.findings import FindingId
from handfast.keys.pki import IssuedCertificate, issue_demo_certificate
from tests.installation import HOST, Installation, prepare
from tests.servers.processes import server_directory

Told = dict[str, Any]
"""One finding as `handfast doctor --json` prints it."""
HOSTS = [HOST, "127.0.0.1"]


@dataclass
class World:
    """What a case may use. `site` runs and is put back afterwards; what enters `stack` ends with the case."""

    site: Installation
    folder: Path
    stack: contextlib.ExitStack
    make_link: Callable[[], Any] = field(repr=False)
    """The two halves of a split installation, made when the first case asks."""
    patience: timedelta
    """Within it the doctor has surely looked, on this machine as busy as it is."""
    make_front: Callable[[], Any] = field(repr=False)
    """An installation that publishes a whole Exchange, made when the first case asks."""
    looks: list[str] = field(default_factory=list)
    """What the doctor is told beside, e.g. `--as-client`; a story changes it where the remedy does."""

    @property
    def key_file(self) -> Path:
        return self.site.folder / "handfast.key"

    def stopped(self) -> Installation:
        """Another installation, which has records and does not run."""
        folder = self.stack.enter_context(server_directory("stopped"))
        backend = json.loads(self.site.values["backends"])[0]
        site = prepare(folder, backend=backend, workers=1)
        run_here(site, "account", "add", "alice")
        return site

    def certificate(self, name: str = "tls", **how: Any) -> IssuedCertificate:
        """A server certificate of a throw-away CA, which stands behind it in the file."""
        hosts, now = how.pop("hosts", HOSTS), how.pop("now", datetime.now(UTC))
        return issue_demo_certificate(self.folder / name, hosts, now=now, **how)[1]


def wait_for(moment: datetime) -> None:
    """Returns when it has come."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


Story = Callable[[World], Generator[Installation, list[Told], None]]
"""Is sent every finding of its kind."""


@dataclass(frozen=True)
class Case:
    """`words` are in what the doctor says, `remedy` in what it advises; `beside` are findings of the same cause."""

    finding: FindingId
    story: Story
    severity: str
    words: tuple[str, ...]
    remedy: str
    beside: frozenset[FindingId]
    is_for_root: bool
    needs: tuple[str, ...]
    """Programs beside those that the cases have in common."""

    def __str__(self) -> str:
        return f"{self.finding.value}: {self.story.__name__.replace('_', ' ')}"


CASES: list[Case] = []


def case(
    finding: FindingId,
    *words: str,
    remedy: str,
    severity: str = "error",
    beside: frozenset[FindingId] = frozenset(),
    is_for_root: bool = False,
    needs: tuple[str, ...] = (),
) -> Callable[[Story], Story]:
    """Enters a story into `CASES`."""

    def enter(story: Story) -> Story:
        CASES.append(Case(finding, story, severity, words, remedy, beside, is_for_root, needs))
        return story

    return enter


def run_here(site: Installation, *words: str) -> str:
    """A `handfast` command that must succeed, in this process: starting an interpreter takes long. Returns its output."""
    done = CliRunner().invoke(app, [*words, "--settings", str(site.settings)])
    assert done.exit_code == 0, done.output
    return done.stdout


def run_commands(text: str, before: tuple[str, ...] = ()) -> None:
    """Runs a remedy that is shell commands, as whoever reads it would."""
    subprocess.run([*before, "sh", "-ec", text], check=True, capture_output=True, timeout=60)


def handfast_command(remedy: str, **named: str) -> list[str]:
    """The words after `handfast` of the last command in a remedy; `named` fills its capital placeholders."""
    command = re.findall(r"`handfast ([^`]+)`", remedy)[-1]
    return [named.get(word, word) for word in shlex.split(command)]
