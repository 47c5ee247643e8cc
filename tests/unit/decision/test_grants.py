from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.decision.access import BasicCredential, NtlmCredential, TicketCredential
from handfast.decision.grants import FRESH_SECONDS, build_grant
from handfast.decision.question import Question
from handfast.decision.settlement import Judgement
from handfast.decision.stages.credential import Authenticated
from handfast.identity.channels import PROFILE_CHANNELS, Profile
from handfast.identity.ntlm_challenges import open_session
from tests.fakes.identity_process import MAIL, IdentityProcess
from tests.fakes.one_phone import ALICE, BOUND, FRESH, NOW

NTLM = NtlmCredential("id", "c1", b"", b"")


@pytest.fixture
def services():
    return IdentityProcess().services


def grant(
    services, *, password=BOUND, credential=None, device="P1", starts=False, publication=MAIL, ends_at=None
):
    credential = credential or BasicCredential("alice", "x")
    request = IdentityProcess().request(credential, device=device, node="edge1")
    question = Question(publication, request, Authenticated(ALICE, password, starts_session=starts), NOW)
    judgement = Judgement(9, (), ALICE, password, ends_at=ends_at)
    return build_grant(services, question, judgement, "CONTOSO\\alice")


def test_a_grant_says_who_on_what_since_which_epoch(services):
    made = grant(services)
    assert (made.account_id, made.device_id, made.app_password_id) == (ALICE.id, "P1", BOUND.id)
    assert (made.publication, made.principal, made.epoch, made.node) == ("mail", "CONTOSO\\alice", 9, "edge1")
    assert made.grant_id != grant(services).grant_id


def test_a_request_without_device_is_granted_on_its_passwords_own(services):
    assert grant(services, device=None).device_id == "P1"
    assert grant(services, device=None, password=FRESH).device_id is None
    by_pin = grant(services, device=None, password=None)
    assert (by_pin.device_id, by_pin.app_password_id) == (None, None)


@pytest.mark.parametrize(
    ("policy_seconds", "ends_in", "lifetime"),
    [(300, None, 300), (3600, None, 300), (60, None, 60), (300, 90, 90), (60, 90, 60)],
)
def test_it_lives_five_minutes_at_most_and_never_beyond_its_password(
    services, policy_seconds, ends_in, lifetime
):
    publication = replace(MAIL, grant_lifetime=timedelta(seconds=policy_seconds))
    end = None if ends_in is None else NOW + timedelta(seconds=ends_in)
    made = grant(services, publication=publication, password=replace(BOUND, expires_at=end))
    assert made.lifetime_seconds == lifetime


@pytest.mark.parametrize(
    ("account_ends", "password_ends", "lifetime"),
    [(60, None, 60), (60, 30, 30), (30, 60, 30), (900, 900, 300), (-1, None, 0)],
)
@pytest.mark.parametrize("device", ["P1", None])
def test_it_never_outlives_its_account(services, account_ends, password_ends, lifetime, device):
    ends = {"ends_at": NOW + timedelta(seconds=account_ends), "device": device}
    end = None if password_ends is None else NOW + timedelta(seconds=password_ends)
    made = grant(services, password=replace(BOUND, expires_at=end), **ends)
    assert made.lifetime_seconds == lifetime
    if password_ends is None:
        assert grant(services, password=None, **ends).lifetime_seconds == lifetime


def test_what_no_devices_block_could_end_ends_by_itself(services):
    assert grant(services, device=None, password=FRESH).lifetime_seconds == FRESH_SECONDS
    assert grant(services, device="P1", password=FRESH).lifetime_seconds == 300
    reserved = grant(services, device=None, password=replace(FRESH, reserved_device_id="P1"))
    assert (reserved.device_id, reserved.lifetime_seconds) == ("P1", 300)
    outlook = replace(FRESH, channels=PROFILE_CHANNELS[Profile.OUTLOOK])
    assert grant(services, device=None, password=outlook).lifetime_seconds == 300


def test_only_a_handshake_makes_a_session_and_it_opens_for_its_connection(services):
    made = grant(services, credential=NTLM, starts=True)
    mine = {"node": "edge1", "publication": "mail", "now": NOW}
    opened = open_session(services.keyring, made.session, connection_id="c1", **mine)
    assert opened is not None
    assert (opened.account_id, opened.app_password_id, opened.login) == (ALICE.id, BOUND.id, "CONTOSO\\alice")
    assert open_session(services.keyring, made.session, connection_id="c2", **mine) is None
    assert grant(services, credential=NTLM).session == b""


def test_a_session_that_a_ticket_began_has_no_app_password(services):
    made = grant(services, password=None, credential=TicketCredential(b"ticket", "c1"), starts=True)
    opened = open_session(
        services.keyring, made.session, connection_id="c1", node="edge1", publication="mail", now=NOW
    )
    assert opened is not None
    assert (opened.account_id, opened.app_password_id) == (ALICE.id, None)
