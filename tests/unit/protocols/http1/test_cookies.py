import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.http1.cookies import cookie_for_client, is_routing_cookie, without_routing_cookies


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a=1; b=2", b"a=1; b=2"),
        (b"X-BackEndCookie=S-1-5-21=ex01", b""),
        (b"X-BEResource=localhost~1942062522", b""),
        (b"a=1; X-BEResource=localhost/x; b=2", b"a=1; b=2"),
        (b"x-beresource=1;a=1", b"a=1"),
        (b"a=1; \tX-AnonResource=true; X-AnonResource-Backend=inside/ecp/x.js", b"a=1"),
        (b'a="1; X-BEResource=2"', b'a="1'),
        (b"X-BEResource", b""),
        (b"", b""),
        (b"exchangecookie=0123; cadata=abc", b"exchangecookie=0123; cadata=abc"),
    ],
)
def test_routing_cookies_are_taken_out_and_all_else_stays_as_it_was(sent, kept):
    assert without_routing_cookies(sent) == kept


@given(st.binary(max_size=200))
def test_nothing_that_routes_is_ever_left(value):
    kept = without_routing_cookies(value)
    assert not any(is_routing_cookie(pair) for pair in kept.split(b";"))
    assert without_routing_cookies(kept) == kept
    assert len(kept) <= len(value)


def test_a_set_cookie_with_its_attributes():
    assert is_routing_cookie(b"X-BackEndCookie=S-1-5-21=ex01.corp.internal; path=/; secure")
    assert not is_routing_cookie(b"exchangecookie=X-BEResource; path=/")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"ClientId=1; path=/; secure", b"ClientId=1; path=/; secure"),
        (b"ClientId=1; Domain=ex01.contoso.lab; path=/", b"ClientId=1; path=/"),
        (b"ClientId=1; path=/;\tdOMAIN = .contoso.lab", b"ClientId=1; path=/"),
        (b"ClientId=domain=1; path=/", b"ClientId=domain=1; path=/"),
        (b"X-BackEndCookie=S-1-5-21=ex01; path=/", None),
        (b"x-feserver=ex01", None),
    ],
)
def test_a_cookie_leaves_without_a_domain_and_never_names_a_server(sent, kept):
    assert cookie_for_client(sent) == kept
