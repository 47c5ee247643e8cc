"""A phone that waits shows one message; one that may not is told in its protocol's words."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("version", ["14.0", "14.1", "16.0", "16.1"])
def test_a_blocked_phone_is_told_status_129_and_an_old_one_403(paired, status_of, version):
    paired.on_device("device_block")
    assert status_of(paired.ask(version=version)) == 129
    assert paired.ask("OPTIONS", method="OPTIONS").status == 403
    assert paired.ask(version="12.1").status == 403
    [*_, line] = paired.site.wait_for_log_line(f"device={paired.device} ", "reason=device-blocked")
    assert "outcome=deny" in line


async def first_day(phone):
    """What a phone does once its owner has typed name and password, and what its inbox then shows."""
    assert (await phone.options()).ok
    await phone.provision()
    await phone.folder_sync()
    await phone.sync()
    return phone


def test_a_phone_that_waits_for_approval_shows_one_message_until_it_is_let_in(person, run):
    person.server.deliver(person.name, "Real mail")
    before = person.arrived()

    async def waits_then_works():
        phone = await first_day(person.phone(host="approval.contoso.lab"))
        assert list(phone.folders.values()) == ["Inbox"]
        [message] = phone.inbox_mail
        assert message.body.splitlines() == ["This phone waits.", "Please call Helen on 4711."]
        assert message.sender == "postmaster@approval.contoso.lab"
        assert (await phone.send_mail("x@contoso.lab", "s", "b")).status == 129
        assert person.arrived() == before, "the server behind knows nothing of it"
        assert person.on_device("device_show")["state"] == "pending"

        person.on_device("device_approve")
        assert (await phone.folder_sync()).status != 1, "the server does not know our keys"
        assert (await phone.provision()).status == 1
        phone.inbox_mail.clear()
        phone._sync_keys.clear()
        assert (await phone.folder_sync()).status == 1
        await phone.sync()
        assert [mail.subject for mail in phone.inbox_mail] == ["Real mail"]
        await phone.close()

    run(waits_then_works())


def test_a_quarantined_phone_starts_over_and_shows_the_message(paired, run):
    paired.ask(kind="Android")
    assert paired.on_device("device_show")["state"] == "quarantined"

    async def looks():
        phone = paired.phone()
        phone._folder_key = "some key of the real server"
        assert (await phone.folder_sync()).status == 9
        await first_day(phone)
        assert [mail.subject for mail in phone.inbox_mail] == ["Your device is waiting to be let in"]
        await phone.close()

    run(looks())


def test_an_old_phone_that_waits_is_told_by_http(paired):
    paired.ask(kind="Android")
    assert paired.ask(version="12.1").status == 403


def test_a_body_that_is_too_long_or_garbage_is_answered_too(paired, status_of):
    paired.ask(kind="Android")
    assert status_of(paired.ask("FolderSync", body=b"x" * 70_000)) == 101
    assert status_of(paired.ask("FolderSync", body=b"garbage")) == 102
