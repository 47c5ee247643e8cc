"""What a device says of itself: rules on it, and what contradicts its record."""

from __future__ import annotations

import base64
import sqlite3
import time
from datetime import UTC, datetime, timedelta

import pytest

PATH = "/Microsoft-Server-ActiveSync"


def packed(device: bytes = b"DEV1", *, more: bytes = b"") -> str:
    """The Base64 query of FolderSync, protocol version 14.1."""
    data = bytes((141, 9)) + b"\x09\x04" + bytes((len(device),)) + device + b"\0" + b"\x06iPhone" + more
    return base64.b64encode(data).decode()


PLAIN = "Cmd=FolderSync&User=x&DeviceId=DEV1&DeviceType=iPhone"
HIDDEN = {
    "twice": PLAIN + "&DeviceId=DEV2",
    "twice, first": "DeviceId=DEV2&" + PLAIN,
    "the same twice": PLAIN + "&DeviceId=DEV1",
    "another case": PLAIN + "&deviceid=DEV2",
    "an escaped letter in the name": PLAIN + "&Device%49d=DEV2",
    "an escaped separator in the name": PLAIN + "&%44evice%69%64=DEV2",
    "a space after the name": PLAIN + "&DeviceId%20=DEV2",
    "a NUL after the name": PLAIN + "&DeviceId%00=DEV2",
    "a plus in the name": PLAIN + "&+DeviceId=DEV2",
    "an array": PLAIN + "&DeviceId[]=DEV2",
    "a semicolon": PLAIN + ";DeviceId=DEV2",
    "a semicolon in a value": "Cmd=FolderSync&User=x;DeviceId=DEV2&DeviceId=DEV1&DeviceType=iPhone",
    "a separator escaped twice": PLAIN + "%2526DeviceId%253DDEV2",
    "an escaped separator in the id": "Cmd=FolderSync&User=x&DeviceId=DEV1%26DeviceId%3DDEV2&DeviceType=iPhone",
    "escaped twice": "Cmd=FolderSync&User=x&DeviceId=%2544EV2&DeviceType=iPhone",
    "IIS's %u": PLAIN + "&Device%u0049d=DEV2",
    "a comma list": "Cmd=FolderSync&User=x&DeviceId=DEV1,DEV2&DeviceType=iPhone",
    "Base64, then plain": packed() + "&DeviceId=DEV2",
    "plain, then Base64": PLAIN + "&" + packed(b"DEV2"),
    "Base64 as a name": packed() + "=&DeviceId=DEV2",
    "Base64 with a question mark": packed() + "?DeviceId=DEV2",
    "Base64 twice": packed() + "," + packed(b"DEV2"),
    "Base64 with an unknown tag": packed(more=b"\x0b\x04DEV2"),
    "Base64 with a newline": packed()[:8] + "%0A" + packed()[8:],
    "Base64 and a fragment of bytes": packed(more=b"\x01"),
    "a full-width letter": PLAIN + "&%EF%BC%A4eviceId=DEV2",
    "overlong UTF-8": PLAIN + "&%C1%84eviceId=DEV2",
    "a second question mark": PLAIN + "?DeviceId=DEV2",
    "an id with an escape left": "Cmd=FolderSync&User=x&DeviceId=DEV%31%&DeviceType=iPhone",
    "no value after a name": PLAIN + "&DeviceId",
}


@pytest.fixture(scope="module")
def reader(site, names):
    """(login, a password bound to DEV1)."""
    from tests.integration.partnership.conftest import Person

    person = Person(site, next(names))
    password = person.password()
    assert person.ask(password, "DEV1").status == 200
    return person, password


def test_the_base64_query_is_the_same_device(reader, server) -> None:
    person, password = reader
    assert person.ask(password, target=f"{PATH}?{packed()}").status == 200
    refused = person.ask(password, target=f"{PATH}?{packed(b'DEV2')}")
    assert person.reason(refused) == "app-password-other-device"
    assert server.requests(device_id="DEV2") == []


@pytest.mark.parametrize("form", HIDDEN)
def test_a_query_that_hides_a_second_device_id_reaches_nobody(form, reader, server) -> None:
    person, password = reader
    before = len(server.requests())
    answer = person.ask(password, target=f"{PATH}?{HIDDEN[form]}")
    assert answer.status == 400
    assert len(server.requests()) == before
    assert person.ask(password, "DEV1").status == 200


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"kind": "Windows"}, "device-type-refused"),
        ({"kind": "SAMSUNGOLD"}, "device-type-refused"),
        ({"kind": "SamsungNew", "agent": "evil client/1"}, "user-agent-refused"),
        ({"version": "2.5"}, "protocol-version-refused"),
        ({}, ""),
        ({"kind": "SamsungNew"}, ""),
    ],
)
def test_rules_on_type_user_agent_and_protocol_version(person, more, reason) -> None:
    answer = person.ask(person.password(), "R1", mode="rules", **more)
    if reason:
        assert answer.status == 403
        assert person.reason(answer) == reason
        assert person.devices() == {}
    else:
        assert answer.status == 200
        assert person.devices() == {"R1": "allowed"}


def test_a_rule_hits_a_paired_device_too(person) -> None:
    password = person.password()
    assert person.ask(password, "R2", mode="rules").status == 200
    refused = person.ask(password, "R2", mode="rules", agent="EvilBot")
    assert refused.status == 403
    assert person.reason(refused) == "user-agent-refused"
    assert person.ask(password, "R2", mode="rules").status == 200


def test_a_changed_type_quarantines_until_somebody_approves(person) -> None:
    password = person.password()
    assert person.ask(password, "Q1", kind="iPhone").status == 200
    changed = person.ask(password, "Q1", kind="Android")
    assert changed.status == 403
    assert person.reason(changed) == "device-quarantined"
    assert person.ask(password, "Q1", kind="iPhone").status == 403
    shown = person.site.cli("device", "show", person.name, "Q1")
    assert shown["state"] == "quarantined"
    assert "iPhone" in shown["state_reason"]
    assert "Android" in shown["state_reason"]
    person.site.cli("device", "approve", person.name, "Q1")
    assert person.ask(password, "Q1", kind="iPhone").status == 200


def test_a_changed_model_quarantines(person) -> None:
    password = person.password()
    assert person.ask(password, "Q2", agent="Apple-iPhone12C1/1801.373").status == 200
    assert person.reason(person.ask(password, "Q2", agent="Apple-iPhone9C3/1801.373")) == "device-quarantined"


def test_a_rising_system_version_does_not(person) -> None:
    password = person.password()
    for agent in ("Apple-iPhone12C1/1801.373", "Apple-iPhone12C1/1802.7", "Apple-iPhone12C1/2001.1"):
        assert person.ask(password, "V1", agent=agent).status == 200
    assert person.devices() == {"V1": "allowed"}


def test_one_id_on_two_networks_at_once_quarantines(person) -> None:
    password = person.password()
    assert person.ask(password, "N1", source="192.0.2.10").status == 200
    assert person.ask(password, "N1", source="198.51.100.10").status == 200
    again = person.ask(password, "N1", source="192.0.2.10")
    assert again.status == 403
    assert person.reason(again) == "device-quarantined"
    assert person.ask(password, "N1", source="198.51.100.10").status == 403
    shown = person.site.cli("device", "show", person.name, "N1")
    assert "two networks" in shown["state_reason"]


def test_a_phone_that_moves_on_does_not(person) -> None:
    password = person.password()
    for source in ("192.0.2.10", "192.0.2.99", "198.51.100.10", "203.0.113.1", "2001:db8::1", "203.0.113.2"):
        assert person.ask(password, "N2", source=source).status == 200
    assert person.devices() == {"N2": "allowed"}


@pytest.mark.parametrize("column", ["use_by", "expires_at"])
def test_an_expired_password_opens_nothing(person, column) -> None:
    password = person.password()
    past = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1_000_000)
    with sqlite3.connect(person.site.folder / "handfast.db", timeout=10) as database:
        changed = database.execute(
            f"UPDATE app_passwords SET created_at = ? - 1000000, {column} = ? WHERE account_id ="
            " (SELECT id FROM accounts WHERE user_name = ?)",
            (past, past, person.name),
        )
        assert changed.rowcount == 1
    database.close()
    refused = person.ask(password, "E1")
    assert refused.status == 401
    assert person.reason(refused) == "app-password-expired"
    assert person.devices() == {}


def test_a_revoked_password_opens_nothing_from_the_next_request_on(person) -> None:
    password = person.password()
    assert person.ask(password, "G1").status == 200
    [row] = person.site.cli("app-password", "list", person.name)
    person.site.cli("app-password", "revoke", person.name, str(row["id"]))
    started = time.monotonic()
    refused = person.ask(password, "G1")
    assert refused.status == 401
    assert time.monotonic() - started < 5
    assert person.reason(refused) == "app-password-revoked"
