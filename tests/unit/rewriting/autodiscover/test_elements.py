from __future__ import annotations

import pytest

from handfast.protocols.autodiscover.schemas import OUTLOOK_RESPONSE
from handfast.protocols.xml.document import parse_xml, serialise_xml
from handfast.rewriting.autodiscover.elements import clean_tree, is_version, named, remove, texts_of, value_of
from handfast.rewriting.autodiscover.name_scan import NameScan

SCAN = NameScan(frozenset({"mail.lab.test"}), frozenset({"lab.test"}))


def cleaned(inner: str) -> str:
    root = parse_xml(f'<Response xmlns="{OUTLOOK_RESPONSE}">{inner}</Response>'.encode())
    clean_tree(root, SCAN)
    return serialise_xml(root).decode().partition(">")[2].partition(">")[2].removesuffix("</Response>")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<Flag>true</Flag>", "<Flag>true</Flag>"),
        ("<Url>https://mail.lab.test/x</Url>", "<Url>https://mail.lab.test/x</Url>"),
        ("<Url>https://ex1/x</Url><Flag/>", "<Flag/>"),
        ("<A><B>ex1.corp.lab</B><C>1</C></A>", "<A><C>1</C></A>"),
        ('<A Hint="ex1.corp.lab" Kind="1"/>', '<A Kind="1"/>'),
        ('<A xmlns:x="urn:x" x:Kind="1"/>', '<A xmlns:x="urn:x"/>'),
        ('<x:A xmlns:x="urn:x">1</x:A><B/>', "<B/>"),
        ("<ex1.corp.lab>1</ex1.corp.lab><B/>", "<B/>"),
        ('<A ex1.corp.lab="1"/>', "<A/>"),
        ("<A><B/>ex1.corp.lab</A>", "<A><B/></A>"),
        ("<A>text<B/></A>", "<A><B/></A>"),
        ("<Message>no ex1.corp.lab</Message>", "<Message/>"),
        ("<LegacyDN>ex1.corp.lab</LegacyDN>", "<LegacyDN>ex1.corp.lab</LegacyDN>"),
        ("<CasVersion>15.1.225.42</CasVersion>", "<CasVersion>15.1.225.42</CasVersion>"),
        ("<Other>15.1.225.42</Other>", ""),
        (
            "<Other>15.1.225.42</Other><CasVersion>15.1.225.42</CasVersion>",
            "<CasVersion>15.1.225.42</CasVersion>",
        ),
        ('<A xmlns="">1</A>', '<A xmlns="">1</A>'),
    ],
)
def test_what_carries_a_name_is_taken_out(before, after):
    assert cleaned(before) == after


def test_every_piece_is_searched():
    root = parse_xml(b"<a b='1'>2<c>3</c>4</a>")
    assert list(texts_of(root)) == ["a", "2", "b", "1", "c", "3", "4"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"<CasVersion>15.1.225.42</CasVersion>", True),
        (b"<CasVersion>10.1.225.42</CasVersion>", False),
        (b"<Server>15.1.225.42</Server>", False),
        (b"<CasVersion/>", False),
    ],
)
def test_a_version_is_exchange_s_in_a_field_for_versions(document, expected):
    assert is_version(parse_xml(document)) is expected


def test_a_setting_s_value_is_a_version_by_the_setting_s_name():
    setting = parse_xml(b"<s><Name>CasVersion</Name><Value>15.1.225.42</Value></s>")
    assert is_version(setting[1])
    other = parse_xml(b"<s><Name>Other</Name><Value>15.1.225.42</Value></s>")
    assert not is_version(other[1])


def test_children_are_found_by_local_name():
    root = parse_xml(b"<a><b xmlns='u'> 1 </b><b>2</b></a>")
    assert len(named(root, "b")) == 2
    assert value_of(root, "b") == "1"
    assert value_of(root, "c") == ""
    remove(root[0])
    assert value_of(root, "b") == "2"
    remove(root)  # the document element has nothing to be taken out of
