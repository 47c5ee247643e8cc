"""The contract of `AppPasswordRepository`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.identity.channels import Channel
from handfast.identity.ports import Conflict
from tests.fakes.clock import START

DAY = timedelta(days=1)


def issue(number: int = 1, **changes):
    values = {
        "label": "phone",
        "channels": frozenset({"activesync", "autodiscover"}),
        "verifier": bytes([number]) * 32,
        "verifier_key_id": "k1",
        "use_by": START + DAY,
        "expires_at": None,
        "reserved_device_id": None,
        "ntlm_allowed": True,
        "now": START,
        **changes,
    }

    def work(r):
        found = r.accounts.find_by_user("anna")
        account = (
            found[0] if found else r.accounts.add(user="anna", domain="D", upn="", display_name="", now=START)
        )
        return r.app_passwords.add(account_id=account.id, **values)

    return work


async def test_an_issued_password_is_found_by_its_verifier(records) -> None:
    issued = await records.write(issue(expires_at=START + 90 * DAY, reserved_device_id="DEV"))
    assert issued.channels == frozenset({Channel.ACTIVESYNC, Channel.AUTODISCOVER})
    assert (issued.created_at, issued.use_by, issued.reserved_device_id) == (START, START + DAY, "DEV")
    assert await records.read(lambda r: r.app_passwords.find_by_verifier(b"\x01" * 32)) == issued
    assert await records.read(lambda r: r.app_passwords.find(issued.id)) == issued
    assert list(await records.read(lambda r: r.app_passwords.list_of_account(issued.account_id))) == [issued]


async def test_unknown_ones_are_none(records) -> None:
    await records.write(issue())
    assert await records.read(lambda r: r.app_passwords.find_by_verifier(b"\x02" * 32)) is None
    assert await records.read(lambda r: r.app_passwords.find(99)) is None


async def test_a_verifier_is_taken_once(records) -> None:
    await records.write(issue())
    with pytest.raises(Conflict):
        await records.write(issue())


async def test_a_conflict_caught_within_the_work_does_not_spoil_the_rest(records) -> None:
    await records.write(issue())

    def work(r):
        with pytest.raises(Conflict):
            issue()(r)
        return issue(2)(r)

    second = await records.write(work)
    assert await records.read(lambda r: r.app_passwords.find(second.id)) == second


async def test_binding_happens_once(records) -> None:
    issued = await records.write(issue())
    later = START + timedelta(hours=1)
    assert await records.write(lambda r: r.app_passwords.bind(issued.id, "ONE", later)) is True
    assert await records.write(lambda r: r.app_passwords.bind(issued.id, "TWO", later)) is False
    assert await records.write(lambda r: r.app_passwords.bind(issued.id, "ONE", later)) is False
    bound = await records.read(lambda r: r.app_passwords.find(issued.id))
    assert (bound.bound_device_id, bound.first_used_at, bound.last_used_at) == ("ONE", later, later)


async def test_binding_nothing_is_false(records) -> None:
    assert await records.write(lambda r: r.app_passwords.bind(5, "ONE", START)) is False


async def test_touch_keeps_the_first_use(records) -> None:
    issued = await records.write(issue())
    await records.write(lambda r: r.app_passwords.touch(issued.id, START))
    await records.write(lambda r: r.app_passwords.touch(issued.id, START + DAY))
    touched = await records.read(lambda r: r.app_passwords.find(issued.id))
    assert (touched.first_used_at, touched.last_used_at) == (START, START + DAY)


async def test_revoking_happens_once(records) -> None:
    issued = await records.write(issue())
    assert await records.write(lambda r: r.app_passwords.revoke(issued.id, START)) is True
    assert await records.write(lambda r: r.app_passwords.revoke(issued.id, START + DAY)) is False
    assert (await records.read(lambda r: r.app_passwords.find(issued.id))).revoked_at == START


async def test_nt_hashes_are_those_of_live_passwords_that_allow_ntlm(records) -> None:
    live = await records.write(issue(1))
    await records.write(issue(2, ntlm_allowed=False))
    revoked = await records.write(issue(3))
    expired = await records.write(issue(4, expires_at=START))
    unused = await records.write(issue(5, use_by=START))

    def fill(r):
        for password in r.app_passwords.list_of_account(live.account_id):
            for slot in (0, 1):
                r.app_passwords.add_nt_hash(password.id, slot=slot, key_id="k1", sealed=b"%d" % slot)
        r.app_passwords.revoke(revoked.id, START)

    await records.write(fill)
    found = await records.read(lambda r: r.app_passwords.nt_hashes_of_account(live.account_id, START))
    assert list(found) == [(live.id, 0, "k1", b"0"), (live.id, 1, "k1", b"1")]
    assert expired.id
    await records.write(lambda r: r.app_passwords.bind(unused.id, "DEV", START))
    found = await records.read(lambda r: r.app_passwords.nt_hashes_of_account(live.account_id, START))
    assert {row[0] for row in found} == {live.id, unused.id}
    deviceless = await records.write(issue(6, use_by=START))
    await records.write(
        lambda r: r.app_passwords.add_nt_hash(deviceless.id, slot=0, key_id="k1", sealed=b"0")
    )
    await records.write(lambda r: r.app_passwords.touch(deviceless.id, START))
    found = await records.read(lambda r: r.app_passwords.nt_hashes_of_account(live.account_id, START))
    assert {row[0] for row in found} == {live.id, unused.id, deviceless.id}


async def test_at_most_sixteen_nt_hashes_are_candidates(records) -> None:
    for number in range(1, 10):
        issued = await records.write(issue(number))

        def fill(r, key=issued.id):
            for slot in (0, 1):
                r.app_passwords.add_nt_hash(key, slot=slot, key_id="k1", sealed=b"s")

        await records.write(fill)
    found = await records.read(lambda r: r.app_passwords.nt_hashes_of_account(issued.account_id, START))
    assert len(found) == 16
