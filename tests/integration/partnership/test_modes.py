"""How devices pair in each mode, and what bounds them; every answer by a running gateway, every step by its command line."""

from __future__ import annotations

from dataclasses import replace

from tests.door import ask


def test_first_use_pairs_one_device_and_refuses_the_next_with_that_password(person, server) -> None:
    password = person.password()
    assert person.ask(password, "FIRST1").status == 200
    refused = person.ask(password, "SECOND1")
    assert refused.status == 403
    assert person.reason(refused) == "app-password-other-device"
    assert person.devices() == {"FIRST1": "allowed"}
    assert [row["subject"] for row in person.audited("identity:device:paired")] == [
        f"{person.principal} FIRST1"
    ]
    theft = person.audited("identity:app_password:possible-theft")
    assert theft
    assert "SECOND1" in str(theft[0])
    assert server.requests(device_id="SECOND1") == []


def test_window_lets_one_device_in_while_it_is_open(person) -> None:
    early = person.ask(person.password(), "W1", mode="window")
    assert early.status == 403
    assert person.reason(early) == "window-closed"
    person.site.cli("window", "open", person.name, "--minutes", "5")
    password = person.password()
    assert person.ask(password, "W1", mode="window").status == 200
    second = person.ask(person.password(), "W2", mode="window")
    assert second.status == 403
    assert person.reason(second) == "window-closed"
    assert person.ask(password, "W1", mode="window").status == 200
    assert person.devices() == {"W1": "allowed"}


def test_approval_waits_for_a_yes_and_is_bounded(person, server) -> None:
    passwords = [person.password() for _ in range(3)]
    pending = person.ask(passwords[0], "A1", mode="approval")
    assert pending.status == 403
    assert person.reason(pending) == "device-pending"
    assert person.ask(passwords[1], "A2", mode="approval").status == 403
    third = person.ask(passwords[2], "A3", mode="approval")
    assert person.reason(third) == "device-pending-limit"
    listed = person.site.cli("device", "list", person.name, "--state", "pending")
    assert sorted(row["device_id"] for row in listed) == ["A1", "A2"]
    assert server.requests(device_id="A1") == []
    person.site.cli("device", "approve", person.name, "A1")
    assert person.ask(passwords[0], "A1", mode="approval").status == 200
    assert person.ask(passwords[2], "A3", mode="approval").status == 403
    assert person.devices() == {"A1": "allowed", "A2": "pending", "A3": "pending"}


def test_a_pending_device_that_is_blocked_stays_out(person) -> None:
    password = person.password()
    assert person.ask(password, "NO1", mode="approval").status == 403
    person.site.cli("device", "block", person.name, "NO1")
    refused = person.ask(password, "NO1", mode="approval")
    assert person.reason(refused) == "device-blocked"


def test_listed_takes_imported_devices_only(person) -> None:
    password = person.password()
    unknown = person.ask(password, "L1", mode="listed")
    assert unknown.status == 403
    assert person.reason(unknown) == "device-unknown"
    rows = f"account,device_id\n{person.principal},L1\n"
    assert person.site.cli("device", "import", "-", stdin=rows)["imported"] == 1
    assert person.ask(password, "L1", mode="listed").status == 200
    assert person.ask(person.password(), "L2", mode="listed").status == 403


def test_inside_enrols_indoors_and_then_works_outside(person) -> None:
    password = person.password()
    outside = person.ask(password, "I1", mode="inside")
    assert outside.status == 403
    assert person.reason(outside) == "device-unknown"
    settings = person.site.settings.read_text()
    port = int(settings.partition('name = "indoors"\naddress = "127.0.0.1:')[2].partition('"')[0])
    indoors = replace(person.site, port=port)
    host = "inside.contoso.lab"
    assert ask(indoors, person.name, password, device="I1", host=host).status == 200
    assert person.ask(password, "I1", mode="inside").status == 200
    assert person.ask(person.password(), "I2", mode="inside").status == 403


def test_an_account_has_as_many_devices_as_its_policy_says(person) -> None:
    for device in ("D1", "D2"):
        assert person.ask(person.password(), device, mode="limited").status == 200
    third = person.password()
    refused = person.ask(third, "D3", mode="limited")
    assert refused.status == 403
    assert person.reason(refused) == "device-limit"
    person.site.cli("device", "remove", person.name, "D1")
    assert person.ask(third, "D3", mode="limited").status == 200
    assert person.devices() == {"D2": "allowed", "D3": "allowed"}


def test_a_blocked_phone_leaves_room_for_the_new_one(person) -> None:
    for device in ("B1", "B2"):
        assert person.ask(person.password(), device, mode="limited").status == 200
    person.site.cli("device", "block", person.name, "B1", "--reason", "lost")
    assert person.ask(person.password(), "B3", mode="limited").status == 200


def test_a_password_for_a_named_device_opens_for_no_other(person) -> None:
    password = person.password("--device", "mine9")
    refused = person.ask(password, "OTHER9")
    assert refused.status == 403
    assert person.reason(refused) == "app-password-other-device"
    assert person.ask(password, "MINE9").status == 200
    assert person.devices() == {"MINE9": "allowed"}


def test_a_bare_options_binds_nothing(person) -> None:
    password = person.password()
    answer = person.ask(password, target="/Microsoft-Server-ActiveSync", method="OPTIONS")
    assert answer.status == 200
    assert "ms-asprotocolversions" in answer.headers
    asked = person.ask(password, target="/Microsoft-Server-ActiveSync?Cmd=OPTIONS", method="POST")
    assert asked.status == 200
    assert person.devices() == {}
    [row] = person.site.cli("app-password", "list", person.name)
    assert row["bound_device_id"] is None
    assert person.ask(password, "LATER1").status == 200


def test_any_other_command_without_an_id_is_400(person, server) -> None:
    password = person.password()
    before = len(server.requests())
    for command in ("FolderSync", "Sync", "Ping", "Provision"):
        answer = person.ask(
            password, target=f"/Microsoft-Server-ActiveSync?Cmd={command}&User=x&DeviceType=iPhone"
        )
        assert answer.status == 400
    default = person.ask(password, target="/Microsoft-Server-ActiveSync/default.eas?Cmd=Sync&User=x")
    assert default.status == 400
    assert len(server.requests()) == before
    assert person.devices() == {}


def test_a_profile_opens_its_own_channels_only(person) -> None:
    refused = person.ask(person.password("--profile", "outlook"), "PROFILE1")
    assert refused.status == 403
    assert person.reason(refused) == "profile-refused"
    assert person.devices() == {}
    assert person.ask(person.password("--channel", "activesync"), "PROFILE1").status == 200
