from __future__ import annotations

import codecs

import pytest

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.charset import decode_document

UMLAUT = "<a>\u00e4</a>"


def declared(charset: str, text: str = UMLAUT) -> str:
    return f"<?xml version='1.0' encoding='{charset}'?>{text}"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (UMLAUT.encode(), b""),
        (UMLAUT.encode(), b"text/xml; charset=utf-8"),
        (UMLAUT.encode(), b'text/xml; boundary=x; Charset="UTF-8"'),
        (codecs.BOM_UTF8 + UMLAUT.encode(), b""),
        (codecs.BOM_UTF8 + declared("utf-8").encode(), b"text/xml; charset=utf-8"),
        (declared("iso-8859-1").encode("latin-1"), b""),
        (UMLAUT.encode("latin-1"), b"text/xml; charset=iso-8859-1"),
        (declared("ISO-8859-1").encode("latin-1"), b"text/xml; charset=latin1"),
        (UMLAUT.encode("utf-16"), b""),
        (declared("utf-16").encode("utf-16"), b"text/xml; charset=utf-16"),
        (declared("utf-16").encode("utf-16-be"), b""),
        (UMLAUT.encode("utf-16-le"), b"text/xml; charset=utf-16le"),
        (codecs.BOM_UTF16_BE + UMLAUT.encode("utf-16-be"), b"text/xml; charset=utf-16be"),
    ],
)
def test_what_all_who_speak_agree_on_is_read(data, content_type):
    assert decode_document(data, content_type) == UMLAUT


@pytest.mark.parametrize("content_type", [b"text/xml; charset=us-ascii", b"text/xml; charset=iso-8859-1"])
def test_ascii_is_the_same_text_in_three_charsets(content_type):
    assert decode_document(declared("utf-8", "<a/>").encode(), content_type) == "<a/>"


@pytest.mark.parametrize(
    ("data", "content_type", "problem"),
    [
        (UMLAUT.encode("latin-1"), b"", "not utf-8 at byte 3"),
        (UMLAUT.encode(), b"text/xml; charset=us-ascii", "not us-ascii"),
        (declared("utf-8").encode(), b"text/xml; charset=iso-8859-1", "differ"),
        (codecs.BOM_UTF8 + declared("iso-8859-1").encode(), b"", "differ"),
        (declared("utf-8").encode("utf-16"), b"", "byte order"),
        (UMLAUT.encode("utf-16"), b"text/xml; charset=utf-8", "byte order"),
        (codecs.BOM_UTF16_LE + UMLAUT.encode("utf-16-le"), b"text/xml; charset=utf-16be", "byte order"),
        (declared("utf-16", "<a/>").encode(), b"", "is not"),
        (b"<a/>", b"text/xml; charset=utf-16", "is not"),
        (b"<a/>", b"text/xml; charset=utf-7", "unknown charset 'utf-7'"),
        (b"<a/>", b"text/xml; charset=", "unknown charset ''"),
        (b"<a/>", b"text/xml; charset=utf-8; charset=utf-8", "twice"),
        (declared("windows-1252", "<a/>").encode(), b"", "unknown charset"),
        (b"<?xml version='1.1'?><a/>", b"", "XML 1.0"),
        (b"<?xml encoding='utf-8'?><a/>", b"", "XML 1.0"),
        (b"<?xml version='1.0' encoding='utf-8' extra='x'?><a/>", b"", "XML 1.0"),
        (codecs.BOM_UTF16_LE + b"<\x00a", b"", "not utf-16-le"),
        (codecs.BOM_UTF32_LE + b"<\x00\x00\x00", b"", ""),
    ],
)
def test_a_contradicted_or_unknown_charset_is_refused(data, content_type, problem):
    if data.startswith(codecs.BOM_UTF32_LE):  # read as UTF-16 it has a NUL, which no document has
        assert "\0" in decode_document(data, content_type)
        return
    with pytest.raises(MalformedMessage, match=problem):
        decode_document(data, content_type)


def test_an_instruction_whose_name_begins_with_xml_is_no_declaration():
    assert decode_document(b"<?xmlx version='1.0'?><a/>") == "<?xmlx version='1.0'?><a/>"


def test_a_declaration_may_say_that_it_stands_alone():
    assert decode_document(b'<?xml version="1.0" encoding="utf-8" standalone="yes" ?>\n<a/>') == "\n<a/>"


def test_utf_16_that_nothing_marks_is_what_the_content_type_says():
    assert decode_document("\n<a/>".encode("utf-16-le"), b"text/xml; charset=utf-16le") == "\n<a/>"
