"""Delegation against a real KDC, to services that are MIT's library and nothing of ours."""

from __future__ import annotations

import asyncio

import pytest

from handfast.identity.directory.ports import DelegationFailure
from handfast.identity.ports import Unavailable
from handfast.protocols.spnego.tokens import unwrap
from tests.kerberos_world import BINDING, SPN, account, failure, opened
from tests.servers.gssapi_peer import GssapiService, ServiceRefused, bindings, gssapi
from tests.servers.samba import NEEDS, REALM

pytestmark = NEEDS
OTHER_BINDING = b"tls-server-end-point:" + bytes(32)


@pytest.fixture
def service(dc, kerberos):
    return GssapiService(dc.keytab("fe"))


async def test_the_service_sees_the_account_and_proves_itself(kerberos, service):
    begun = await kerberos.delegation.sign_in(account("alice"), SPN, b"")
    seen = service.accept(begun.token)
    assert seen.name == f"alice@{REALM}"
    assert await kerberos.delegation.confirm(begun.handle, seen.answer)


async def test_a_proof_counts_once_and_for_its_own_context(kerberos, service):
    first = await kerberos.delegation.sign_in(account("alice"), SPN, b"")
    second = await kerberos.delegation.sign_in(account("alice"), SPN, b"")
    of_first, of_second = service.accept(first.token).answer, service.accept(second.token).answer
    assert not await kerberos.delegation.confirm(first.handle, of_second)
    assert await kerberos.delegation.confirm(second.handle, of_second)
    for used_up, proof in ((first.handle, of_first), (second.handle, of_second), ("", of_second)):
        with pytest.raises(Unavailable):
            await kerberos.delegation.confirm(used_up, proof)


@pytest.mark.parametrize(
    "proof", [b"", b"x", b"\x60\x00", b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00", bytes(5000)]
)
async def test_no_other_bytes_are_a_proof(kerberos, proof):
    begun = await kerberos.delegation.sign_in(account("alice"), SPN, b"")
    assert not await kerberos.delegation.confirm(begun.handle, proof)


async def test_a_service_that_demands_the_binding_takes_the_right_one_alone(dc, kerberos):
    demanding = GssapiService(dc.keytab("fe"), BINDING)
    right = await kerberos.delegation.sign_in(account("alice"), SPN, BINDING)
    assert demanding.accept(right.token).is_bound
    for binding in (b"", OTHER_BINDING):
        begun = await kerberos.delegation.sign_in(account("alice"), SPN, binding)
        with pytest.raises(ServiceRefused):
            demanding.accept(begun.token)


async def test_our_spnego_is_the_librarys(kerberos, service):
    """Same mechanisms, same shape; only what the library encrypts differs."""
    begun = await kerberos.delegation.sign_in(account("alice"), SPN, b"")
    service.accept(begun.token)
    ours = unwrap(begun.token)
    assert ours.mech_types == ("1.2.840.113554.1.2.2",)
    assert (ours.mech_list_mic, ours.ntlm_message) == (None, None)


async def test_a_token_is_good_once(kerberos, service):
    begun = await kerberos.delegation.sign_in(account("alice"), SPN, b"")
    service.accept(begun.token)
    with pytest.raises(ServiceRefused, match="replay"):
        service.accept(begun.token)


async def test_the_library_sees_what_it_expects_of_the_first_token(kerberos, service):
    """Mutual authentication is asked for, and no credential is given away."""
    begun = await kerberos.delegation.sign_in(account("alice"), SPN, BINDING)
    context = gssapi.SecurityContext(
        usage="accept", creds=service._credential, channel_bindings=bindings(BINDING)
    )
    context.step(begun.token)
    assert gssapi.RequirementFlag.mutual_authentication in context.actual_flags
    assert gssapi.RequirementFlag.delegate_to_peer not in context.actual_flags
    assert context.delegated_creds is None


@pytest.mark.parametrize("user", ["jörg.o'neil", "smith(j)", "山田", "no-upn", "other-name", "back", "ALICE"])
async def test_odd_names_arrive_as_they_are(kerberos, service, user):
    begun = await kerberos.delegation.sign_in(account(user), SPN, b"")
    name, _, realm = service.accept(begun.token).name.rpartition("@")
    assert (name.casefold(), realm) == (user.casefold(), REALM)


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("carol", "policy"),
        ("dave", "expired"),
        ("erin", "requested option"),
        ("frank", "Password has expired"),
        ("nobody-there", "not found"),
    ],
)
async def test_the_kdc_refuses_accounts_that_may_not_be_signed_in(kerberos, user, said):
    """Disabled, expired, not delegable, password to be changed, and unknown."""
    refused = await failure(kerberos, user)
    assert refused.failure is DelegationFailure.REFUSED
    assert said in refused.detail


async def test_a_locked_account_is_refused_and_a_known_one_goes_on_until_it_is_forgotten(dc, kerberos):
    alice = account("alice")
    await kerberos.delegation.sign_in(alice, SPN, b"")
    dc.set_user("alice", lockoutTime="133000000000000000")
    dc.set_user("alice", userAccountControl=0x202)
    try:
        await kerberos.delegation.sign_in(alice, SPN, b"")
        kerberos.delegation.forget(alice.id)
        refused = await failure(kerberos, alice)
        assert refused.failure is DelegationFailure.REFUSED
    finally:
        dc.set_user("alice", userAccountControl=0x200, lockoutTime=0)
    assert (await failure(kerberos, alice)).failure is DelegationFailure.REFUSED, "remembered for a while"
    kerberos.delegation.forget(alice.id)
    await kerberos.delegation.sign_in(alice, SPN, b"")


async def test_the_directorys_word_is_enough(kerberos):
    refused = await failure(kerberos, account("bob", is_delegable=False))
    assert refused.failure is DelegationFailure.REFUSED
    assert "sensitive" in refused.detail


async def test_a_service_that_is_not_on_our_list(kerberos):
    refused = await failure(kerberos, "bob", "HTTP/mail.contoso.lab")
    assert refused.failure is DelegationFailure.REFUSED


async def test_a_service_nobody_is(kerberos):
    refused = await failure(kerberos, "bob", "HTTP/nobody.contoso.lab")
    assert refused.failure is DelegationFailure.SERVICE_UNKNOWN
    assert "Server not found" in refused.detail


async def test_a_name_that_would_mean_somebody_else_is_not_asked_for(kerberos):
    refused = await failure(kerberos, account(f"alice@{REALM.lower()}"))
    assert refused.failure is DelegationFailure.REFUSED
    assert "meaning" in refused.detail


async def test_a_realm_nobody_knows(kerberos):
    refused = await failure(kerberos, account("alice", realm="FABRIKAM.LAB"))
    assert refused.failure is DelegationFailure.REFUSED


async def test_without_protocol_transition_nobody_is_signed_in(dc, tmp_path):
    dc.set_user("svc-gw", userAccountControl=0x10200)
    try:
        async with opened(dc, tmp_path) as kerberos:
            refused = await failure(kerberos, "alice")
    finally:
        dc.set_user("svc-gw", userAccountControl=0x1010200)
    assert refused.failure is DelegationFailure.REFUSED


async def test_many_at_once_share_questions_and_all_are_signed_in(kerberos, service):
    users = ["alice", "bob", "grace", "smith(j)"]
    begun = await asyncio.gather(
        *(kerberos.delegation.sign_in(account(user), SPN, b"") for user in users for _ in range(25))
    )
    seen = [service.accept(one.token).name.partition("@")[0] for one in begun]
    assert seen == [user for user in users for _ in range(25)]
