from datetime import UTC, datetime

import pytest

from handfast.decision.access import AccessRequest, NoCredential
from handfast.decision.outcome import Grant
from handfast.gateway import grants as module
from handfast.gateway.grants import GrantCache
from handfast.gateway.wheel import NEVER
from handfast.identity.channels import Channel
from handfast.identity.records import Revocation, RevocationScope

REQUEST = AccessRequest("r", "n", "l", "1.2.3.4", "mail", "rule", Channel.ACTIVESYNC, NoCredential())


class FakeWheel:
    def watch(self, item, deadline):
        item.deadline = deadline


class Running:
    def cut(self, reason):
        raise AssertionError("the cache cuts nobody")


def grant(number=1, *, account=1, epoch=1, device="D", password=7, lifetime=100.0):
    return Grant(f"g{number}", "mail", account, "u", epoch, lifetime, device, password, "n")


def revocation(scope, epoch=2, **fields):
    return Revocation(epoch, scope, datetime(2026, 1, 1, tzinfo=UTC), **fields)


@pytest.fixture
def cache():
    return GrantCache(FakeWheel())


def test_a_grant_is_found_by_its_key_until_it_ends(cache):
    live = cache.store(("k",), grant(), REQUEST, 10.0)
    assert cache.find(("k",), 109.9) is live
    assert cache.find(("k",), 110.0) is None
    assert cache.find(("other",), 11.0) is None


def test_no_grant_lives_longer_than_the_product_allows(cache):
    assert cache.store(("k",), grant(lifetime=9999.0), REQUEST, 0.0).expires_at == 300.0


@pytest.mark.parametrize(
    ("item", "hit"),
    [
        (revocation(RevocationScope.ACCOUNT, account_id=1), True),
        (revocation(RevocationScope.ACCOUNT, account_id=2), False),
        (revocation(RevocationScope.ACCOUNT, epoch=1, account_id=1), False),
        (revocation(RevocationScope.PARTNERSHIP, account_id=1, device_id="D"), True),
        (revocation(RevocationScope.PARTNERSHIP, account_id=1, device_id="E"), False),
        (revocation(RevocationScope.DEVICE, device_id="D"), True),
        (revocation(RevocationScope.DEVICE, device_id="E"), False),
        (revocation(RevocationScope.APP_PASSWORD, app_password_id=7), True),
        (revocation(RevocationScope.APP_PASSWORD, app_password_id=8), False),
        (revocation(RevocationScope.STORED_SECRET, account_id=1, publication="mail"), True),
        (revocation(RevocationScope.STORED_SECRET, account_id=1, publication="other"), False),
        (revocation(RevocationScope.NODE, node="n"), True),
        (revocation(RevocationScope.NODE, node="m"), False),
        (revocation(RevocationScope.EVERYTHING), True),
    ],
)
def test_a_revocation_ends_what_it_names_before_and_after(cache, item, hit):
    live = cache.store(("k",), grant(), REQUEST, 0.0)
    assert cache.revoke(item) == ([live] if hit else [])
    assert live.is_live is not hit
    assert (cache.find(("k",), 1.0) is None) is hit
    assert (cache.store(("late",), grant(), REQUEST, 0.0) is None) is hit
    assert cache.store(("new",), grant(epoch=2), REQUEST, 0.0) is not None


def test_a_grant_taken_out_of_the_cache_is_still_revoked_while_it_runs(cache):
    live, running = cache.store(("k",), grant(), REQUEST, 0.0), Running()
    cache.begin(live, running)
    assert cache.forget_all() == [live]
    assert cache.find(("k",), 1.0) is None
    assert cache.revoke(revocation(RevocationScope.DEVICE, device_id="D")) == [live]
    assert list(cache.in_flight()) == [running]
    cache.end(live, running)
    assert list(cache.in_flight()) == []
    assert cache._by_subject == {}


def test_forgotten_revocations_make_old_grants_worthless(cache, monkeypatch):
    monkeypatch.setattr(module, "MAX_REMEMBERED_REVOCATIONS", 3)
    cache = GrantCache(FakeWheel())
    for epoch in range(2, 7):
        cache.revoke(revocation(RevocationScope.ACCOUNT, epoch=epoch, account_id=99))
    assert cache.store(("k",), grant(epoch=2), REQUEST, 0.0) is None
    assert cache.store(("k",), grant(epoch=3), REQUEST, 0.0) is not None
    cache.distrust_before(9)
    assert cache.store(("k",), grant(epoch=8), REQUEST, 0.0) is None


def test_the_cache_is_bounded(cache, monkeypatch):
    monkeypatch.setattr(module, "MAX_GRANTS", 3)
    for number in range(5):
        cache.store((number,), grant(number), REQUEST, 0.0)
    assert len(cache._by_key) == 3
    assert cache.find((4,), 1.0) is not None


def test_expiry_rechecks_what_runs_and_renewal_restores_it(cache):
    rechecked = []
    cache.watcher = type("W", (), {"recheck": lambda _, live: rechecked.append(live)})()
    idle, busy = cache.store(("a",), grant(), REQUEST, 0.0), cache.store(("b",), grant(), REQUEST, 0.0)
    cache.begin(busy, Running())
    for live in (idle, busy):
        live.on_deadline(100.0)
    assert rechecked == [busy]
    assert not busy.renew(grant(account=2), 200.0)
    assert not busy.renew(grant(password=8), 200.0)
    assert busy.renew(grant(number=2), 200.0)
    assert cache.find(("b",), 199.0) is busy
    assert idle.deadline == NEVER


def test_a_digest_tells_credentials_apart_and_differs_from_process_to_process(cache):
    assert cache.digest(b"Basic a") == cache.digest(b"Basic a") != cache.digest(b"Basic b")
    assert cache.digest(b"Basic a") != GrantCache(FakeWheel()).digest(b"Basic a")
