"""Tickets for sign-ins behind, and the pause after a server has refused one."""

from __future__ import annotations

import base64

import pytest

from handfast.backend_auth import tickets
from handfast.backend_auth.tickets import PAUSE_SECONDS, TicketDesk
from handfast.decision.ports import BackendSignInRefused
from handfast.decision.reasons import Reason
from handfast.identity.directory.ports import DelegationFailure
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, AccountId, AccountState, DirectoryFacts
from tests.fakes.clock import START as NOW
from tests.fakes.clock import SettableClock
from tests.fakes.kerberos import FakeDelegation, proof_of

SPN = "HTTP/mail.contoso.lab"
BINDING = b"tls-server-end-point:" + bytes(32)


def account(number: int = 1, **facts) -> Account:
    return Account(
        AccountId(number),
        "alice",
        "CONTOSO",
        "alice@contoso.lab",
        AccountState.ENABLED,
        NOW,
        sid=f"S-1-5-21-{number}",
        directory=DirectoryFacts("CONTOSO.LAB", NOW, **facts),
    )


ALICE = account()


@pytest.fixture
def delegation():
    return FakeDelegation()


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def desk(delegation, clock):
    return TicketDesk(delegation, clock.monotonic)


async def refusal(desk, who=ALICE, publication="mail") -> Reason:
    with pytest.raises(BackendSignInRefused) as caught:
        await desk.sign_in(who, publication, SPN, BINDING, node="edge")
    return caught.value.reason


async def test_a_ticket_is_for_one_request_on_one_connection(desk, delegation):
    authorization = await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")
    ((name, value),) = authorization.headers
    assert (name, value[:10]) == (b"Authorization", b"Negotiate ")
    assert base64.b64decode(value[10:]) == f"alice|{SPN}|{BINDING.hex()}|1".encode()
    assert (authorization.is_single_use, authorization.handle[-2:], authorization.version) == (True, ".1", "")
    assert delegation.asked == [("alice", SPN, BINDING)]
    assert value[10:].decode() not in repr(authorization)


@pytest.mark.parametrize("failure", DelegationFailure)
async def test_why_there_is_no_ticket_is_said(desk, delegation, failure):
    delegation.failure = failure
    assert (await refusal(desk)).value == failure.value


async def test_who_has_no_keytab_signs_nobody_in():
    assert await refusal(TicketDesk(None)) is Reason.KEYTAB_REFUSED


async def test_the_kdc_is_not_asked_for_whom_it_must_refuse(desk, delegation):
    local = Account(AccountId(2), "bob", "", "", AccountState.ENABLED, NOW)
    for who in (local, account(is_delegable=False)):
        assert await refusal(desk, who) is Reason.DELEGATION_REFUSED
    assert delegation.asked == []


async def test_a_refused_ticket_is_forgotten_and_the_next_one_waits_a_minute(desk, delegation, clock):
    await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")
    desk.note_refused(ALICE, "mail")
    assert delegation.forgotten == [ALICE.id]
    assert await refusal(desk) is Reason.BACKEND_SIGN_IN_REFUSED
    assert len(delegation.asked) == 1, "one failed attempt behind us, not one for each retry"
    await desk.sign_in(ALICE, "web", SPN, BINDING, node="edge")
    await desk.sign_in(account(2), "mail", SPN, BINDING, node="edge")
    clock.advance(seconds=PAUSE_SECONDS)
    await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")


async def test_late_reports_of_the_same_refusal_do_not_prolong_it(desk, clock):
    desk.note_refused(ALICE, "mail")
    clock.advance(seconds=PAUSE_SECONDS / 2)
    desk.note_refused(ALICE, "mail")
    assert await refusal(desk) is Reason.BACKEND_SIGN_IN_REFUSED
    clock.advance(seconds=PAUSE_SECONDS / 2)
    await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")


async def test_a_server_that_proves_itself_is_believed_and_another_gets_no_more_tickets(desk, delegation):
    first = await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")
    assert await desk.confirm(ALICE, "mail", first.handle, proof_of("1"), node="edge")
    second = await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")
    assert not await desk.confirm(ALICE, "mail", second.handle, proof_of("1"), node="edge")
    assert delegation.forgotten == [ALICE.id]
    assert await refusal(desk) is Reason.BACKEND_SIGN_IN_REFUSED


async def test_of_a_ticket_made_before_a_restart_nobody_knows_and_nothing_is_concluded(desk, delegation):
    before = await TicketDesk(delegation).sign_in(ALICE, "mail", SPN, BINDING, node="edge")
    for now in (desk, TicketDesk(None)):
        with pytest.raises(Unavailable):
            await now.confirm(ALICE, "mail", before.handle, proof_of("1"), node="edge")
    await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")
    assert delegation.forgotten == []


async def test_a_proof_that_could_not_be_looked_at_alarms_nobody(desk, delegation, monkeypatch):
    async def lag(handle, token):
        raise Unavailable("the threads lag behind")

    monkeypatch.setattr(delegation, "confirm", lag)
    ticket = await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")
    with pytest.raises(Unavailable):
        await desk.confirm(ALICE, "mail", ticket.handle, proof_of("1"), node="edge")
    assert delegation.forgotten == []
    await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")


async def test_the_handle_of_anothers_ticket_says_nothing_about_this_one(desk, delegation):
    ticket = await desk.sign_in(ALICE, "mail", SPN, BINDING, node="edge")
    _, _, own = ticket.handle.partition(".")
    for who, publication, node, handle in (
        (account(2), "mail", "edge", ticket.handle),
        (ALICE, "web", "edge", ticket.handle),
        (ALICE, "mail", "dmz", ticket.handle),
        (ALICE, "mail", "edge", own),
        (ALICE, "mail", "edge", f"\ud800.{own}"),
    ):
        with pytest.raises(Unavailable):
            await desk.confirm(who, publication, handle, b"wrong", node=node)
        await desk.sign_in(who, publication, SPN, BINDING, node=node)
    assert delegation.forgotten == []


async def test_in_a_pause_good_tickets_are_not_dropped_again(desk, delegation):
    desk.note_refused(ALICE, "mail")
    desk.note_refused(ALICE, "mail")
    assert delegation.forgotten == [ALICE.id]


async def test_what_is_paused_is_bounded(desk, monkeypatch):
    monkeypatch.setattr(tickets, "MAX_PAUSED", 2)
    for number in (1, 2, 3):
        desk.note_refused(account(number), "mail")
    await desk.sign_in(account(1), "mail", SPN, BINDING, node="edge")
    assert await refusal(desk, account(3)) is Reason.BACKEND_SIGN_IN_REFUSED
