"""What a phone says of itself when it provisions is kept, shown, exported, and watched."""

from __future__ import annotations

from dataclasses import replace

from handfast.protocols.activesync.device_information import (
    DeviceInformation,
    encode_device_information,
)
from handfast.protocols.activesync.provision_request import ProvisionRequest, encode_provision_request
from handfast.protocols.activesync.wbxml import decode
from tests.servers.processes import wait_until

SAID = DeviceInformation(
    model="iPhone 12",
    imei="356938035643809",
    friendly_name="=Helen's\tphone",
    os="iOS 17.1",
    os_language="de-DE",
    phone_number="+41 44 000 00 00",
    user_agent="Apple-iPhone12C1/2101.74",
    mobile_operator="Example",
)


def say(person, information, command="Provision", **more):
    body = (
        encode_provision_request(ProvisionRequest(device_information=information))
        if command == "Provision"
        else encode_device_information(information)
    )
    assert person.ask(command, body=body, **more).status == 200


def test_facts_are_kept_shown_and_exported(person):
    say(person, SAID)
    wait_until(lambda: person.on_device("device_show")["imei"] != "", "the facts are kept")
    shown = person.on_device("device_show")
    assert (shown["reported_model"], shown["os"], shown["os_language"]) == ("iPhone 12", "iOS 17.1", "de-DE")
    assert (shown["phone_number"], shown["mobile_operator"]) == ("+41 44 000 00 00", "Example")
    assert shown["friendly_name"].isprintable()
    exported = person.site.run("device", "export").stdout
    [line] = [line for line in exported.splitlines() if f",{person.device}," in line]
    assert "'=Helen" in line, "no formula for a spreadsheet"
    assert person.trail("identity:device:facts") == ["identity:device:facts-learned"]


def test_a_new_system_is_learned_and_another_model_is_quarantined(person):
    say(person, SAID, "Settings")
    wait_until(lambda: person.on_device("device_show")["os"] == "iOS 17.1", "the facts are kept")
    before = len(person.trail("identity:device:facts"))
    for _ in range(5):
        say(person, SAID, "Settings")
    assert len(person.trail("identity:device:facts")) == before == 1

    def is_quarantined() -> bool:
        other = DeviceInformation(model="Pixel 8", os="Android 14")
        person.ask("Settings", body=encode_device_information(other))
        return person.on_device("device_show")["state"] == "quarantined"

    wait_until(is_quarantined, "another model is noticed", 45)
    assert "iPhone 12" in person.on_device("device_show")["state_reason"]


def test_a_phone_that_has_to_say_its_system_is_let_in_once_it_has_and_not_by_saying_nothing(person):
    told = "told.contoso.lab"
    empty = encode_provision_request(ProvisionRequest())
    for passed in (1, 2):
        assert person.ask("Provision", body=empty, host=told).status == 200
        before = person.arrived()
        assert before == passed, "Provision alone passes"
        assert status_in(person.ask(host=told)) == "165", "device information required"
        assert person.arrived() == before
    said = encode_provision_request(ProvisionRequest(device_information=SAID))
    assert person.ask("Provision", body=said, host=told).status == 200
    before = person.arrived()
    wait_until(lambda: person.ask(host=told).status == 200 and person.arrived() > before, "it is let in")


def test_only_phones_with_a_listed_imei_are_let_in_once_they_have_told_it(person):
    ours = "ours.contoso.lab"
    assert status_in(person.ask(host=ours)) == "165", "device information required"
    assert person.arrived() == 0
    say(person, replace(SAID, imei="35 693803 564380 9"), host=ours)
    before = person.arrived()
    wait_until(lambda: person.ask(host=ours).status == 200 and person.arrived() > before, "it is let in")


def test_a_phone_with_another_imei_is_refused_and_explain_names_the_rule(person):
    ours = "ours.contoso.lab"
    say(person, replace(SAID, imei="490154203237518"), host=ours)
    wait_until(lambda: status_in(person.ask(host=ours)) == "129", "it is refused")
    arrived = person.arrived()
    refused = person.ask(host=ours)
    assert status_in(refused) == "129"
    told = person.call("explain", request_id=refused.request_id)
    assert told["reason"] == "device-imei-refused"
    assert [stage["rule"] for stage in told["stages"] if stage["reason"] == told["reason"]] == ["allow_imeis"]
    assert status_in(person.ask("Provision", host=ours)) == "129", "whatever it asks"
    assert person.arrived() == arrived


def test_who_approves_a_phone_sees_what_it_says_it_is(person):
    approval = "approval.contoso.lab"
    say(person, SAID, host=approval)
    wait_until(lambda: person.on_device("device_show")["imei"] != "", "the facts are kept")
    shown = person.on_device("device_show")
    assert (shown["state"], shown["reported_model"], shown["os"]) == ("pending", "iPhone 12", "iOS 17.1")
    assert shown["imei"] == "356938035643809"
    (waiting,) = person.call("device_list", account=person.name, state="pending")
    assert waiting["reported_model"] == "iPhone 12"
    assert person.trail("identity:device") == ["identity:device:pending", "identity:device:facts-learned"]
    assert person.arrived() == 0, "nothing of it goes behind before somebody says yes"
    person.on_device("device_approve")
    wait_until(lambda: person.ask(host=approval).status == 200 and person.arrived() > 0, "it is let in")


def status_in(answer) -> str:
    return decode(answer.body).text_at("Status")
