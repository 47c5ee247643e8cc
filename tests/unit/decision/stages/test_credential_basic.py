from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.decision.access import BasicCredential
from handfast.decision.outcome import Deny, Pass
from handfast.decision.publication import AuthMethod, CredentialPolicy
from handfast.decision.reasons import Reason
from handfast.decision.stages.credential_basic import MAX_HUMAN_SECRET_CHARACTERS, identify_basic
from handfast.identity.app_passwords import revoke_password
from handfast.identity.policies import LockoutPolicy
from handfast.identity.records import CounterKind
from tests.fakes.identity_process import MAIL, IdentityProcess

PINS = replace(
    MAIL, credentials=CredentialPolicy(human_secrets=True), lockout=LockoutPolicy(per_account_and_source=2)
)


@pytest.fixture
def identity():
    return IdentityProcess()


async def identify(identity, login, secret, publication=MAIL, **more):
    credential = BasicCredential(login, secret)
    return await identify_basic(
        identity.services, publication, identity.request(credential, **more), credential
    )


async def test_an_app_password_is_found_by_one_read_and_no_slow_hash(identity):
    account = await identity.add_account()
    secret, password = await identity.issue(account)
    identity.records.reads = identity.records.writes = 0
    found = await identify(identity, "alice", secret)
    assert found.authenticated is not None
    assert (found.authenticated.account, found.authenticated.password) == (account, password)
    assert found.result == Pass(rule=f"app password {password.id}")
    assert (identity.records.reads, identity.records.writes) == (1, 0)
    assert identity.hasher.evaluations == 0


async def test_the_publications_own_default_domain_wins(identity):
    secret, _ = await identity.issue(await identity.add_account())
    elsewhere = replace(MAIL, credentials=CredentialPolicy(default_domain="FABRIKAM"))

    def add(repositories):
        repositories.accounts.add(
            user="alice", domain="FABRIKAM", upn="", display_name="", now=identity.clock.now()
        )

    await identity.records.write(add)
    assert (await identify(identity, "alice", secret)).authenticated is not None
    other = await identify(identity, "alice", secret, elsewhere)
    assert other.result == Deny(Reason.CREDENTIAL_WRONG)


async def test_where_basic_is_not_offered_nothing_is_looked_at(identity):
    secret, _ = await identity.issue(await identity.add_account())
    publication = replace(MAIL, credentials=CredentialPolicy(methods=frozenset({AuthMethod.NTLM})))
    identity.records.reads = 0
    found = await identify(identity, "alice", secret, publication)
    assert found.result == Deny(Reason.METHOD_NOT_OFFERED, rule="basic")
    assert (identity.records.reads, found.is_failure) == (0, False)


async def test_a_dead_password_is_a_failure_with_its_own_reason(identity):
    account = await identity.add_account()
    secret, password = await identity.issue(account)
    now = identity.clock.now()
    await identity.records.write(lambda r: revoke_password(r, account, password.id, now=now, actor="a"))
    found = await identify(identity, "alice", secret)
    assert found.result == Deny(Reason.APP_PASSWORD_REVOKED, rule=f"app password {password.id}")
    assert (found.authenticated, found.is_failure) == (None, True)


async def test_a_pin_is_looked_at_only_where_the_publication_takes_pins(identity):
    await identity.add_account(pin="blue-42")
    refused = await identify(identity, "alice", "blue-42")
    assert (refused.result, identity.hasher.evaluations) == (Deny(Reason.CREDENTIAL_WRONG), 0)
    found = await identify(identity, "alice", "blue-42", PINS)
    assert found.authenticated is not None
    assert (found.authenticated.password, found.result) == (None, Pass(rule="pin"))
    assert {scope.kind for scope in found.authenticated.scopes} == {
        CounterKind.ACCOUNT_SOURCE,
        CounterKind.ACCOUNT,
        CounterKind.SOURCE,
    }
    assert [trace.outcome for trace in found.before] == ["pass"]


@pytest.mark.parametrize("login", ["alice", "nobody", "pinless"])
async def test_known_and_unknown_names_cost_one_slow_hash_and_lock_alike(identity, login):
    await identity.add_account(pin="blue-42")
    await identity.add_account("pinless")
    reasons, evaluations = [], identity.hasher.evaluations
    for n in range(4):
        found = await identify(identity, login, f"wrong {n}", PINS)
        assert isinstance(found.result, Deny)
        assert found.is_failure
        reasons.append(found.result.reason)
    wrong = Reason.ACCOUNT_UNKNOWN if login == "nobody" else Reason.CREDENTIAL_WRONG
    assert reasons == [wrong, wrong, Reason.ACCOUNT_LOCKED_OUT, Reason.ACCOUNT_LOCKED_OUT]
    assert identity.hasher.evaluations - evaluations == 4
    assert found.before[0].outcome == "deny"


async def test_a_locked_account_costs_the_same_one_write_as_a_wrong_guess(identity):
    await identity.add_account(pin="blue-42")
    for n in range(2):
        await identify(identity, "alice", f"wrong {n}", PINS)
    identity.records.writes = 0
    locked = await identify(identity, "alice", "blue-42", PINS)
    assert isinstance(locked.result, Deny)
    assert (locked.result.reason, identity.records.writes) == (Reason.ACCOUNT_LOCKED_OUT, 1)


async def test_a_secret_longer_than_any_that_was_set_is_wrong(identity):
    pin = "ab1" * 90
    await identity.add_account(pin=pin[:MAX_HUMAN_SECRET_CHARACTERS])
    found = await identify(identity, "alice", pin, PINS)
    assert found.result == Deny(Reason.CREDENTIAL_WRONG)
