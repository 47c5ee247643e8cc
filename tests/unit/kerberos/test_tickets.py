from handfast.identity.records import AccountId
from handfast.kerberos.mechanism import Credential
from handfast.kerberos.tickets import RENEW_AGAIN_SECONDS, SPARE_SECONDS, TicketCache, TicketKey

HOURS = 3600.0


def key(
    account: int = 1, service: str = "HTTP/fe@R", principal: str = "alice@R", sid: str = "S-1"
) -> TicketKey:
    return TicketKey(AccountId(account), sid, principal, service)


def credential() -> Credential:
    return Credential(object(), HOURS)


def test_kept_and_found_until_shortly_before_its_end():
    cache = TicketCache()
    ticket = cache.keep(key(), credential(), HOURS, now=0)
    assert cache.find(key(), HOURS - SPARE_SECONDS - 1) is ticket
    assert cache.find(key(service="HTTP/ex@R"), 0) is None
    assert cache.find(key(principal="alice.renamed@R"), 0) is None
    assert cache.find(key(sid="S-2"), 0) is None
    assert cache.find(key(2), 0) is None
    assert cache.find(key(), HOURS - SPARE_SECONDS) is None
    assert len(cache) == 0, "what has ended is dropped"


def test_renewal_is_asked_for_once_in_a_while():
    ticket = TicketCache().keep(key(), credential(), HOURS, now=0)
    assert not ticket.takes_renewal(HOURS - 901)
    assert ticket.takes_renewal(HOURS - 900)
    assert not ticket.takes_renewal(HOURS - 900 + RENEW_AGAIN_SECONDS - 1)
    assert ticket.takes_renewal(HOURS - 900 + RENEW_AGAIN_SECONDS)


def test_a_short_ticket_is_renewed_at_half_its_time():
    ticket = TicketCache().keep(key(), credential(), 300, now=0)
    assert not ticket.takes_renewal(149)
    assert ticket.takes_renewal(150)


def test_the_least_lately_used_account_makes_room_with_all_its_tickets():
    cache = TicketCache(max_tickets=3)
    for one in (key(1), key(1, "HTTP/ex@R"), key(2)):
        cache.keep(one, credential(), HOURS, now=0)
    assert cache.find(key(1), 0)
    cache.keep(key(3), credential(), HOURS, now=0)
    assert (cache.find(key(2), 0), len(cache)) == (None, 3)
    cache.keep(key(4), credential(), HOURS, now=0)
    assert (cache.find(key(1), 0), cache.find(key(1, "HTTP/ex@R"), 0), len(cache)) == (None, None, 2)


def test_a_newer_ticket_takes_the_place_of_the_old_one():
    cache = TicketCache()
    cache.keep(key(), credential(), HOURS, now=0)
    newer = cache.keep(key(), credential(), HOURS, now=1)
    assert cache.find(key(), 1) is newer
    assert len(cache) == 1


def test_forgotten():
    cache = TicketCache()
    for one in (key(1), key(1, "HTTP/ex@R"), key(2)):
        cache.keep(one, credential(), HOURS, now=0)
    cache.drop(key(1))
    cache.drop(key(1))
    assert len(cache) == 2
    cache.drop_account(AccountId(1))
    cache.drop_account(AccountId(7))
    assert len(cache) == 1
    cache.clear()
    assert (len(cache), cache.find(key(2), 0)) == (0, None)


def test_no_credential_is_shown():
    assert "credential" not in repr(TicketCache().keep(key(), credential(), HOURS, now=0))
