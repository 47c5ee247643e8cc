"""Whose password a controller checks. (What it says of right and wrong ones is tried on a real controller.)"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.entries import build_entry
from handfast.directory.filters import equals
from handfast.directory.password import check_password, find_dn
from handfast.directory.session import BindAnswer, ControllerFailed, Page
from handfast.directory.values import parse_sid
from handfast.identity.directory.ports import PasswordVerdict
from tests.fakes.clock import START
from tests.fakes.one_phone import ALICE

BASE = "DC=contoso,DC=lab"
POLICY = Policy(5, None, None, None)
DOMAIN = DomainFacts(RootFacts(BASE, "", "", 1, "dc1", START), "", "", "CONTOSO", "contoso.lab", POLICY)


@dataclass
class User:
    """One account of the domain."""

    rid: int
    user: str
    upn: str
    password: str

    @property
    def dn(self) -> str:
        return f"CN={self.user},{BASE}"

    @property
    def sid(self) -> bytes:
        parts = (21, 1, 2, 3, self.rid)
        return bytes([1, 5, 0, 0, 0, 0, 0, 5]) + b"".join(one.to_bytes(4, "little") for one in parts)


class Controller:
    """Fits `Link` and its session. A simple bind's name is tried form by form; the first that somebody fits decides.

    Source: MS-ADTS 5.1.1.1.1.
    """

    name = "dc1"

    def __init__(self, *users: User) -> None:
        self.users, self.sent, self.bound, self.shows_bound = users, [], None, True

    async def call(self, work):
        return work(self)

    def bind(self, name, secret):
        self.sent.append(name)
        forms = (lambda one: one.dn, lambda one: one.upn, lambda one: f"CONTOSO\\{one.user}")
        for form in forms:
            found = [one for one in self.users if form(one).casefold() == name.casefold()]
            if found:
                self.bound = found[0] if len(found) == 1 and found[0].password == secret else None
                return BindAnswer(self.bound is not None, "data 52e")
        return BindAnswer(is_accepted=False, message="data 525")

    async def read(self, dn, attributes):
        assert (dn, attributes) == ("", ("tokenGroups",))
        everybody = bytes([1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
        shown = [self.bound.sid, everybody] if self.bound and self.shows_bound else []
        return build_entry("", {"tokenGroups": shown})

    async def page(self, base, query, attributes, *, page_size):
        assert base == BASE
        found = [
            one
            for one in self.users
            if equals("sAMAccountName", one.user) in query
            and equals("objectSid", parse_sid(one.sid)) in query
        ]
        return Page(tuple(build_entry(one.dn, {"objectSid": [one.sid]}) for one in found))


DIRECTOR = User(1101, "director", "director@contoso.lab", "Directors-own-1")
HELPER = User(1102, "helper", "CONTOSO\\director", "Helpers-own-1")
ACCOUNT = replace(ALICE, user="director", domain="CONTOSO", sid=parse_sid(DIRECTOR.sid))


async def ask(controller, secret, account=ACCOUNT):
    dn = await find_dn(controller, DOMAIN, account)
    return None if dn is None else await check_password(controller, dn, account.sid, secret)


async def test_a_upn_that_looks_like_anothers_login_wins_nothing():
    controller = Controller(DIRECTOR, HELPER)
    assert await ask(controller, HELPER.password) is PasswordVerdict.WRONG
    assert await ask(controller, DIRECTOR.password) is PasswordVerdict.RIGHT
    assert set(controller.sent) == {DIRECTOR.dn}


async def test_a_upn_that_is_the_dn_of_one_who_has_just_moved_wins_nothing():
    """The bind is accepted, by the second form; it is the helper who has bound."""
    controller = Controller(DIRECTOR, replace(HELPER, upn=DIRECTOR.dn))
    dn = await find_dn(controller, DOMAIN, ACCOUNT)
    controller.users = controller.users[1:]
    assert await check_password(controller, dn, ACCOUNT.sid, HELPER.password) is PasswordVerdict.WRONG
    assert controller.bound.user == "helper"


async def test_who_is_not_shown_to_have_bound_has_not():
    controller = Controller(DIRECTOR)
    controller.shows_bound = False
    assert await ask(controller, DIRECTOR.password) is PasswordVerdict.WRONG


async def test_sids_that_make_no_sense_are_the_controllers_failure():
    controller = Controller(DIRECTOR)

    async def read(dn, attributes):
        return build_entry("", {"tokenGroups": [b"\x01"]})

    controller.read = read
    with pytest.raises(ControllerFailed, match="not a security identifier"):
        await ask(controller, DIRECTOR.password)


@pytest.mark.parametrize(
    "account",
    [
        replace(ACCOUNT, user="robert"),
        replace(ACCOUNT, domain="OTHER"),
        replace(ACCOUNT, sid=parse_sid(HELPER.sid)),
        replace(ACCOUNT, sid=None),
    ],
)
async def test_an_account_whose_name_and_sid_are_not_together_is_asked_nothing(account):
    controller = Controller(DIRECTOR, HELPER)
    assert await ask(controller, DIRECTOR.password, account) is None
    assert controller.sent == []
