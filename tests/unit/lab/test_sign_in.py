"""Whom the simulated front end believes."""

import base64

import pytest

from handfast.lab.http_message import Headers
from handfast.lab.sign_in import SignIn, basic_credential


def basic(text: str) -> Headers:
    return Headers((("Authorization", "Basic " + base64.b64encode(text.encode()).decode()),))


def test_header_exactly_once():
    sign_in = SignIn("header", "X-Remote-User", {})
    assert sign_in.user(Headers((("x-remote-user", "alice"),)), "bob") == "alice"
    assert sign_in.user(Headers(), "bob") == ""
    assert sign_in.user(Headers((("X-Remote-User", "a"), ("X-Remote-User", "a"))), "bob") == ""


def test_none_takes_the_claim():
    sign_in = SignIn("none", "", {})
    assert sign_in.user(Headers(), "alice") == "alice"
    assert sign_in.user(Headers(), "") == "anonymous"


def test_basic_verifies_and_counts():
    sign_in = SignIn("basic", "", {"alice": "pa:ss"})
    assert sign_in.user(basic("CORP\\Alice:pa:ss"), "") == "CORP\\Alice"
    assert sign_in.user(basic("alice:wrong"), "") == ""
    assert sign_in.user(basic("carol:pa:ss"), "") == ""
    assert sign_in.user(Headers(), "alice") == ""
    assert sign_in.failures == {"alice": 1, "carol": 1}
    assert "pa:ss" not in repr(sign_in)


@pytest.mark.parametrize("value", ["", "Basic", "Basic !!!", "Bearer abc", "Basic /w=="])
def test_unreadable_credentials(value):
    assert basic_credential(Headers((("Authorization", value),))) == ("", "")
