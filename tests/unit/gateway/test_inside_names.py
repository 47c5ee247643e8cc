from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.gateway.inside_names import InsideNames
from handfast.protocols.errors import MalformedMessage

NAMES = InsideNames(
    ("contoso.lan", "EX01", "contoso.com."),
    ("sogo", "ex9.other.lan", "mail.contoso.com", "10.1.2.3", ""),
    ("mail.contoso.com", "autodiscover.contoso.com", "example.org"),
)
NOTHING = InsideNames((), ("mail.contoso.com",), ("MAIL.contoso.com",))
TOLD = [
    b"ex1.contoso.lan",
    b"EX1.Contoso.LAN",
    b"contoso.lan",
    b"contoso.lan.",
    b"from ex1.contoso.lan, really",
    b"https://ex1.contoso.lan:444/owa",
    b"https%3a%2f%2fex1.contoso.lan%2fowa",
    b"%2fcontoso.lan",
    b"id=x_ex1.contoso.lan_y",
    b"user@contoso.lan",
    b"EX01",
    b"server=ex01;",
    b"a.b.c.contoso.lan",
    b"..contoso.lan",
    b"ex9.other.lan",
    b"10.1.2.3",
    b"http://10.1.2.3:80/",
    b"http://sogo/SOGo",
    b"url=http%3A%2F%2Fsogo%2F",
    b"root@sogo",
    b"other.contoso.com",
]
HARMLESS = [
    b"",
    b"mail.contoso.com",
    b"https://Mail.Contoso.Com/owa",
    b"autodiscover.contoso.com",
    b"contoso.lan.example.org",
    b"notcontoso.lan",
    b"EX011",
    b"ex01-a",
    b"my-ex01",
    b"ex01.example.org",
    b"sogo",
    b"/SOGo/so",
    b"10.1.2.30",
    b"110.1.2.3",
    b"other.lan",
]


@pytest.mark.parametrize("value", TOLD)
def test_a_name_of_the_inside_is_found_however_it_is_written(value):
    assert NAMES.may_be_in(value)
    assert NAMES.are_in(value)


@pytest.mark.parametrize("value", HARMLESS)
def test_what_is_outside_or_another_name_may_stand(value):
    assert not NAMES.are_in(value)


@given(st.binary(max_size=80), st.sampled_from([b"ex1.contoso.lan", b"EX01", b"//sogo", b"10.1.2.3"]))
def test_the_quick_look_misses_nothing(before, name):
    value = before + b" " + name
    assert NAMES.are_in(value)
    assert NAMES.may_be_in(value)


@given(st.binary(max_size=200))
def test_without_names_nothing_is_found(value):
    assert not NOTHING.may_be_in(value)
    assert not NOTHING.are_in(value)


def test_fields_that_tell_are_left_out_and_a_phrase_is_cut():
    lines = [b"HTTP/1.1 200 by ex1.contoso.lan", b"X-A: 1", b"X-B: ex1.contoso.lan", b"Set-Cookie: at=EX01"]
    assert NAMES.without(lines) == [b"HTTP/1.1 200 ", b"X-A: 1"]
    assert NAMES.without([b"HTTP/1.1 200 OK", b"X-A: 1"]) == [b"HTTP/1.1 200 OK", b"X-A: 1"]


@pytest.mark.parametrize("name", ["Location", "X-MS-Location"])
def test_a_place_to_go_to_that_tells_makes_the_answer_unfit(name):
    with pytest.raises(MalformedMessage, match="inside"):
        NAMES.without([b"HTTP/1.1 302 Found", f"{name}: /owa?url=https%3a%2f%2fex1.contoso.lan".encode()])
