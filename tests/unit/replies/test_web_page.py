from __future__ import annotations

import base64
import hashlib
import re

from handfast.decision.reasons import Reason
from handfast.replies.http import render
from handfast.replies.web_page import WEB_PAGE, WEB_PAGE_HEADERS


def test_the_policy_lets_a_browser_do_nothing_but_show_the_page():
    policy = dict(WEB_PAGE_HEADERS)[b"Content-Security-Policy"].decode()
    for directive in (
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ):
        assert directive in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_style_is_the_one_the_policy_names_and_there_is_no_other():
    [style] = re.findall(rb"<style>(.*?)</style>", WEB_PAGE)
    digest = base64.b64encode(hashlib.sha256(style).digest())
    assert b"'sha256-" + digest + b"'" in dict(WEB_PAGE_HEADERS)[b"Content-Security-Policy"]
    for word in (b"<script", b"style=", b"href=", b"src=", b"<form", b"onload", b"http:", b"https:"):
        assert word not in WEB_PAGE


def test_no_two_requests_get_different_pages_and_a_header_alone_names_the_request():
    first = render(Reason.WEB_SIGN_IN_MISSING, None, request_id="first")
    second = render(Reason.WEB_SIGN_IN_MISSING, None, request_id="second")
    assert first.body == second.body == WEB_PAGE
    assert first.status == 403
    assert dict(first.headers)[b"X-Request-Id"] == b"first"
    assert b"text/html; charset=utf-8" in dict(first.headers).values()
    assert [name for name, _ in first.headers].count(b"Content-Type") == 1


def test_the_page_says_what_is_missing_and_what_to_do():
    assert b"sign-in pages" in WEB_PAGE
    assert b"help desk" in WEB_PAGE
