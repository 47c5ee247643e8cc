from __future__ import annotations

import pytest

from handfast.protocols.autodiscover.schemas import ENVELOPE
from handfast.protocols.errors import MalformedMessage
from handfast.rewriting.autodiscover.document_scan import leak_in
from handfast.rewriting.autodiscover.name_scan import NameScan

SCAN = NameScan(frozenset({"mail.lab.test"}), frozenset({"lab.test"}))


def document(inner: str, attributes: str = "") -> bytes:
    return f'<Autodiscover xmlns="{ENVELOPE}"{attributes}>{inner}</Autodiscover>'.encode()


def test_published_names_are_no_leak():
    assert leak_in(document("<A>https://mail.lab.test/</A><B>a@lab.test</B>"), SCAN) is None


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (document("<A>ex1.corp.lab</A>"), "ex1.corp.lab"),
        (document("<A>ex1<!-- -->.corp<![CDATA[.lab]]></A>"), "ex1.corp.lab"),
        (document("<A><B/>ex1.corp.lab</A>"), "ex1.corp.lab"),
        (document("<A b='ex1.corp.lab'/>"), "ex1.corp.lab"),
        (document("<ex1.corp.lab/>"), "ex1.corp.lab"),
        (document("<A ex1.corp.lab='1'/>"), "ex1.corp.lab"),
        (document("", ' xmlns:x="http://ex1.corp.lab/"'), "http://ex1.corp.lab/"),
        (document("", " xmlns:x = 'urn:ex1'"), "urn:ex1"),
    ],
)
def test_every_place_is_looked_at(body, name):
    found = leak_in(body, SCAN)
    assert found is not None
    assert found.name == name


def test_what_can_t_be_read_is_no_answer():
    with pytest.raises(MalformedMessage):
        leak_in(b"<a>", SCAN)
