from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.soap.content_type import check_content_type


@pytest.mark.parametrize(
    ("value", "charset"),
    [
        (b"text/xml; charset=utf-8", b"utf-8"),  # exchangelib 5.6.0 transport.py DEFAULT_HEADERS
        (b"text/xml; charset=UTF-8", b"utf-8"),
        (b"text/xml;charset=UTF-8", b"utf-8"),
        (b'text/xml; charset="utf-8"', b"utf-8"),
        (b"text/xml", b"utf-8"),
        (b"TEXT/XML;", b"utf-8"),
        (b"text/xml; charset=us-ascii", b"us-ascii"),
        (b"application/xml", b"utf-8"),
        (b'application/soap+xml; charset=utf-8; action="urn:x;y"', b"utf-8"),
    ],
)
def test_xml_in_a_charset_that_all_read_alike(value, charset):
    assert check_content_type(value) == charset


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"text/plain",
        b"text/xmlx",
        b"text/xml x",
        b"text/xml; charset=utf-16",
        b"text/xml; charset=utf-7",
        b"text/xml; charset=iso-8859-1",
        b"text/xml; charset=",
        b"text/xml; charset=utf-8; charset=utf-16",
        b"text/xml; charset=utf-8; CHARSET=utf-8",
        b"text/xml; charset=utf-8 utf-16",
        b'text/xml; charset="utf-8',
        b"text/xml; charset='utf-8'",
        b"text/xml, text/xml",
        b'multipart/related; type="application/xop+xml"',
        b"application/soap+msbin1",
        b"application/octet-stream",
    ],
)
def test_anything_else_is_refused_as_another_media_type(value):
    with pytest.raises(MalformedMessage) as refused:
        check_content_type(value)
    assert refused.value.status == 415


@given(st.binary(max_size=80))
def test_any_bytes_give_a_charset_or_are_refused(value):
    with contextlib.suppress(MalformedMessage):
        assert check_content_type(b"text/xml" + value) in (b"utf-8", b"us-ascii")
