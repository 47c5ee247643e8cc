from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.decision.rules.reading import MAX_TARGET_CHARACTERS, forgiving_reading, raw_path


@pytest.mark.parametrize(
    "dressed",
    [
        "/ecp/y.js",
        "/ECP/Y.JS",
        "/%65cp/%79.js",
        "/%2565cp/y.js",
        "/%25252565cp/y.js",
        "/ecp%2fy.js",
        "/ecp%5cy.js",
        "\\ecp\\y.js",
        "//ecp///y.js",
        "/./ecp/././y.js",
        "/owa/../ecp/y.js",
        "/../ecp/y.js",
        "/ecp%c0%afy.js",
        "/owa/%c0%ae%c0%ae/ecp/y.js",
        "/ecp%u002fy.js",
        "/%uff45cp/y.js",
        "/%ef%bd%85cp/y.js",
        "/ecp%ef%bc%8fy.js",
        "/ecp;a=b/y.js;c",
        "/ecp./y.js.",
        "/ecp%20/y.js%20",
        "/ecp/y.js::$DATA",
        "/ecp:$i30/y.js",
        "/ecp/y.js%00",
        "https://mail.example/ecp/y.js",
    ],
)
def test_every_disguise_comes_off(dressed):
    assert forgiving_reading(dressed) == "/ecp/y.js"


def test_the_query_stays_and_an_encoded_mark_begins_one():
    assert forgiving_reading("/A.json%3f@b%2Fowa\\x?c=d") == "/a.json?@b/owa/x?c=d"
    assert forgiving_reading("/%u4e00") == "/?"
    assert forgiving_reading("/") == "/"


def test_the_raw_path_is_as_sent():
    assert raw_path("https://mail.example/A%2fB;c?d=e") == "/a%2fb;c"
    assert raw_path("/x?u=https://a/b") == "/x"


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=300))
def test_any_target_has_a_reading_of_one_leading_slash(target):
    path = forgiving_reading(target).partition("?")[0]
    assert path.startswith("/")
    assert "//" not in path
    assert "/../" not in path


@pytest.mark.parametrize("piece", ["%25", "/..", "%c0%ae%c0%ae/", ";", "::$a", "%u002f", "a.", "\\"])
def test_a_long_target_costs_little(piece):
    began = time.process_time()
    forgiving_reading("/" + piece * (8192 // len(piece)))
    assert time.process_time() - began < 0.5
    assert len(forgiving_reading("/" + "a" * 8192)) == MAX_TARGET_CHARACTERS
