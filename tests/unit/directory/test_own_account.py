from __future__ import annotations

import pytest

from handfast.directory.own_account import REFUSED_PAUSE_SECONDS, OwnAccount, load_password
from handfast.directory.session import BindRefused
from handfast.identity.ports import Unavailable


def test_a_refused_password_rests_and_a_new_one_does_not(tmp_path):
    file = tmp_path / "password"
    file.write_text("first\n")
    account = OwnAccount("r@contoso.lab", file)
    assert account.password(0.0) == "first"
    account.was_refused("first", 100.0, "dc1 refuses r@contoso.lab: the account is locked")
    with pytest.raises(BindRefused, match=r"the account is locked .not tried again"):
        account.password(100.0 + REFUSED_PAUSE_SECONDS - 1)
    assert account.password(100.0 + REFUSED_PAUSE_SECONDS) == "first"
    file.write_text("second\n")
    assert account.password(101.0) == "second"
    assert "second" not in repr(vars(account)) + repr(account)


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
