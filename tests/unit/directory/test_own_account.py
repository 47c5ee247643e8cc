from __future__ import annotations

import pytest

from handfast.directory.own_account import REFUSED_PAUSE_SECONDS, OwnAccount, load_password
from handfast.directory.session import BindRefused
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
    """Fits `RefusalRecord`, for one password."""

    def __init__(self):
        self.refused, self.is_down = set(), False

    async def holds(self, user, password, pause):
        assert pause.total_seconds() == REFUSED_PAUSE_SECONDS
        return (user, password) in self.refused

    async def keep(self, user, password, pause):
        if self.is_down:
            raise Unavailable("the disk is full")
        self.refused.add((user, password))


async def test_a_refused_password_rests_also_after_a_restart(tmp_path):
    file, record = tmp_path / "password", Record()
    file.write_text("first\n")
    await OwnAccount("r@contoso.lab", file, record).was_refused("first", 100.0, "dc1 refuses r@contoso.lab")
    started = OwnAccount("r@contoso.lab", file, record)
    with pytest.raises(BindRefused, match=r"refused before the last start .not tried again"):
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
