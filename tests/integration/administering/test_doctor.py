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
from tests.doctor import backends, clients, domains, links, listeners, names, records
from tests.doctor.case import CASES, Case, Told, World
from tests.installation import HOST, Installation, prepare
from tests.lab_server import lab_server
from tests.servers.processes import server_directory

AREAS = (backends, clients, domains, links, listeners, names, records)
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
def front() -> Iterator[clients.Front]:
    """A whole Exchange, published."""
    with clients.published() as made:
        yield made


@pytest.fixture(scope="module")
def patience(running: Installation) -> timedelta:
    """Four times as long as the doctor takes now, and never less than it may take once the machine is busy."""
    began = time.monotonic()
    look(running)
    return timedelta(seconds=max(8.0, 4 * (time.monotonic() - began)))


@pytest.fixture
def world(running: Installation, patience: timedelta, request: pytest.FixtureRequest) -> Iterator[World]:
    """The running installation; its settings are put back."""
    values = dict(running.values)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(server_directory("case"))
        yield World(
            running,
            folder,
            stack,
            lambda: request.getfixturevalue("link"),
            patience,
            lambda: request.getfixturevalue("front"),
        )
    running.values, running.words = values, ()
    running.write_settings()


def look(site: Installation, *words: str) -> tuple[int, Findings]:
    """The command as a person runs it."""
    done = site.run("doctor", "--json", *words)
    assert done.stdout, done.stderr
    return done.returncode, _by_id(json.loads(done.stdout))


def look_again(site: Installation, *words: str) -> Findings:
    """The same; in this process where that makes no difference, since starting an interpreter takes long."""
    if site.words:
        return look(site, *words)[1]
    done = CliRunner().invoke(app, ["doctor", "--json", *words, "--settings", str(site.settings)])
    return _by_id(json.loads(done.stdout))


def _by_id(told: Any) -> Findings:
    """As a client there are steps beside the findings."""
    found: Findings = {}
    for one in told["findings"] if isinstance(told, dict) else told:
        found.setdefault(one["id"], []).append(one)
    return found


@pytest.mark.needs("openssl", "unshare", "nsenter", "mount")
@pytest.mark.parametrize(
    "case", [pytest.param(one, marks=pytest.mark.needs(*one.needs), id=str(one)) for one in CASES]
)
def test_a_finding_is_told_mended_as_its_remedy_says_and_gone(case: Case, world: World) -> None:
    if case.is_for_root and os.geteuid() != 0:
        pytest.skip("needs root: users, ports or an /etc of its own")
    story = case.story(world)
    site = next(story)
    code, found = look(site, *world.looks)
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
    assert case.finding not in look_again(site, *world.looks)


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


def test_a_gateway_of_its_own_is_seen_by_clients_and_sends_on_for_reasons(link: links.Link) -> None:
    link.node()
    link.gateway.start()
    words = ["--json", "--as-client", "--ca-file", str(link.gateway.ca_file), "--login", "nobody"]
    try:
        done = link.gateway.run("doctor", *words, stdin="wrong\n")
    finally:
        link.gateway.stop()
    found = _by_id(json.loads(done.stdout))
    assert set(found) <= ALWAYS | {FindingId.CLIENT_SIGN_IN}, found
    [told] = found[FindingId.CLIENT_SIGN_IN]
    assert "is answered 401" in told["what"]
    assert "on identity's machine says why" in told["remedy"]


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


def test_clients_of_a_healthy_exchange_come_to_their_mail(world: World) -> None:
    front = world.make_front()
    words = ["--as-client", "--ca-file", str(front.site.ca_file), "--login", front.ADDRESS]
    done = front.site.run("doctor", *words, "--json", stdin=f"{front.password}\n")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert set(_by_id(told)) <= ALWAYS, told["findings"]
    steps = {(one["client"], one["asked"]): one for one in told["steps"]}
    assert all(one["finding"] is None for one in told["steps"])
    discovery = f"POST https://{clients.FINDER}/autodiscover/autodiscover.xml, signed in"
    for client, asked, answer, then in (
        ("phone", discovery, "200, mail.contoso.lab", "sets itself up"),
        ("Outlook", discovery, "200, mail.contoso.lab", "sets itself up"),
        (
            "phone",
            f"OPTIONS https://{HOST}/Microsoft-Server-ActiveSync, signed in",
            "200, versions to 16.1",
            "synchronises",
        ),
        (
            "Outlook for Mac",
            f"POST https://{HOST}/EWS/Exchange.asmx, signed in",
            "200, the inbox",
            "reads the mailbox",
        ),
        (
            "Outlook mobile",
            f"GET https://{clients.FINDER}/autodiscover/autodiscover.json (Ews)",
            f"https://{HOST}/EWS/Exchange.asmx",
            "uses it for Ews",
        ),
        ("attacker", f"GET https://{HOST}/PowerShell", "404", "is turned away"),
    ):
        assert (steps[client, asked]["answer"], steps[client, asked]["then"]) == (answer, then)
    assert {one["listener"] for one in told["steps"]} == {"outside", "port80"}
    assert front.password not in done.stdout + done.stderr + front.site.log.read_text()


@pytest.mark.parametrize(
    ("profile", "ways"),
    [
        (
            "phone",
            [
                ("phone", "sets itself up"),
                ("phone", "synchronises"),
                ("Outlook for Mac", "needs a password of its own profile"),
            ],
        ),
        (
            "outlook",
            [
                ("Outlook", "sets itself up"),
                ("phone", "needs a password of its own profile"),
                ("Outlook for Mac", "reads the mailbox"),
            ],
        ),
    ],
)
def test_a_fresh_password_shows_the_way_of_its_own_clients(
    world: World, profile: str, ways: list[tuple[str, str]]
) -> None:
    front = world.make_front()
    password = front.site.issue("alice", "--profile", profile)
    words = ["--as-client", "--ca-file", str(front.site.ca_file), "--login", front.ADDRESS]
    told = json.loads(front.site.run("doctor", *words, "--json", stdin=f"{password}\n").stdout)
    assert set(_by_id(told)) <= ALWAYS, told["findings"]
    signed = [one for one in told["steps"] if one["asked"].endswith(", signed in")]
    assert [(one["client"], one["then"]) for one in signed] == ways


def test_a_person_reads_the_steps_of_clients_in_a_table(world: World) -> None:
    front = world.make_front()
    done = front.site.run("doctor", "--as-client", "--ca-file", str(front.site.ca_file))
    assert done.returncode == 0, done.stdout
    assert "publication mail at listener outside, as clients see it:" in done.stdout
    [row] = [line for line in done.stdout.splitlines() if line.startswith("phone  ") and "OPTIONS" in line]
    assert row.split("  ")[-1].strip() == "signs in"


def test_a_listener_behind_a_balancer_on_this_machine_is_seen_too(world: World) -> None:
    front = world.make_front()
    world.stack.callback(front.restore)
    front.apply(listener='proxy_protocol_from = ["127.0.0.0/8"]')
    code, found = look(front.site, "--as-client", "--ca-file", str(front.site.ca_file))
    assert set(found) <= ALWAYS, found
    assert code == 0


def test_a_publication_for_other_networks_is_not_judged_from_here(world: World) -> None:
    front = world.make_front()
    world.stack.callback(front.restore)
    front.apply(publication=clients.PUBLISHED + 'networks = ["203.0.113.0/24"]\n')
    done = front.site.run("doctor", "--json", "--as-client", "--ca-file", str(front.site.ca_file))
    told = json.loads(done.stdout)
    assert set(_by_id(told)) <= ALWAYS, told["findings"]
    [step] = [one for one in told["steps"] if one["listener"] == "outside"]
    assert (step["answer"], done.returncode) == ("not asked from 127.0.0.1", 0)


def test_a_password_is_not_sent_to_whoever_has_no_sound_certificate(world: World) -> None:
    """Neither where the chain does not verify, nor where it is another name's."""
    front = world.make_front()
    world.stack.callback(front.restore)
    authority = clients.Authority(world.folder)
    made = authority.issue("other", hosts=["other.contoso.lab", clients.FINDER])
    front.apply(certificate=made.certificate, key=made.key)
    for words in ([], ["--ca-file", str(authority.file)]):
        done = front.site.run(
            "doctor", "--json", "--as-client", "--login", front.ADDRESS, *words, stdin=f"{front.password}\n"
        )
        steps = json.loads(done.stdout)["steps"]
        [signed] = [one for one in steps if one["asked"].endswith(", signed in")]
        assert signed["answer"].startswith("not asked: ")
