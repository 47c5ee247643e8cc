from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from handfast.directory.own_account import (
    LONGEST_PAUSE,
    REFUSED_PAUSE_SECONDS,
    OwnAccount,
    load_password,
    pause_after,
)
from handfast.directory.session import AccountShut, BindRefused
from handfast.identity.ports import Unavailable


async def test_a_refused_password_rests_and_a_new_one_does_not(tmp_path):
    file = tmp_path / "password"
    file.write_text("first\n")
    account = OwnAccount("r@contoso.lab", file)
    assert await account.password(0.0) == "first"
    await account.was_refused("first", 100.0, "dc1 refuses r@contoso.lab: the account is locked")
    with pytest.raises(BindRefused, match=r"the account is locked .not tried again"):
        await account.password(100.0 + REFUSED_PAUSE_SECONDS - 1)
    assert await account.password(100.0 + REFUSED_PAUSE_SECONDS) == "first"
    file.write_text("second\n")
    assert await account.password(101.0) == "second"
    assert "second" not in repr(vars(account)) + repr(account)


class Record:
    """Fits `RefusalRecord`; `ago` is how long ago each was."""

    def __init__(self):
        self.refused, self.ago, self.is_down = {}, timedelta(0), False

    async def find(self, user, password):
        times = self.refused.get((user, password))
        return None if times is None else (times, self.ago)

    async def keep(self, user, password, times, lasts):
        if self.is_down:
            raise Unavailable("the disk is full")
        assert lasts > pause_after(times)
        self.refused[user, password] = times

    async def forget(self, user, password):
        del self.refused[user, password]


class Domain:
    """Counts as a domain does: wrong passwords are forgotten half an hour after the last. Takes a while to answer."""

    def __init__(self, right="right"):
        self.right, self.sent, self.count, self.last = right, [], 0, -3600.0

    async def sign_in(self, password):
        self.sent.append(password)
        await asyncio.sleep(0.01)
        if password != self.right:
            raise BindRefused("dc1 refuses r@contoso.lab: the user name or password is wrong")

    def was_tried(self, now):
        self.count = self.count + 1 if now - self.last < 1800 else 1
        self.last = now


def written(tmp_path, password="wrong"):
    file = tmp_path / "password"
    file.write_text(f"{password}\n")
    return file


@pytest.mark.parametrize("starts_anew", [False, True])
async def test_a_stale_password_never_locks_the_account_however_long_it_is_tried(tmp_path, starts_anew):
    file, record, domain = written(tmp_path), Record(), Domain()
    account, tried = OwnAccount("r@contoso.lab", file, record), []
    for now in range(0, 5 * 24 * 3600, 60):
        if starts_anew:
            account, record.ago = (
                OwnAccount("r@contoso.lab", file, record),
                timedelta(seconds=now - domain.last),
            )
        try:
            password = await account.password(now)
        except BindRefused:
            continue
        domain.was_tried(now)
        assert domain.count <= 3
        tried.append(now // 60)
        await account.was_refused(password, now, "wrong")
    assert tried[:5] == [0, 10, 30, 70, 150]
    assert tried[-1] - tried[-2] == LONGEST_PAUSE // timedelta(minutes=1)


async def test_a_password_nobody_knows_to_be_right_is_sent_by_one_at_a_time(tmp_path):
    file, domain = written(tmp_path), Domain()
    account = OwnAccount("r@contoso.lab", file)
    said = await asyncio.gather(
        *(account.sign_in(domain.sign_in, 5) for _ in range(16)), return_exceptions=True
    )
    assert domain.sent == ["wrong"]
    assert {type(one) for one in said} == {BindRefused}
    written(tmp_path, "right")
    await asyncio.gather(*(account.sign_in(domain.sign_in, 5) for _ in range(16)))
    assert domain.sent == ["wrong"] + ["right"] * 16


async def test_one_that_is_known_to_be_right_is_sent_by_all_at_once_until_it_is_refused(tmp_path):
    account, domain = OwnAccount("r@contoso.lab", written(tmp_path, "right")), Domain()
    await account.sign_in(domain.sign_in, 5)
    both = asyncio.gather(*(account.sign_in(domain.sign_in, 5) for _ in range(2)), return_exceptions=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(domain.sent) == 3
    domain.right = "changed"
    assert {type(one) for one in await both} == {BindRefused}
    with pytest.raises(BindRefused, match="in 10 min"):  # the two refusals are one occasion
        await account.sign_in(domain.sign_in, 5)
    assert len(domain.sent) == 3


async def test_who_waits_for_an_answer_to_anothers_sign_in_does_not_wait_for_ever(tmp_path):
    account, domain = OwnAccount("r@contoso.lab", written(tmp_path, "right")), Domain()

    async def hang(password):
        await asyncio.sleep(60)

    hanging = asyncio.get_running_loop().create_task(account.sign_in(hang, 5))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="still being asked"):
        await account.sign_in(domain.sign_in, 0.01)
    assert domain.sent == []
    hanging.cancel()
    await asyncio.wait([hanging])
    await account.sign_in(domain.sign_in, 5)
    assert domain.sent == ["right"]


async def test_a_password_that_is_right_again_begins_with_the_short_pause(tmp_path):
    record = Record()
    account = OwnAccount("r@contoso.lab", written(tmp_path), record)
    for now in (-9000.0, -6000.0):
        await account.was_refused("wrong", now, "the account is locked")
    assert set(record.refused.values()) == {2}
    await account.was_accepted("wrong")
    assert record.refused == {}
    await account.was_refused("wrong", 0.0, "the account is locked")
    with pytest.raises(BindRefused, match="in 10 min"):
        await account.password(0.0)


def test_no_pause_is_too_long():
    assert pause_after(1) == timedelta(seconds=REFUSED_PAUSE_SECONDS)
    assert pause_after(10**9) == LONGEST_PAUSE


async def test_a_refused_password_rests_also_after_a_restart(tmp_path):
    file, record = tmp_path / "password", Record()
    file.write_text("first\n")
    await OwnAccount("r@contoso.lab", file, record).was_refused("first", 100.0, "dc1 refuses r@contoso.lab")
    started = OwnAccount("r@contoso.lab", file, record)
    with pytest.raises(BindRefused, match=r"refused lately .not tried again"):
        await started.password(0.0)
    file.write_text("second\n")
    assert await started.password(0.0) == "second"


async def test_a_refusal_that_can_not_be_written_down_is_remembered_meanwhile(tmp_path):
    file, record = tmp_path / "password", Record()
    file.write_text("first\n")
    record.is_down = True
    account = OwnAccount("r@contoso.lab", file, record)
    await account.was_refused("first", 100.0, "dc1 refuses r@contoso.lab")
    with pytest.raises(BindRefused, match="dc1 refuses"):
        await account.password(101.0)


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"\xff\n", b"x" * 5000])
def test_a_file_that_holds_no_password(tmp_path, content):
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(Unavailable, match="bind_password_file"):
        load_password(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(Unavailable, match="No such file"):
        load_password(tmp_path / "none")


@pytest.mark.parametrize("content", [b"pass", b"pass\n", b"pass\r\n"])
def test_one_line_end_is_no_part_of_it(tmp_path, content):
    file = tmp_path / "password"
    file.write_bytes(content)
    assert load_password(file) == "pass"


def test_spaces_are_part_of_it(tmp_path):
    file = tmp_path / "password"
    file.write_text(" pass word \n")
    assert load_password(file) == " pass word "


async def test_an_account_that_is_shut_does_not_make_its_password_rest(tmp_path):
    record, said = Record(), ["locked", "locked", ""]
    account = OwnAccount("r@contoso.lab", written(tmp_path, "right"), record)

    async def send(password):
        if answer := said.pop(0):
            raise AccountShut(answer)

    for _ in range(2):
        with pytest.raises(AccountShut, match="locked"):
            await account.sign_in(send, 5)
    assert record.refused == {}
    await account.sign_in(send, 5)


async def test_whoever_insists_sends_a_resting_password_once_more_and_once_only(tmp_path):
    record, domain = Record(), Domain()
    file = written(tmp_path)
    await OwnAccount("r@contoso.lab", file, record).was_refused("wrong", time.monotonic(), "dc1 refuses r")
    account = OwnAccount("r@contoso.lab", file, record, insists=True)
    for _ in range(2):
        with pytest.raises(BindRefused):
            await account.sign_in(domain.sign_in, 5)
    assert domain.sent == ["wrong"]


async def test_what_another_process_signed_in_with_rests_nowhere(tmp_path):
    record, domain = Record(), Domain()
    file = written(tmp_path)
    service = OwnAccount("r@contoso.lab", file, record)
    with pytest.raises(BindRefused):
        await service.sign_in(domain.sign_in, 5)
    domain.right = "wrong"
    with pytest.raises(BindRefused, match="not tried again"):
        await service.sign_in(domain.sign_in, 5)
    await OwnAccount("r@contoso.lab", file, record, insists=True).sign_in(domain.sign_in, 5)
    await service.sign_in(domain.sign_in, 5)
    assert domain.sent == ["wrong"] * 3
