from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.decision.outcome import Grant
from handfast.identity.records import AccountId, AppPasswordId, Revocation, RevocationScope
from tests.fakes.one_phone import NOW

GRANT = Grant(
    "g",
    "mail",
    AccountId(1),
    "alice@contoso.lab",
    epoch=10,
    lifetime_seconds=300,
    device_id="P1",
    app_password_id=AppPasswordId(7),
    node="edge1",
    session=b"SECRET",
)


def revoked(scope, **more):
    return Revocation(11, scope, NOW, **more)


FITTING = (
    revoked(RevocationScope.EVERYTHING),
    revoked(RevocationScope.ACCOUNT, account_id=AccountId(1)),
    revoked(RevocationScope.PARTNERSHIP, account_id=AccountId(1), device_id="P1"),
    revoked(RevocationScope.DEVICE, device_id="P1"),
    revoked(RevocationScope.APP_PASSWORD, app_password_id=AppPasswordId(7)),
    revoked(RevocationScope.STORED_SECRET, account_id=AccountId(1), publication="mail"),
    revoked(RevocationScope.NODE, node="edge1"),
)


def test_each_scope_is_in_the_table():
    assert {revocation.scope for revocation in FITTING} == set(RevocationScope)


@pytest.mark.parametrize("revocation", FITTING, ids=lambda r: r.scope.value)
def test_a_grant_is_hit_by_what_matches_it_and_came_later(revocation):
    assert GRANT.is_hit_by(revocation)
    for epoch in (9, 10):
        assert not GRANT.is_hit_by(replace(revocation, epoch=epoch)), "the decision saw that already"


@pytest.mark.parametrize(
    "revocation",
    [
        revoked(RevocationScope.ACCOUNT, account_id=AccountId(2)),
        revoked(RevocationScope.PARTNERSHIP, account_id=AccountId(2), device_id="P1"),
        revoked(RevocationScope.PARTNERSHIP, account_id=AccountId(1), device_id="P2"),
        revoked(RevocationScope.DEVICE, device_id="P2"),
        revoked(RevocationScope.APP_PASSWORD, app_password_id=AppPasswordId(8)),
        revoked(RevocationScope.STORED_SECRET, account_id=AccountId(2), publication="mail"),
        revoked(RevocationScope.STORED_SECRET, account_id=AccountId(1), publication="ews"),
        revoked(RevocationScope.NODE, node="edge2"),
    ],
)
def test_what_concerns_another_does_not_hit(revocation):
    assert not GRANT.is_hit_by(revocation)


def test_a_session_stands_in_no_log():
    assert "SECRET" not in repr(GRANT)


def test_a_scope_that_nobody_taught_us_lets_no_grant_live_on():
    with pytest.raises(AssertionError):
        GRANT.is_hit_by(revoked("planet"))
