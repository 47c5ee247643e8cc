"""Remote wipe through the door: ordered, told, acknowledged, recorded; the server behind never sees the device again."""

from __future__ import annotations

import pytest

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.provision_answer import ProvisionAnswer, parse_provision_answer
from handfast.protocols.activesync.remote_wipe import WipeKind
from handfast.protocols.activesync.wbxml import encode
from tests.door import Answer, connection, dial, send
from tests.servers.processes import wait_until

DONE = ["identity:wipe:requested", "identity:wipe:sent", "identity:wipe:acknowledged"]


def provisioned(answer: Answer) -> ProvisionAnswer:
    assert answer.status == 200, answer
    return parse_provision_answer(answer.body)


@pytest.mark.parametrize("version", ["14.0", "14.1", "16.1"])
def test_a_new_phone_is_told_by_status_140_and_erases_itself(paired, status_of, version):
    before = paired.arrived()
    assert paired.on_device("device_wipe")["state"] == "wiping"
    assert paired.ask("OPTIONS", version, method="OPTIONS").status == 200
    for command in ("FolderSync", "Ping", "SendMail"):
        assert status_of(paired.ask(command, version), command) == 140
    told = provisioned(paired.provision(version=version))
    assert (told.status, told.wipe, told.policy) == (1, WipeKind.FULL, None)
    assert paired.on_device("device_show")["wipe_sent_at"]
    thanked = provisioned(paired.provision(WipeKind.FULL, version=version))
    assert (thanked.status, thanked.wipe) == (1, None)
    shown = paired.on_device("device_show")
    assert (shown["state"], shown["wipe_status"]) == ("wiped", 1)
    assert shown["wipe_acknowledged_at"]
    assert paired.trail("identity:wipe") == DONE
    for command in ("FolderSync", "Provision"):
        assert status_of(paired.ask(command, version), command) == 129
    assert paired.arrived() == before


@pytest.mark.parametrize("version", ["2.5", "12.0", "12.1"])
def test_an_old_phone_is_told_by_449(paired, version):
    before = paired.arrived()
    paired.on_device("device_wipe")
    assert paired.ask("FolderSync", version).status == 449
    assert provisioned(paired.provision(version=version)).wipe is WipeKind.FULL
    assert provisioned(paired.provision(WipeKind.FULL, version=version)).wipe is None
    assert paired.ask("FolderSync", version).status == 403
    assert paired.trail("identity:wipe") == DONE
    assert paired.arrived() == before


def test_what_is_in_flight_is_cut_by_the_order(paired):
    folder = Element("Ping", "Folder", (leaf("Ping", "Id", "1"), leaf("Ping", "Class", "Email")))
    ping = encode(
        Element(
            "Ping", "Ping", (leaf("Ping", "HeartbeatInterval", 600), Element("Ping", "Folders", (folder,)))
        )
    )
    hanging = paired.server.hanging
    with dial(paired.site) as door:
        from tests.door import PATH, basic, query

        head = (
            f"POST {PATH}?{query(paired.device, 'Ping')} HTTP/1.1\r\nHost: mail.contoso.lab\r\n"
            f"Authorization: {basic(paired.name, paired.password)}\r\nMS-ASProtocolVersion: 14.1\r\n"
            f"User-Agent: Apple-iPhone12C1/1801.373\r\nContent-Length: {len(ping)}\r\n\r\n"
        )
        door.sendall(head.encode() + ping)
        wait_until(lambda: paired.server.hanging > hanging, "the Ping hangs")
        paired.on_device("device_wipe")
        # The Ping would hang for ten minutes; whoever reads here waits for twenty seconds.
        assert door.recv(65536).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("state", ["disabled", "revoked"])
def test_a_phone_whose_account_or_password_is_dead_is_wiped_all_the_same(paired, status_of, state):
    paired.on_device("device_wipe")
    if state == "disabled":
        paired.call("account_disable", account=paired.name)
    else:
        [password] = paired.call("app_password_list", account=paired.name)
        paired.call("app_password_revoke", account=paired.name, id=password["id"])
    assert status_of(paired.ask()) == 140
    other = paired.ask(device="STRANGER")
    assert (other.status in (401, 403)) or status_of(other) in (129, 131)
    assert provisioned(paired.provision()).wipe is WipeKind.FULL
    assert provisioned(paired.provision(WipeKind.FULL)).status == 1
    assert paired.on_device("device_show")["state"] == "wiped"
    assert paired.trail("identity:wipe") == DONE
    dead = paired.ask()
    assert dead.status == 401 if state == "revoked" else status_of(dead) == 131


def test_a_dead_password_opens_nothing_else(paired, status_of):
    [password] = paired.call("app_password_list", account=paired.name)
    paired.call("app_password_revoke", account=paired.name, id=password["id"])
    assert paired.ask().status == 401
    paired.on_device("device_wipe")
    assert status_of(paired.ask()) == 140
    paired.on_device("device_wipe_cancel")
    assert paired.ask().status == 401


def test_account_only_is_for_16_1(paired, status_of):
    before = paired.arrived()
    paired.on_device("device_wipe", account_only=True)
    assert status_of(paired.ask(version="14.1")) == 129
    assert status_of(paired.provision(version="16.0"), "Provision") == 129
    assert status_of(paired.ask(version="16.1")) == 140
    assert provisioned(paired.provision(version="16.1")).wipe is WipeKind.ACCOUNT_ONLY
    assert provisioned(paired.provision(WipeKind.ACCOUNT_ONLY, version="16.1")).wipe is None
    shown = paired.on_device("device_show")
    assert (shown["state"], shown["wipe_kind"]) == ("wiped", "account-only")
    assert paired.arrived() == before


def test_a_failure_is_recorded_and_told_again(paired):
    paired.on_device("device_wipe")
    provisioned(paired.provision())
    again = provisioned(paired.provision(WipeKind.FULL, status=2))
    assert (again.status, again.wipe) == (2, WipeKind.FULL)
    assert paired.on_device("device_show")["wipe_status"] == 2
    assert provisioned(paired.provision(WipeKind.FULL)).wipe is None
    assert paired.trail("identity:wipe") == [*DONE[:2], "identity:wipe:failed", DONE[2]]


def test_who_was_never_told_cannot_acknowledge(paired, status_of):
    paired.on_device("device_wipe")
    hasty = paired.provision(WipeKind.FULL)
    assert hasty.status == 403 or status_of(hasty, "Provision") == 129
    assert paired.on_device("device_show")["state"] == "wiping"


def test_a_wiped_phone_pairs_anew_only_after_it_was_removed(paired, status_of):
    paired.on_device("device_wipe")
    provisioned(paired.provision())
    provisioned(paired.provision(WipeKind.FULL))
    paired.password = str(paired.call("app_password_issue", account=paired.name)["password"])
    assert status_of(paired.ask()) == 129
    paired.on_device("device_remove")
    paired.password = str(paired.call("app_password_issue", account=paired.name)["password"])
    assert paired.ask().status == 200
    assert paired.on_device("device_show")["state"] == "allowed"


def test_the_command_line_orders_and_takes_back(paired):
    site, name, device = paired.site, paired.name, paired.device
    assert site.run("device", "wipe", name, device, stdin="n\n").returncode != 0
    assert paired.ask().status == 200
    assert paired.arrived()
    assert site.cli("device", "wipe", name, device, "--yes")["state"] == "wiping"
    cancelled = site.cli("device", "wipe", name, device, "--cancel")
    assert (cancelled["state"], cancelled["state_reason"]) == ("blocked", "wipe cancelled")
    site.cli("device", "unblock", name, device)
    with connection(site) as client:
        assert send(client, name, paired.password, device=device, version="14.1").status == 200
    explained = site.cli("audit", "show", "--event", "identity:wipe:requested", "--limit", "1000")
    mine = [row for row in explained if row["subject"].endswith(f" {device}")]
    assert mine[0]["actor"].startswith("uid:")


def test_each_refusal_of_a_wipe_explains_itself(paired):
    paired.on_device("device_wipe")
    answer = paired.ask()
    assert paired.call("explain", request_id=answer.request_id)["reason"] == "device-wipe-pending"
