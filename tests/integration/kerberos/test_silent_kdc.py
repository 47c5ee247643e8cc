"""A KDC that takes requests and answers none: who has a ticket goes on, others are told so within the deadline."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from handfast.identity.directory.ports import DelegationFailure, DelegationRefused
from handfast.kerberos.mechanism import Credential, Mechanism
from handfast.protocols.kerberos.keytab import encode_keytab, parse_keytab
from tests.kerberos_world import SPN, account, failure, opened
from tests.servers.gssapi_peer import GssapiService
from tests.servers.kdc_relay import AS_REQ, TGS_REQ, KdcRelay
from tests.servers.samba import NEEDS, REALM

pytestmark = NEEDS
DEADLINE = 0.8
PATIENT_DEADLINE = 3.0
"""Far beyond what twenty sign-ins by a ticket take, so that a busy machine's are within it as well."""


@pytest.fixture
def relay(dc):
    with KdcRelay(dc.address) as relay:
        yield relay


async def signed_in(kerberos, user, seconds=15.0):
    """Once it works. The breaker's pauses grow while nothing answers."""
    who = account(user) if isinstance(user, str) else user
    end = time.monotonic() + seconds
    while True:
        try:
            return await kerberos.delegation.sign_in(who, SPN, b"")
        except DelegationRefused:
            assert time.monotonic() < end, "not signed in again"
            await asyncio.sleep(0.05)


async def test_a_frozen_domain_controller(dc, tmp_path):
    async with opened(dc, tmp_path, deadline_seconds=PATIENT_DEADLINE, threads=2) as kerberos:
        service = GssapiService(dc.keytab("fe"))
        await kerberos.delegation.sign_in(account("alice"), SPN, b"")
        with dc.frozen():
            began = time.monotonic()
            loop = asyncio.get_running_loop()
            cold = [loop.create_task(failure(kerberos, account("bob", number))) for number in range(20)]
            warm = [kerberos.delegation.sign_in(account("alice"), SPN, b"") for _ in range(20)]
            tokens = await asyncio.gather(*warm)
            assert not any(one.done() for one in cold), "who has a ticket waits for nobody who has none"
            assert {service.accept(one.token).name for one in tokens} == {f"alice@{REALM}"}
            refused = await asyncio.gather(*cold)
            assert time.monotonic() - began < 2 * PATIENT_DEADLINE, (
                "all of them at once, not one after another"
            )
            assert {one.failure for one in refused} == {DelegationFailure.UNAVAILABLE}
            began = time.monotonic()
            at_once = await failure(kerberos, account("bob", 21))
            assert time.monotonic() - began < PATIENT_DEADLINE / 2
            assert at_once.detail == "no KDC answered lately"
            for _ in range(10):
                await kerberos.delegation.sign_in(account("alice"), SPN, b"")
        # The questions that hung are answered now, which shows that it is back.
        await signed_in(kerberos, account("bob", 22))


async def test_the_next_kdc_is_asked_first_once_one_was_silent(dc, relay, tmp_path):
    relay.is_silent = True
    async with opened(
        dc, tmp_path, kdcs=(relay.address, dc.address), deadline_seconds=DEADLINE, threads=2
    ) as kerberos:
        assert (await failure(kerberos, "alice")).failure is DelegationFailure.UNAVAILABLE
        conf = (tmp_path / "krb5.conf").read_text()
        assert conf.index(dc.address) < conf.index(relay.address)
        await signed_in(kerberos, "alice")  # The library looks at its file once a second.
        await kerberos.delegation.sign_in(account("bob"), SPN, b"")


async def test_a_kdc_that_is_not_there(dc, tmp_path):
    async with opened(dc, tmp_path, kdcs=("127.0.0.1:1",)) as kerberos:
        refused = await failure(kerberos, "alice")
    assert refused.failure is DelegationFailure.UNAVAILABLE
    assert "Cannot contact any KDC" in refused.detail


@pytest.mark.parametrize(
    ("request_kind", "code", "meant"),
    [
        (AS_REQ, 37, DelegationFailure.CLOCK_SKEW),  # KRB_AP_ERR_SKEW
        (TGS_REQ, 37, DelegationFailure.CLOCK_SKEW),
        (TGS_REQ, 33, DelegationFailure.CLOCK_SKEW),  # KRB_AP_ERR_TKT_NYV
        (AS_REQ, 6, DelegationFailure.KEYTAB),  # KDC_ERR_C_PRINCIPAL_UNKNOWN
        (AS_REQ, 18, DelegationFailure.KEYTAB),  # KDC_ERR_CLIENT_REVOKED
        (AS_REQ, 24, DelegationFailure.KEYTAB),  # KDC_ERR_PREAUTH_FAILED
        (TGS_REQ, 18, DelegationFailure.REFUSED),
        (TGS_REQ, 13, DelegationFailure.REFUSED),  # KDC_ERR_BADOPTION
        (TGS_REQ, 29, DelegationFailure.UNAVAILABLE),  # KDC_ERR_SVC_UNAVAILABLE
    ],
)
async def test_what_a_kdcs_error_is_to_us(dc, relay, tmp_path, request_kind, code, meant):
    relay.errors = {request_kind: code}
    async with opened(dc, tmp_path, kdcs=(relay.address,)) as kerberos:
        refused = await failure(kerberos, "alice")
    assert (refused.failure, request_kind in relay.asked) == (meant, True), refused.detail


@pytest.mark.parametrize("code", [7, 8])  # KDC_ERR_S_PRINCIPAL_UNKNOWN, KDC_ERR_PRINCIPAL_NOT_UNIQUE
async def test_a_service_that_is_missing_or_held_twice(dc, relay, tmp_path, code):
    async with opened(dc, tmp_path, kdcs=(relay.address,)) as kerberos:
        await kerberos.delegation.sign_in(account("alice"), SPN, b"")

        class SecondQuestion(dict):
            """Errors for S4U2Proxy alone, which is the second TGS-REQ of a cold sign-in."""

            count = 0

            def get(self, kind, default=None):
                SecondQuestion.count += kind == TGS_REQ
                return code if kind == TGS_REQ and SecondQuestion.count == 2 else default

        relay.errors = SecondQuestion()
        refused = await failure(kerberos, "bob")
    assert refused.failure is DelegationFailure.SERVICE_UNKNOWN, refused.detail


async def test_the_breaker_lets_one_question_through_and_closes_when_it_is_answered(dc, relay, tmp_path):
    async with opened(dc, tmp_path, kdcs=(relay.address,), deadline_seconds=DEADLINE, threads=8) as kerberos:
        await kerberos.delegation.sign_in(account("alice"), SPN, b"")
        relay.is_silent = True
        for number in range(3):
            await failure(kerberos, account("bob", number))
        asked = len(relay.asked)
        for number in range(10):
            await failure(kerberos, account("bob", number))
        assert len(relay.asked) == asked, "while it is open nobody is asked"
        relay.is_silent = False
        await signed_in(kerberos, "bob")
        assert relay.asked[asked:].count(TGS_REQ) == 2, "one question was let through, and it was answered"
        await kerberos.delegation.sign_in(account("grace"), SPN, b"")


TWO_REALMS = """
[libdefaults]
  default_realm = {realm}
  dns_lookup_realm = false
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  forwardable = true
[realms]
  {realm} = {{
    kdc = {own}
  }}
  FABRIKAM.LAB = {{
    kdc = {trusted}
  }}
"""


class AsksTheirKdc:
    """Asks the other realm's KDC for its accounts, as the library does in a forest with a trust (this domain has none)."""

    def __init__(self, mechanism: Mechanism, keytab: Path) -> None:
        self._mechanism = mechanism
        self._keytab = keytab

    def __getattr__(self, name: str) -> object:
        return getattr(self._mechanism, name)

    def impersonate(self, service: Credential, principal: str) -> Credential:
        if principal.endswith("@FABRIKAM.LAB"):
            return self._mechanism.sign_in("svc-gw@FABRIKAM.LAB", f"FILE:{self._keytab}")
        return self._mechanism.impersonate(service, principal)


async def test_a_trusted_realms_silent_kdc_holds_up_nobody_of_ours(dc, relay, tmp_path):
    relay.is_silent = True
    conf, keytab = tmp_path / "two-realms.conf", tmp_path / "theirs.keytab"
    conf.write_text(TWO_REALMS.format(realm=REALM, own=dc.address, trusted=relay.address))
    own = parse_keytab(dc.keytab("gw").read_bytes())
    theirs = [replace(one, principal=replace(one.principal, realm="FABRIKAM.LAB")) for one in own]
    keytab.write_bytes(encode_keytab(theirs))
    async with opened(dc, tmp_path, krb5_conf=conf, deadline_seconds=PATIENT_DEADLINE, threads=4) as kerberos:
        kerberos.delegation._mechanism = AsksTheirKdc(kerberos.delegation._mechanism, keytab)
        strangers = [account("stranger", 1000 + number, realm="FABRIKAM.LAB") for number in range(40)]
        waiting = [asyncio.get_running_loop().create_task(failure(kerberos, one)) for one in strangers]
        async with asyncio.timeout(10):
            while not relay.asked:
                await asyncio.sleep(0.01)
        for number, user in enumerate(("alice", "bob", "grace")):
            await kerberos.delegation.sign_in(account(user, 2000 + number), SPN, b"")
        assert not any(one.done() for one in waiting), "while all who may wait for the other realm do"
        refused = await asyncio.gather(*waiting)
        assert {one.failure for one in refused} == {DelegationFailure.UNAVAILABLE}
        assert len(relay.asked) == 1, "one of the four threads is held, and no question waits behind it"
        asked = len(relay.asked)
        at_once = await failure(kerberos, account("stranger", 3000, realm="FABRIKAM.LAB"))
        assert (at_once.detail, len(relay.asked)) == ("no KDC answered lately", asked)
        await kerberos.delegation.sign_in(account("alice", 2010), SPN, b"")
