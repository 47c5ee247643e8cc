"""Domain passwords: one attempt a call, what the domain says of it, and nobody locked by us."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from handfast.identity.directory.ports import PasswordVerdict
from handfast.identity.ports import Unavailable
from tests.integration.directory.accounts import as_account
from tests.servers.samba import NEEDS, DomainController
from tests.servers.samba_domain import PASSWORD, line, user_dn

pytestmark = NEEDS
PAST = 132223104000000000


@pytest.mark.parametrize(
    ("user", "verdict"),
    [
        ("alice", PasswordVerdict.RIGHT),
        ("jörg.o'neil", PasswordVerdict.RIGHT),
        ("山田", PasswordVerdict.RIGHT),
        ("smith(j)", PasswordVerdict.RIGHT),
        ("back", PasswordVerdict.RIGHT),
        ("other-name", PasswordVerdict.RIGHT),
        ("carol", PasswordVerdict.DISABLED),
        ("dave", PasswordVerdict.EXPIRED),
        ("frank", PasswordVerdict.MUST_CHANGE),
    ],
)
async def test_the_right_password(shared_dc, opened, user, verdict):
    directory = opened(shared_dc)
    account = as_account(await directory.find(user))
    assert await directory.check_password(account, PASSWORD) is verdict


async def test_a_wrong_password_is_one_failure_and_five_lock(fresh_dc, opened):
    directory = opened(fresh_dc)
    bob = as_account(await directory.find("bob"))
    for failures in range(1, 6):
        assert await directory.check_password(bob, "wrong") is PasswordVerdict.WRONG
        assert fresh_dc.value("bob", "badPwdCount") == str(failures)
    assert await directory.check_password(bob, PASSWORD) is PasswordVerdict.LOCKED


@pytest.mark.parametrize("secret", ["", "\0", "Passw0rd.1\0", "x" * 2000, "\ud800"])
async def test_what_can_be_no_password_is_never_sent(fresh_dc, opened, secret):
    directory = opened(fresh_dc)
    bob = as_account(await directory.find("bob"))
    assert await directory.check_password(bob, secret) is PasswordVerdict.NOT_SENT
    assert fresh_dc.value("bob", "badPwdCount") in ("", "0")


@pytest.mark.parametrize(
    "password", ["Paßwörter 1 ", "\u00aa\u2168 soft\u00adhyphen", "パスワード１２３", "e\u0301 and \u00e9"]
)
async def test_a_password_is_sent_as_it_was_typed(fresh_dc, opened, password):
    """Windows normalizes nothing (RFC 4013 would)."""
    fresh_dc.set_user("bob", unicodePwd=f'"{password}"'.encode("utf-16le"))
    directory = opened(fresh_dc)
    assert (
        await directory.check_password(as_account(await directory.find("bob")), password)
        is PasswordVerdict.RIGHT
    )


async def test_a_name_that_is_somebody_elses_by_now_signs_nobody_in(fresh_dc, opened):
    directory = opened(fresh_dc)
    bob = as_account(await directory.find("bob"))
    fresh_dc.set_user("bob", sAMAccountName="robert", userPrincipalName="")
    assert await directory.check_password(bob, PASSWORD) is PasswordVerdict.NOT_SENT
    fresh_dc.set_user("erin", sAMAccountName="bob", userPrincipalName="")
    assert await directory.check_password(bob, PASSWORD) is PasswordVerdict.NOT_SENT


@pytest.mark.parametrize(
    "name",
    [
        'Smith, "Jo" + Söhne',
        " led by a space and ended by one ",
        "#1; <2> = 3/4",
        "山田\\, 太郎",
        "\u00aa\u2168 soft\u00adhyphen e\u0301",
        "CN=alice,CN=Users",
    ],
)
async def test_wherever_the_account_is(fresh_dc, opened, name):
    """Its distinguished name is what is sent."""
    everywhere = "".join(f"\\{one:02x}" for one in name.encode())
    head = line("dn", user_dn("bob")) + "changetype: modrdn\n"
    fresh_dc.ldbmodify(head + line("newrdn", f"CN={everywhere}") + "deleteoldrdn: 1\n\n")
    directory = opened(fresh_dc)
    bob = as_account(await directory.find("bob"))
    assert await directory.check_password(bob, "wrong") is PasswordVerdict.WRONG
    assert fresh_dc.value("bob", "badPwdCount") == "1"
    assert await directory.check_password(bob, PASSWORD) is PasswordVerdict.RIGHT


@pytest.mark.parametrize("upn", ["CONTOSO\\bob", "bob", user_dn("bob")])
async def test_a_colleagues_userPrincipalName_is_no_way_in(fresh_dc, opened, upn):
    """Nor does it keep anybody out, or count for anybody else."""
    fresh_dc.set_user("alice", unicodePwd='"Alices-0wn"'.encode("utf-16le"))
    fresh_dc.force_value(user_dn("alice"), "userPrincipalName", upn)
    directory = opened(fresh_dc)
    bob = as_account(await directory.find("bob"))
    assert await directory.check_password(bob, "Alices-0wn") is PasswordVerdict.WRONG
    assert fresh_dc.value("bob", "badPwdCount") == "1"
    assert fresh_dc.value("alice", "badPwdCount") in ("", "0")
    assert await directory.check_password(bob, PASSWORD) is PasswordVerdict.RIGHT


async def test_another_domains_account_is_refused(shared_dc, opened):
    directory = opened(shared_dc)
    alice = as_account(await directory.find("alice"))
    stranger = dataclasses.replace(alice, domain="OTHER")
    assert await directory.check_password(stranger, PASSWORD) is not PasswordVerdict.RIGHT


async def test_what_may_have_been_counted_is_not_tried_at_a_second_controller(fresh_dc, opened, monkeypatch):
    """The first freezes after the connection stands and before it answers the bind."""
    with DomainController("dc2.contoso.lab", authority=fresh_dc.authority) as second:
        directory = opened(fresh_dc, second, timeout_seconds=1.0)
        bob = as_account(await directory.find("bob"))
        from handfast.directory.session import Session

        bind = Session.bind

        def freeze_and_bind(session, user, password):
            if user == user_dn("bob"):
                fresh_dc.freeze()
            return bind(session, user, password)

        monkeypatch.setattr(Session, "bind", freeze_and_bind)
        with pytest.raises(Unavailable, match="no answer within 1 s"):
            await directory.check_password(bob, "wrong")
        fresh_dc.thaw()
        assert second.value("bob", "badPwdCount") in ("", "0")


async def test_a_controller_that_is_down_is_passed_over(fresh_dc, opened):
    with DomainController("dc2.contoso.lab", authority=fresh_dc.authority) as second:
        directory = opened(fresh_dc, second)
        bob = as_account(await directory.find("bob"))
        fresh_dc.stop()
        assert await directory.check_password(bob, "wrong") is PasswordVerdict.WRONG
        assert second.value("bob", "badPwdCount") == "1"
        assert await directory.check_password(bob, PASSWORD) is PasswordVerdict.RIGHT


async def test_our_own_account_is_not_locked_by_us(fresh_dc, opened):
    """A refused password is sent once, however often and by how many at once something is to be read; a new one at once."""
    directory = opened(fresh_dc)
    file = fresh_dc.password_file()
    right = file.read_text()
    file.write_text("wrong\n")
    at_once = await asyncio.gather(*(directory.find("alice") for _ in range(16)), return_exceptions=True)
    assert {type(one) for one in at_once} == {Unavailable}
    for _ in range(8):
        with pytest.raises(Unavailable, match="the user name or password is wrong"):
            await directory.find("alice")
    assert fresh_dc.value("svc-read", "badPwdCount") == "1"
    file.write_text(right)
    assert await directory.find("alice")


async def test_a_locked_bind_account_is_named(fresh_dc, opened):
    fresh_dc.set_values(user_dn("svc-read"), userAccountControl=0x202)
    with pytest.raises(Unavailable, match=r"refuses svc-read@contoso.lab: the account is disabled"):
        await opened(fresh_dc).find("alice")
