"""Names that lead to another account at the KDC than the one we mean: nobody is signed in, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from handfast.identity.directory.ports import DelegationFailure
from handfast.kerberos.failures import Step, Verdict, verdict_on
from handfast.kerberos.key_table import MemoryKeyTable
from handfast.kerberos.mechanism import MechanismError
from handfast.kerberos.refusals import REFUSED_SECONDS
from tests.kerberos_world import SPN, account, failure, opened
from tests.servers.gssapi_peer import GssapiService
from tests.servers.kdc_relay import TGS_REQ, KdcRelay
from tests.servers.pac_remover import AES256, WITHOUT_FAST, PacRemover, encrypting_key
from tests.servers.samba import NEEDS, REALM, DomainController
from tests.servers.samba_domain import PASSWORD, line, user_dn, user_entry

pytestmark = NEEDS


@pytest.fixture
def relay(dc):
    with KdcRelay(dc.address) as relay:
        yield relay


@pytest.fixture
async def asked(dc, relay, tmp_path):
    """Kerberos by a KDC whose questions are counted."""
    async with opened(dc, tmp_path, kdcs=(relay.address,)) as kerberos:
        yield kerberos


@pytest.fixture
def service(dc, library_environment):
    return GssapiService(dc.keytab("fe"))


def rename(dc: DomainController, user: str, name: str) -> None:
    dc.set_user(user, sAMAccountName=name, userPrincipalName=f"{name}@contoso.lab")


@pytest.fixture
def swapped(dc: DomainController) -> Iterator[None]:
    """alice has another name, and bob has hers."""
    rename(dc, "alice", "alice2")
    rename(dc, "bob", "alice")
    try:
        yield
    finally:
        rename(dc, "bob", "bob")
        rename(dc, "alice", "alice")


async def is_told(kerberos, relay, who) -> str:
    """That it is another's, after one question to the KDC; then the details."""
    before = relay.asked.count(TGS_REQ)
    refused = await failure(kerberos, who)
    assert refused.failure is DelegationFailure.OTHER_ACCOUNT, refused
    assert relay.asked.count(TGS_REQ) == before + 1, "S4U2Self, and no ticket with what came of it"
    assert len(kerberos.delegation._tickets) == 0
    assert (await failure(kerberos, who)).failure is DelegationFailure.OTHER_ACCOUNT
    assert relay.asked.count(TGS_REQ) == before + 1, "remembered for a while"
    return refused.detail


async def test_a_name_that_somebody_else_was_given(asked, relay, service, swapped):
    alice, bob = account("alice"), account("bob")
    detail = await is_told(asked, relay, alice)
    assert bob.sid in detail
    assert alice.sid in detail
    for who in (replace(alice, user="alice2"), replace(bob, user="alice")):
        begun = await asked.delegation.sign_in(who, SPN, b"")
        assert service.accept(begun.token).name == f"{who.user}@{REALM}"


async def test_once_the_names_are_as_the_mirror_has_them_the_account_is_served(dc, asked, relay, service):
    alice, now = account("alice"), 1000.0
    asked.delegation._clock = lambda: now
    rename(dc, "alice", "alice2")
    rename(dc, "bob", "alice")
    try:
        await is_told(asked, relay, alice)
    finally:
        rename(dc, "bob", "bob")
        rename(dc, "alice", "alice")
    now += REFUSED_SECONDS
    begun = await asked.delegation.sign_in(alice, SPN, b"")
    assert service.accept(begun.token).name == f"alice@{REALM}"


async def test_an_account_that_was_deleted_and_made_anew(dc, asked, relay, service):
    """A KDC that does not know of it yet gives the old one's ticket, and one that does refuses him who had the name before."""
    old = account("other-name")
    new = replace(old, sid=old.sid.rpartition("-")[0] + "-99999")
    await is_told(asked, relay, new)
    dc.ldbmodify(line("dn", user_dn("other-name")) + "changetype: delete\n\n")
    head, rest = user_entry("other-name", {}, PASSWORD).split("\n", 1)
    dc.ldbmodify(f"{head}\nchangetype: add\n{rest}")
    new = replace(old, sid=dc.value("other-name", "objectSid"))
    assert new.sid != old.sid
    await is_told(asked, relay, old)
    begun = await asked.delegation.sign_in(new, SPN, b"")
    assert service.accept(begun.token).name == f"other-name@{REALM}"


async def test_a_name_that_leads_to_a_machine(dc, asked, relay):
    """Nobody is called dc1, but the controller is `DC1$`. Source: MS-KILE 3.3.5.6.1."""
    detail = await is_told(asked, relay, account("dc1", sid=account("alice").sid))
    assert dc.value("DC1$", "objectSid") in detail


async def test_a_name_that_leads_to_anothers_upn(dc, asked, relay):
    dc.set_user("grace", sAMAccountName="grace2", userPrincipalName="grace2@contoso.lab")
    dc.set_user("bob", userPrincipalName="grace@contoso.lab")
    try:
        assert account("bob").sid in await is_told(asked, relay, account("grace"))
    finally:
        dc.set_user("bob", userPrincipalName="bob@contoso.lab")
        dc.set_user("grace", sAMAccountName="grace", userPrincipalName="grace@contoso.lab")


async def test_no_kdc_is_asked_whose_evidence_it_is(dc, kerberos):
    keys, mechanism = kerberos.delegation._keys, kerberos.delegation._mechanism
    own = keys.sign_in(0.0)
    evidence = mechanism.impersonate(own, f"alice@{REALM}")
    dc.stop()
    try:
        assert keys.identify(own, evidence) == account("alice").sid
    finally:
        dc.start()


async def test_evidence_without_a_pac_is_nobodys(tmp_path):
    with DomainController(smb_options=WITHOUT_FAST) as dc, KdcRelay(dc.address) as relay:
        relay.change = PacRemover(encrypting_key(dc.keytab("gw"), "svc-gw"))
        dc.keytab("gw").chmod(0o600)
        async with opened(dc, tmp_path, kdcs=(relay.address,)) as kerberos:
            refused = await failure(kerberos, "alice")
            assert relay.change.removed == relay.asked.count(TGS_REQ) == 1
            assert len(kerberos.delegation._tickets) == 0
            relay.change = None
            await kerberos.delegation.sign_in(account("bob"), SPN, b"")
    assert (refused.failure, "no PAC" in refused.detail) == (DelegationFailure.UNIDENTIFIED, True), refused


async def test_evidence_is_read_with_the_very_key_that_the_kdc_took(dc, kerberos):
    keys, mechanism = kerberos.delegation._keys, kerberos.delegation._mechanism
    own = keys.sign_in(0.0)
    evidence = mechanism.impersonate(own, f"alice@{REALM}")
    entries = [one for one in keys._file.current().entries if str(one.principal).startswith("svc-gw")]
    others = {
        "not with enctype": [one for one in entries if one.enctype != AES256],
        "cannot decrypt": [replace(one, key=bytes(len(one.key))) for one in entries],
    }
    for said, left in others.items():
        keytab = MemoryKeyTable(left)
        with pytest.raises(MechanismError, match=said) as error:
            mechanism.identify(own, evidence, keytab.name)
        assert verdict_on(error.value, Step.IDENTITY) is Verdict.KEYTAB
