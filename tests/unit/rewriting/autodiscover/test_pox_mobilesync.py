from __future__ import annotations

from handfast.protocols.autodiscover.schemas import MOBILESYNC_RESPONSE
from handfast.protocols.xml.document import parse_xml
from handfast.protocols.xml.tree import local_name
from handfast.rewriting.autodiscover.elements import value_of
from handfast.rewriting.autodiscover.name_scan import NameScan
from handfast.rewriting.autodiscover.pox_mobilesync import rewrite_mobilesync
from handfast.rewriting.autodiscover.published_names import PublishedNames

NAMES = PublishedNames("autodiscover.lab.test", activesync="mail.lab.test")
SCAN = NameScan(NAMES.hosts)


def rewritten(inner: str, names: PublishedNames = NAMES):
    root = parse_xml(f'<Response xmlns="{MOBILESYNC_RESPONSE}">{inner}</Response>'.encode())
    rewrite_mobilesync(root, names, SCAN, "alice@lab.test")
    return root


def settings(kind: str) -> str:
    server = f"<Server><Type>{kind}</Type><Url>https://ex1/</Url><Name>https://ex1/</Name><ServerData>x</ServerData></Server>"
    return f"<Action><Settings>{server}</Settings></Action>"


def test_url_and_name_are_the_published_url():
    server = rewritten(settings("MobileSync"))[0][0][0]
    url = "https://mail.lab.test/Microsoft-Server-ActiveSync"
    assert [(local_name(e)[1], e.text) for e in server] == [
        ("Type", "MobileSync"),
        ("Url", url),
        ("Name", url),
    ]


def test_a_certification_authority_disappears():
    assert len(rewritten(settings("CertEnroll"))[0][0]) == 0


def test_activesync_that_is_not_published_disappears():
    assert len(rewritten(settings("MobileSync"), PublishedNames("autodiscover.lab.test"))[0][0]) == 0


def test_a_display_name_like_a_server_s_gives_way_to_the_address():
    root = rewritten(
        "<User><DisplayName>ex1.corp.lab</DisplayName></User><User><DisplayName>Alice</DisplayName></User>"
    )
    assert [value_of(user, "DisplayName") for user in root] == ["alice@lab.test", "Alice"]
