"""Each finding of `handfast doctor` on a real installation: produced, told with its remedy, mended as that says, gone.

The cases are stories in `tests/doctor/`; a finding without one fails here.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from handfast.cli import app
from handfast.doctor.findings import FindingId
from tests.doctor import backends, links, listeners, records
from tests.doctor.case import CASES, Case, Told, World
from tests.installation import Installation, prepare
from tests.lab_server import lab_server
from tests.servers.processes import server_directory

AREAS = (backends, links, listeners, records)
"""Importing them fills CASES."""
ALWAYS = {FindingId.DNS_NAME, FindingId.WORKER_USER_NOT_SET}
"""True of every test installation: its name is in no DNS, and it runs as whoever runs the tests."""
Findings = dict[str, list[Told]]


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    """Serves; cases that need it stopped make their own."""
    with lab_server() as server, server_directory("doctor") as folder:
        site = prepare(folder, backend=server.url, workers=1)
        try:
            site.start()
            yield site
        finally:
            site.stop()


@pytest.fixture(scope="module")
def link(running: Installation) -> Iterator[links.Link]:
    """Identity running apart, and a gateway's settings."""
    with server_directory("link") as folder:
        made = links.Link(folder, json.loads(running.values["backends"])[0])
        try:
            made.identity.start()
            yield made
        finally:
            made.identity.stop()


@pytest.fixture(scope="module")
def patience(running: Installation) -> timedelta:
    """Four times as long as the doctor takes, whatever else this machine does."""
    began = time.monotonic()
    look(running)
    return timedelta(seconds=max(3.0, 4 * (time.monotonic() - began)))


@pytest.fixture
def world(running: Installation, patience: timedelta, request: pytest.FixtureRequest) -> Iterator[World]:
    """The running installation; its settings are put back."""
    values = dict(running.values)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(server_directory("case"))
        yield World(running, folder, stack, lambda: request.getfixturevalue("link"), patience)
    running.values, running.words = values, ()
    running.write_settings()


def look(site: Installation) -> tuple[int, Findings]:
    """The command as a person runs it."""
    done = site.run("doctor", "--json")
    assert done.stdout, done.stderr
    return done.returncode, _by_id(json.loads(done.stdout))


def look_again(site: Installation) -> Findings:
    """The same; in this process where that makes no difference, since starting an interpreter takes long."""
    if site.words:
        return look(site)[1]
    done = CliRunner().invoke(app, ["doctor", "--json", "--settings", str(site.settings)])
    return _by_id(json.loads(done.stdout))


def _by_id(told: list[dict[str, Any]]) -> Findings:
    found: Findings = {}
    for one in told:
        found.setdefault(one["id"], []).append(one)
    return found


@pytest.mark.needs("openssl", "unshare", "nsenter", "mount")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_finding_is_told_mended_as_its_remedy_says_and_gone(case: Case, world: World) -> None:
    if case.is_for_root and os.geteuid() != 0:
        pytest.skip("needs root: users, ports or an /etc of its own")
    story = case.story(world)
    site = next(story)
    code, found = look(site)
    assert set(found) - (ALWAYS - {case.finding}) == {case.finding} | case.beside, found
    told = found[case.finding]
    for one in told:
        assert one["severity"] == case.severity
        assert case.remedy in one["remedy"]
    for word in case.words:
        assert any(word in one["what"] for one in told), told
    is_error = any(one["severity"] == "error" for every in found.values() for one in every)
    assert code == is_error
    with pytest.raises(StopIteration):
        story.send(told)
    assert case.finding not in look_again(site)


def test_every_finding_has_its_case() -> None:
    assert {case.finding for case in CASES} == set(FindingId)


def test_a_healthy_installation_has_nothing_to_complain_of(world: World) -> None:
    code, found = look(world.site)
    assert set(found) <= ALWAYS, found
    assert code == 0


def test_a_healthy_split_installation_has_nothing_to_complain_of(link: links.Link) -> None:
    link.node()
    link.gateway.start()
    try:
        for site in (link.gateway, link.identity):
            code, found = look(site)
            assert set(found) <= ALWAYS, found
            assert code == 0
    finally:
        link.gateway.stop()


def test_a_person_reads_finding_and_remedy_in_a_table(world: World) -> None:
    world.key_file.chmod(0o644)
    world.stack.callback(world.key_file.chmod, 0o600)
    done = world.site.run("doctor")
    assert done.returncode == 1
    shown = "".join(done.stdout.split())
    assert "key-file-mode" in shown
    assert f"chmod600{world.key_file}" in shown


def test_no_settings_file_is_not_found(world: World) -> None:
    world.site.settings.unlink()
    done = world.site.run("doctor")
    assert done.returncode == 4
    assert done.stdout == ""
