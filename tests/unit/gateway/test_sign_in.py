from types import SimpleNamespace

import pytest

from handfast.gateway.sign_in import find_same_again
from handfast.protocols.http1.head import parse_request_head

ROUTE, OTHER_ROUTE, LIVE = object(), object(), object()
FIELDS = "Authorization: Basic YTpi\r\nUser-Agent: Phone\r\nMS-ASProtocolVersion: 14.1\r\n"


def head(fields=FIELDS, version="1.1"):
    return parse_request_head(f"POST /x HTTP/{version}\r\nHost: h\r\n{fields}\r\n".encode())


def connection(authorization=b"Basic YTpi", *, is_trusted=True, behind_http_proxy=False):
    return SimpleNamespace(
        authenticated=(ROUTE, authorization, b"Phone", b"14.1", LIVE),
        listener=SimpleNamespace(config=SimpleNamespace(behind_http_proxy=behind_http_proxy)),
        state=SimpleNamespace(link=SimpleNamespace(trusts=lambda live, now: is_trusted and live is LIVE)),
    )


def test_the_same_request_has_the_same_grant():
    assert find_same_again(connection(), head(), ROUTE, 0.0) is LIVE


def test_a_connection_without_a_sign_in_has_none():
    conn = connection()
    conn.authenticated = None
    assert find_same_again(conn, head(), ROUTE, 0.0) is None


def test_a_grant_that_is_not_trusted_is_not_used():
    assert find_same_again(connection(is_trusted=False), head(), ROUTE, 0.0) is None


def test_another_route_is_another_request():
    assert find_same_again(connection(), head(), OTHER_ROUTE, 0.0) is None


@pytest.mark.parametrize(
    "fields",
    [
        FIELDS.replace("YTpi", "YTpj"),
        FIELDS.replace("Phone", "Tablet"),
        FIELDS.replace("14.1", "16.1"),
        FIELDS.replace("Authorization: Basic YTpi\r\n", ""),
        FIELDS.replace("User-Agent: Phone\r\n", ""),
        FIELDS + "X-A: 1\r\nX-A: 2\r\n",
    ],
)
def test_whatever_else_differs_is_judged_anew(fields):
    assert find_same_again(connection(), head(fields), ROUTE, 0.0) is None


BARE = FIELDS.replace("Authorization: Basic YTpi\r\n", "")


def test_after_ntlm_the_connection_is_the_credential():
    assert find_same_again(connection(None), head(BARE), ROUTE, 0.0) is LIVE
    assert find_same_again(connection(None), head(), ROUTE, 0.0) is None


@pytest.mark.parametrize(
    ("fields", "version", "behind_http_proxy"),
    [(BARE + "Via: 1.1 p\r\n", "1.1", False), (BARE, "1.0", False), (BARE, "1.1", True)],
)
def test_but_not_where_several_people_may_share_it(fields, version, behind_http_proxy):
    conn = connection(None, behind_http_proxy=behind_http_proxy)
    assert find_same_again(conn, head(fields, version), ROUTE, 0.0) is None
