from __future__ import annotations

import pytest

from handfast.rewriting.autodiscover.published_names import PublishedNames

NAMES = PublishedNames(
    autodiscover="autodiscover.lab.test",
    ews="mail.lab.test",
    other_hosts=frozenset({"sip.lab.test"}),
    mapping={
        "EX01.corp.lab": "mail.lab.test",
        "https://ex02.corp.lab/ext-ews/": "https://mail.lab.test/EWS/",
        "https://ex02.corp.lab/ext-ews/deep/": "https://mail.lab.test/deep/",
    },
    inside_names=frozenset({"Corp.Lab.", "EX9", "mail.lab.test"}),
)


def test_hosts_are_those_of_every_published_protocol():
    assert NAMES.hosts == {"autodiscover.lab.test", "mail.lab.test", "sip.lab.test"}


def test_what_is_mapped_from_is_inside_and_what_is_published_never():
    assert NAMES.inside == {"corp.lab", "ex9", "ex01.corp.lab", "ex02.corp.lab"}


@pytest.mark.parametrize(
    ("url", "published"),
    [
        ("https://mail.lab.test/x?y", "https://mail.lab.test/x?y"),
        ("HTTPS://MAIL.lab.test.:443/x", "https://mail.lab.test/x"),
        ("https://ex01.CORP.lab/x", "https://mail.lab.test/x"),
        ("https://ex02.corp.lab/ext-ews/a", "https://mail.lab.test/EWS/a"),
        ("https://EX02.corp.lab/EXT-ews/deep/a", "https://mail.lab.test/deep/a"),
        ("https://ex02.corp.lab/other", None),
        ("http://mail.lab.test/x", None),
        ("https://mail.lab.test:444/x", None),
        ("https://mail.lab.test:x/", None),
        ("https://ex01.corp.lab@mail.lab.test/", None),
        ("https://[::1/", None),
        ("https:///x", None),
        ("/x", None),
        ("https://mail.lab.test/\r\nX: y", None),
        ("https://mail.lab.test/\u00e4", None),
        (" https://mail.lab.test/ ", "https://mail.lab.test/"),
        ("", None),
    ],
)
def test_a_url_has_one_form_outside_or_none(url, published):
    assert NAMES.published_url(url) == published


def test_outlook_s_server_is_that_of_mapi_else_of_ews():
    assert NAMES.outlook_server == "mail.lab.test"
    assert PublishedNames("a.test", mapi="m.test", ews="e.test").outlook_server == "m.test"
    assert PublishedNames("a.test").outlook_server == ""
