"""What a front end adds."""

import base64
import gzip

import pytest

from handfast.lab.front_end import betrayals, challenges, compressed, exchange_cookie
from handfast.lab.reply import Reply
from handfast.lab.site_names import SiteNames


def test_the_back_ends_name_is_hidden_in_the_cookie_and_nowhere_else():
    fields = dict(betrayals(SiteNames(), "/ews", "alice"))
    name, sid, route = fields["Set-Cookie"].partition(";")[0].split("=", 2)
    assert (name, sid[:9]) == ("X-BackEndCookie", "S-1-5-21-")
    assert bytes(255 - byte for byte in base64.b64decode(route)).startswith(b"ex01.corp.internal~")
    assert fields["X-CalculatedBETarget"] == "ex01.corp.internal"
    assert "path=/ews;" in fields["Set-Cookie"]


def test_each_user_has_a_cookie_of_their_own():
    cookies = {dict(betrayals(SiteNames(), "/", user))["Set-Cookie"] for user in ("alice", "bob", "")}
    assert len(cookies) == 3
    assert exchange_cookie("alice") != exchange_cookie("bob")


def test_challenges_name_the_server():
    told = challenges(SiteNames(), ("NTLM", "Basic"))
    assert [value for _, value in told] == ["NTLM", 'Basic realm="ex01.corp.internal"']


def test_text_is_compressed_where_it_is_wanted():
    text = Reply(200, b"<a/>" * 100, "text/xml; charset=utf-8", (("A", "b"),))
    packed = compressed(text, "deflate, gzip")
    assert gzip.decompress(packed.body) == text.body
    assert packed.headers == (("A", "b"), ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))


@pytest.mark.parametrize(
    ("reply", "accepts"),
    [
        (Reply(200, b"x", "text/xml"), "identity"),
        (Reply(200, b"", "text/xml"), "gzip"),
        (Reply(200, b"x", "application/vnd.ms-sync.wbxml"), "gzip"),
    ],
)
def test_the_rest_stays_as_it_is(reply, accepts):
    assert compressed(reply, accepts) is reply
