"""Several devices, one fresh password, two workers, at the same instant: one device wins, always exactly one."""

from __future__ import annotations

import http.client
import ssl
import threading
from pathlib import Path

import pytest

from tests.door import PATH, Answer, ask, basic, dial, query
from tests.installation import HOST

ROUNDS = 20
DIALS = 60
"""Who takes a connection is the kernel's choice: more than enough to meet both workers."""


def worker_of(site, ports: list[int]) -> dict[int, int]:
    """Client port -> id of the worker that holds its connection. Source: proc(5), /proc/net/tcp."""
    inodes = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == site.port:
            inodes[f"socket:[{fields[9]}]"] = int(fields[2].rpartition(":")[2], 16)
    found = {}
    for pid in site.children("gateway"):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                port = inodes.get(str(entry.readlink()))
            except OSError:
                continue
            if port in ports:
                found[port] = pid
    return found


def dial_both_workers(site, count: int) -> list[ssl.SSLSocket]:
    """So many connections, the first two of them held by different workers."""
    made: list[ssl.SSLSocket] = []
    try:
        while len(made) < DIALS:
            made.append(dial(site))
            owner = worker_of(site, [door.getsockname()[1] for door in made])
            of_worker = {owner.get(door.getsockname()[1]): door for door in made}
            if len(made) >= count and len(of_worker.keys() - {None}) == 2:
                chosen = [door for pid, door in of_worker.items() if pid is not None]
                chosen += [door for door in made if door not in chosen][: count - 2]
                made = [door for door in made if door not in chosen]
                return chosen
        raise AssertionError(f"{DIALS} connections, and all of them held by one worker")
    finally:
        for door in made:
            door.close()


def race(site, name: str, password: str, round_number: int, devices: int) -> dict[str, Answer]:
    """Every device on a connection of its own, all heads written but for their last byte; then that byte."""
    dialled = dial_both_workers(site, devices)
    doors = {f"RACE{devices}X{round_number}D{n}": door for n, door in enumerate(dialled)}
    for device, door in doors.items():
        head = (
            f"POST {PATH}?{query(device)} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {basic(name, password)}\r\n"
            "User-Agent: Apple-iPhone12C1/1801.373\r\nContent-Length: 0\r\n\r"
        )
        door.sendall(head.encode())
    barrier = threading.Barrier(devices)
    answers: dict[str, Answer] = {}

    def finish(device: str) -> None:
        door = doors[device]
        barrier.wait(30)
        door.sendall(b"\n")
        response = http.client.HTTPResponse(door)
        response.begin()
        headers = {key.lower(): value for key, value in response.getheaders()}
        answers[device] = Answer(response.status, headers, response.read())
        door.close()

    threads = [threading.Thread(target=finish, args=(device,)) for device in doors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


@pytest.mark.parametrize("devices", [2, 4])
def test_one_device_wins_a_fresh_password_and_the_loser_is_audited_as_theft(
    person, admin, server, devices
) -> None:
    losers, issued_ids = [], set()
    for number in range(ROUNDS):
        issued = admin.call(
            "app_password_issue", account=person.name, profile="phone", label=f"round {number}"
        )
        answers = race(person.site, person.name, issued["password"], number, devices)
        won = [device for device, answer in answers.items() if answer.status == 200]
        lost = {device: answer for device, answer in answers.items() if answer.status == 403}
        assert len(won) == 1, {device: answer.status for device, answer in answers.items()}
        assert len(lost) == devices - 1
        losers += lost
        issued_ids.add(str(issued["id"]))
        for device in lost:
            assert server.requests(device_id=device) == []
        rows = admin.call("app_password_list", account=person.name)
        assert [row["bound_device_id"] for row in rows if row["id"] == issued["id"]] == won
        # Room for the next round: an account has ten devices by default.
        admin.call("device_remove", account=person.name, device_id=won[0])
        reasons = {admin.call("explain", request_id=answer.request_id)["reason"] for answer in lost.values()}
        assert reasons == {"app-password-other-device"}
    thefts = person.audited("identity:app_password:possible-theft")
    # Every password's misuse is audited; made-up ids with one password fill the trail no faster than one in 10 s.
    assert {row["details"]["id"] for row in thefts} == issued_ids
    audited = {row["subject"].partition(" ")[2] for row in thefts}
    assert audited <= set(losers)
    if devices == 2:
        assert audited == set(losers)


def test_two_devices_in_one_window_pair_once(person, admin) -> None:
    for number in range(8):
        admin.call("window_open", account=person.name, minutes=5)
        secrets = [
            admin.call("app_password_issue", account=person.name, profile="phone")["password"]
            for _ in range(3)
        ]
        barrier = threading.Barrier(3)
        statuses: list[int] = []

        def knock(secret: str, device: str, barrier=barrier, statuses=statuses) -> None:
            barrier.wait(30)
            statuses.append(
                ask(person.site, person.name, secret, device=device, host="window.contoso.lab").status
            )

        threads = [
            threading.Thread(target=knock, args=(secret, f"WIN{number}D{n}"))
            for n, secret in enumerate(secrets)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(statuses) == [200, 403, 403]
        for device in person.devices():
            admin.call("device_remove", account=person.name, device_id=device)
