"""Tickets against the pipeline: whose they are, where they are taken, and what a connection keeps of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.decision.access import ConnectionCredential, TicketCredential
from handfast.decision.outcome import Outcome
from handfast.decision.publication import (
    AuthMethod,
    ChannelBindingMode,
    CredentialPolicy,
    DevicePolicy,
    PartnershipMode,
)
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.identity.directory.ports import TicketAcceptance
from handfast.identity.ports import Unavailable
from handfast.identity.records import DirectoryFacts
from tests.fakes.identity_process import MAIL, IdentityProcess
from tests.fakes.kerberos import FakeAcceptance, ticket

METHODS = frozenset({AuthMethod.BASIC, AuthMethod.KERBEROS})
POLICY = CredentialPolicy(methods=METHODS, ticket_listeners=frozenset({"inside"}))
OURS, THEIRS = b"tls-server-end-point:ours", b"tls-server-end-point:theirs"
EWS = {"rule": "ews", "channel": Channel.EWS, "device": None, "command": ""}


class Site(IdentityProcess):
    """An identity process with a keytab, and alice of CONTOSO.LAB."""

    def __init__(self, tickets: TicketAcceptance | None = None, **policy) -> None:
        self.tickets = tickets or FakeAcceptance()
        super().__init__(publication=replace(MAIL, credentials=replace(POLICY, **policy)))
        self.services = replace(self.services, tickets=self.tickets)
        self.pipeline._services = self.services

    async def mirror(self, user: str = "alice", **facts):
        facts = DirectoryFacts("CONTOSO.LAB", self.clock.now(), **facts)

        def work(repositories):
            known = repositories.accounts.find_by_sid(f"S-1-5-21-{user}")
            if known is not None:
                repositories.accounts.set_directory(known.id, known.sid, facts)
                return known
            return repositories.accounts.add(
                user=user,
                domain="CONTOSO",
                upn=f"{user}@contoso.lab",
                display_name="",
                now=self.clock.now(),
                sid=f"S-1-5-21-{user}",
                directory=facts,
            )

        return await self.records.write(work)

    async def show(self, token: bytes, *, binding=b"", listener="inside", **more):
        credential = TicketCredential(token, "c1", binding)
        return await self.pipeline.evaluate(self.request(credential, listener=listener, **{**EWS, **more}))

    async def go_on(self, session: bytes, *, listener="inside", **more):
        credential = ConnectionCredential("c1", session)
        return await self.pipeline.evaluate(self.request(credential, listener=listener, **{**EWS, **more}))


@pytest.fixture
async def site():
    site = Site()
    await site.mirror()
    yield site
    assert site.errors == []


async def test_a_ticket_opens_every_channel_without_a_device_and_is_answered(site):
    for number, (rule, channel) in enumerate([("ews", Channel.EWS), ("autodiscover", Channel.AUTODISCOVER)]):
        decision = await site.show(ticket("alice", number=number), rule=rule, channel=channel)
        assert decision.reason is Reason.ALLOWED
        assert (decision.login, decision.answer_token) == ("alice@CONTOSO.LAB", b"answer for alice")
        assert decision.grant.app_password_id is None


async def test_on_activesync_its_device_is_a_partner_as_any(site):
    listed = replace(site.publication, devices=DevicePolicy(mode=PartnershipMode.LISTED))
    site.publish(listed)
    decision = await site.show(
        ticket("alice"), rule="activesync", channel=Channel.ACTIVESYNC, device="P1", command="Sync"
    )
    assert decision.reason is Reason.DEVICE_UNKNOWN
    assert decision.answer_token == b"", "a refused request is given nothing"


async def test_the_connection_goes_on_without_a_ticket_and_is_judged_anew(site):
    session = (await site.show(ticket("alice"))).grant.session
    again = await site.go_on(session)
    assert (again.reason, again.answer_token, again.grant.session) == (Reason.ALLOWED, b"", b"")
    await site.mirror(is_enabled=False)
    assert (await site.go_on(session)).reason is Reason.ACCOUNT_DISABLED_IN_DIRECTORY
    await site.mirror(is_present=False)
    assert (await site.go_on(session)).reason is Reason.ACCOUNT_GONE
    await site.mirror()
    site.clock.time += timedelta(minutes=61)
    assert (await site.go_on(session)).reason is Reason.CREDENTIAL_MISSING


async def test_where_tickets_are_no_longer_taken_the_session_ends(site):
    session = (await site.show(ticket("alice"))).grant.session
    decision = await site.go_on(session, listener="outside")
    assert (decision.outcome, decision.reason) == (Outcome.CHALLENGE, Reason.CREDENTIAL_MISSING)
    account = site.records.tables.accounts.popitem()[1]
    assert (await site.go_on(session)).reason is Reason.CREDENTIAL_WRONG
    site.records.tables.accounts[account.id] = replace(account, sid=None, directory=None)
    assert (await site.go_on(session)).reason is Reason.CREDENTIAL_WRONG, "it became a local account"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (b"garbage", Reason.TICKET_REFUSED),
        (ticket("ghost"), Reason.ACCOUNT_UNKNOWN),
        (ticket("local"), Reason.ACCOUNT_UNKNOWN),
        (ticket("alice", "OTHER.LAB"), Reason.ACCOUNT_UNKNOWN),
        (ticket("alice", binding=THEIRS), Reason.CHANNEL_BINDING_WRONG),
    ],
)
async def test_what_must_not_sign_in(site, token, reason):
    await site.add_account("local")
    decision = await site.show(token, binding=OURS)
    assert (decision.outcome, decision.reason) == (Outcome.DENY, reason)
    assert site.services.delays.failures_of("192.0.2.10", site.clock.now()) == 1


async def test_a_ticket_with_the_sid_of_another_account_is_refused_whatever_its_name(site):
    await site.mirror("helper")
    for sid in ("S-1-5-21-helper", "S-1-5-21-the-alice-of-before"):
        decision = await site.show(ticket("alice", sid=sid))
        assert (decision.outcome, decision.reason) == (Outcome.DENY, Reason.TICKET_REFUSED)
        assert (decision.login, decision.answer_token) == ("alice@CONTOSO.LAB", b"")
        assert (
            decision.stages[-1].detail
            == f"the ticket is for {sid}, the account of that name is S-1-5-21-alice"
        )
    assert site.services.delays.failures_of("192.0.2.10", site.clock.now()) == 2


async def test_a_ticket_is_taken_once(site):
    assert (await site.show(ticket("alice"))).reason is Reason.ALLOWED
    assert (await site.show(ticket("alice"))).reason is Reason.TICKET_REPLAYED


async def test_outside_and_without_a_keytab_no_ticket_is_looked_at(site):
    assert (await site.show(ticket("alice"), listener="outside")).reason is Reason.METHOD_NOT_OFFERED
    assert site.tickets.bindings == []
    site.pipeline._services = replace(site.services, tickets=None)
    assert (await site.show(ticket("alice"))).reason is Reason.METHOD_NOT_OFFERED


@pytest.mark.parametrize(
    ("mode", "asked"),
    [
        (ChannelBindingMode.OFF, (b"", False)),
        (ChannelBindingMode.ALLOW, (OURS, False)),
        (ChannelBindingMode.REQUIRE, (OURS, True)),
    ],
)
async def test_the_binding_is_asked_for_as_the_publication_says(mode, asked):
    site = Site(channel_binding=mode)
    await site.mirror()
    assert (await site.show(ticket("alice", binding=OURS), binding=OURS)).reason is Reason.ALLOWED
    assert site.tickets.bindings == [asked]


async def test_a_missing_binding_is_refused_where_one_is_required():
    site = Site(channel_binding=ChannelBindingMode.REQUIRE)
    await site.mirror()
    assert (await site.show(ticket("alice"), binding=OURS)).reason is Reason.CHANNEL_BINDING_MISSING


class Frozen:
    """No keytab can be read."""

    async def accept(self, token, channel_binding, *, requires_binding):
        raise Unavailable("too many at once")


async def test_where_tickets_can_not_be_looked_at_nobody_gets_in():
    site = Site(Frozen())
    assert (await site.show(ticket("alice"))).reason is Reason.IDENTITY_UNAVAILABLE
