"""The database is locked by somebody else, or its disk is full: 503, nothing acknowledged is lost, all goes on afterwards."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from handfast.identity.administration.errors import AdministrationError
from tests.installation import Installation, installation, prepare
from tests.integration.load.echo_backend import echo_backend
from tests.integration.load.phones import Answer, Office, Phone, basic, open_connection
from tests.servers.processes import server_directory, wait_until

UNAVAILABLE = 3


@pytest.fixture
def backend() -> Iterator[str]:
    with server_directory("echo") as folder, echo_backend(folder) as url:
        yield url


def ask(site: Installation, phone: Phone, authorization: bytes | None = None) -> Answer:
    """One request on a connection of its own."""

    async def once() -> Answer:
        connection = await open_connection(site.port, site.context(), phone.source)
        try:
            return await connection.exchange(
                phone.request(b"", nonce=phone.nonce(), authorization=authorization)
            )
        finally:
            connection.abort()
            await connection.lost.wait()

    return uvloop.run(once())


def people(site: Installation) -> tuple[Phone, Phone, Phone]:
    """A phone that was served already, another of a known password, and one that never came."""
    office = Office(site)
    office.add_accounts(["alice", "bob", "carol"])
    live, paired, fresh = (
        office.phone("alice", "LIVE01"),
        office.phone("bob", "PAIR01"),
        office.phone("carol", "FRESH01"),
    )
    for phone in (live, paired):
        assert ask(site, phone).status == 200
    return live, paired, fresh


def check_defined_answers(site: Installation, live: Phone, fresh: Phone) -> None:
    """Who is in stays in; who comes new is told when to come again, or refused; changes say that they were not made."""
    answer = ask(site, fresh)
    assert answer.status == 503
    assert int(answer.value(b"retry-after")) > 0
    assert ask(site, live).status in (200, 503)  # the other worker may not know its grant yet
    # A wrong password is wrong whatever the disk does; it never becomes a way in.
    assert ask(site, fresh, basic("carol", "wrong")).status in (401, 503)
    refused = site.run("app-password", "issue", "alice", "--label", "lost", "--json")
    assert refused.returncode == UNAVAILABLE, (refused.returncode, refused.stdout, refused.stderr)
    assert "password" not in refused.stdout
    assert refused.stderr.strip()


def check_whole_again(site: Installation, phones: tuple[Phone, ...], issued: set[str]) -> None:
    for phone in phones:
        wait_until(lambda: ask(site, phone).status == 200, f"{phone.user} is served", 15)  # noqa: B023
    labels = {one["label"] for one in site.cli("app-password", "list", "alice")}
    assert issued <= labels
    assert "lost" not in labels
    site.cli("app-password", "issue", "alice", "--label", "after")
    assert site.cli("audit", "verify")["ok"] is True
    site.stop()
    site.start()
    assert site.cli("audit", "verify")["ok"] is True
    assert ask(site, phones[0]).status == 200


def test_another_process_locks_the_database(backend: str) -> None:
    with installation(backend=backend) as site:
        live, paired, fresh = people(site)
        site.cli("app-password", "issue", "alice", "--label", "before")
        with contextlib.closing(sqlite3.connect(site.folder / "handfast.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            check_defined_answers(site, live, fresh)
            other.execute("ROLLBACK")
        check_whole_again(site, (live, paired, fresh), {"before"})


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 16 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    with server_directory("elsewhere") as elsewhere, server_directory("disk") as folder:
        # As in a real installation, what lives only while the service runs is elsewhere (/run).
        runtime = elsewhere / "run"
        runtime.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=755", "tmpfs", str(folder)], check=True)
        try:
            (folder / "run").symlink_to(runtime)
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)


def test_the_disk_is_full(backend: str, small_disk: Path, tmp_path: Path) -> None:
    site = prepare(small_disk, backend=backend)
    site.log = tmp_path / "handfast.log"
    try:
        site.start()
        live, paired, fresh = people(site)
        site.cli("app-password", "issue", "alice", "--label", "before")
        ballast = small_disk / "ballast"
        fill(ballast)
        issued = {"before", *changes_until_refused(site, ballast)}
        check_defined_answers(site, live, fresh)
        ballast.unlink()
        check_whole_again(site, (live, paired, fresh), issued)
    finally:
        site.stop()


def fill(ballast: Path) -> None:
    """Writes until there is no room for another byte."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def changes_until_refused(site: Installation, ballast: Path) -> set[str]:
    """The write-ahead log may have room of its own left: changes go on until the disk is really full."""
    office, issued = Office(site), set()
    for number in range(5000):
        label = f"full {number}"
        try:
            office.call("app_password_issue", account="alice", label=label)
        except AdministrationError as error:
            if error.kind != "unavailable":
                raise
            return issued
        issued.add(label)
        if number % 50 == 0:
            fill(ballast)
    raise AssertionError("the disk never became full")
