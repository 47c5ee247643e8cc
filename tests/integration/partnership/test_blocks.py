"""A block is now: the next request, and what hangs; for one account or for all that share the phone."""

from __future__ import annotations

import asyncio
import time

import pytest

from handfast.lab.phone import SimulatedPhone
from tests.door import connection, send
from tests.installation import HOST
from tests.servers.processes import wait_until


def test_block_unblock_and_remove_act_on_the_next_request(person) -> None:
    password = person.password()
    with connection(person.site) as client:
        assert send(client, person.name, password, device="X1").status == 200
        person.site.cli("device", "block", person.name, "X1", "--reason", "left in a taxi")
        refused = send(client, person.name, password, device="X1")
        assert refused.status == 403
        assert person.reason(refused) == "device-blocked"
        shown = person.site.cli("device", "show", person.name, "X1")
        assert (shown["state"], shown["state_reason"]) == ("blocked", "left in a taxi")
        person.site.cli("device", "unblock", person.name, "X1")
        assert send(client, person.name, password, device="X1").status == 200
        person.site.cli("device", "remove", person.name, "X1")
        gone = send(client, person.name, password, device="X1")
        assert gone.status == 403
        assert person.reason(gone) == "device-unknown"
    assert person.devices() == {}
    assert person.ask(person.password(), "X1").status == 200


def test_a_device_that_is_not_blocked_can_t_be_unblocked(person) -> None:
    assert person.ask(person.password(), "X2").status == 200
    refused = person.site.run("device", "unblock", person.name, "X2")
    assert refused.returncode == 1
    assert "not blocked" in refused.stderr


@pytest.mark.parametrize(
    "take_away",
    [
        ("device", "block", "{name}", "HANG1"),
        ("device", "remove", "{name}", "HANG1"),
        ("account", "disable", "{name}"),
        ("app-password", "revoke", "{name}", "{id}"),
    ],
    ids=["block", "remove", "disable", "revoke"],
)
@pytest.mark.alone
async def test_a_hanging_ping_is_cut(person, server, take_away) -> None:
    site = person.site
    password = await asyncio.to_thread(person.password)
    phone = SimulatedPhone(site.url, site.ca_file, HOST, person.name, password, "HANG1")
    assert (await phone.folder_sync()).ok
    ping = asyncio.get_running_loop().create_task(phone.ping(600))
    await asyncio.to_thread(wait_until, lambda: server.hanging == 1, "the Ping hangs")
    [row] = await asyncio.to_thread(site.cli, "app-password", "list", person.name)
    words = [word.format(name=person.name, id=row["id"]) for word in take_away]
    done = await asyncio.to_thread(site.run, *words)
    returned = time.monotonic()
    assert done.returncode == 0
    try:
        answer = await asyncio.wait_for(ping, 20)
        assert not answer.ok
    except ConnectionError:
        pass
    assert time.monotonic() - returned < 1.0, "cut within a second after the command was done"
    await asyncio.to_thread(wait_until, lambda: server.hanging == 0, "the back end's request ended as well")
    await phone.close()


def test_a_second_account_on_the_phone_disturbs_nobody(person, other) -> None:
    mine, theirs = person.password(), other.password()
    assert person.ask(mine, "SHARED1").status == 200
    assert other.ask(theirs, "SHARED1").status == 200
    assert person.ask(mine, "SHARED1").status == 200
    assert person.devices() == other.devices() == {"SHARED1": "allowed"}
    assert person.audited("identity:device:quarantined") == []


def test_another_account_s_password_is_nothing_here(person, other) -> None:
    theirs = other.password()
    assert person.ask(theirs, "MIXED1").status == 401
    assert person.devices() == {}
    assert other.ask(theirs, "MIXED1").status == 200


def test_a_block_hits_the_partnership_and_all_accounts_hits_both(person, other) -> None:
    mine, theirs = person.password(), other.password()
    assert person.ask(mine, "SHARED2").status == 200
    assert other.ask(theirs, "SHARED2").status == 200
    person.site.cli("device", "block", person.name, "SHARED2")
    assert person.ask(mine, "SHARED2").status == 403
    assert other.ask(theirs, "SHARED2").status == 200
    person.site.cli("device", "unblock", person.name, "SHARED2")
    assert person.ask(mine, "SHARED2").status == 200
    person.site.cli("device", "block", person.name, "SHARED2", "--all-accounts", "--reason", "stolen")
    assert person.reason(person.ask(mine, "SHARED2")) == "device-blocked"
    assert other.reason(other.ask(theirs, "SHARED2")) == "device-blocked"
    assert person.devices() == other.devices() == {"SHARED2": "blocked"}
    assert other.ask(other.password(), "OWN2").status == 200, "the account stays usable"


def test_a_disabled_account_is_out_until_enabled(person) -> None:
    password = person.password()
    assert person.ask(password, "DIS1").status == 200
    person.site.cli("account", "disable", person.name)
    assert person.reason(person.ask(password, "DIS1")) == "account-disabled"
    person.site.cli("account", "enable", person.name)
    assert person.ask(password, "DIS1").status == 200


def test_a_removed_account_is_unknown(person) -> None:
    password = person.password()
    assert person.ask(password, "REM1").status == 200
    person.site.cli("account", "remove", person.name)
    assert person.ask(password, "REM1").status == 401
    assert person.site.run("account", "show", person.name).returncode == 4
