from __future__ import annotations

import pytest

from handfast.protocols.autodiscover.schemas import OUTLOOK_RESPONSE
from handfast.protocols.xml.document import parse_xml
from handfast.protocols.xml.tree import local_name
from handfast.rewriting.autodiscover.elements import named, value_of
from handfast.rewriting.autodiscover.name_scan import NameScan
from handfast.rewriting.autodiscover.pox_outlook import PROTOCOL_FIELDS, rewrite_outlook
from handfast.rewriting.autodiscover.published_names import PublishedNames

H = "mail.lab.test"
NAMES = PublishedNames("autodiscover.lab.test", H, H, H, H, H, H, mail_domains=frozenset({"lab.test"}))
SCAN = NameScan(NAMES.hosts, NAMES.mail_domains)
EWS = f"https://{H}/EWS/Exchange.asmx"
GUID = "7c1d2e3f-4a5b-4c6d-8e9f-0a1b2c3d4e5f"


def account(inner: str, names: PublishedNames = NAMES):
    document = f'<Response xmlns="{OUTLOOK_RESPONSE}"><Account>{inner}</Account></Response>'
    root = parse_xml(document.encode())
    rewrite_outlook(root, names, SCAN, "alice@lab.test")
    return root[0]


def protocol(kind: str, inner: str) -> str:
    return f"<Protocol><Type>{kind}</Type>{inner}</Protocol>"


def fields(block) -> dict[str, str]:
    return {local_name(child)[1]: child.text for child in block}


def test_exch_and_expr_become_one_block_under_both_names():
    exch, expr = account(
        protocol("EXCH", "<Server>ex1</Server><EwsUrl>https://ex1/</EwsUrl><AD>dc1</AD>")
        + protocol("EXPR", "<Server>out.lab.test</Server><ASUrl>https://out.lab.test/</ASUrl>")
    )
    inside, outside = fields(exch), fields(expr)
    assert (inside.pop("Type"), outside.pop("Type")) == ("EXCH", "EXPR")
    assert (
        inside
        == outside
        == {
            "Server": H,
            "ASUrl": EWS,
            "EwsUrl": EWS,
            "SSL": "On",
            "AuthPackage": "Basic",
        }
    )


def test_without_expr_one_is_made_and_without_exch_none():
    assert [value_of(p, "Type") for p in account(protocol("EXCH", "<Server>ex1</Server>"))] == [
        "EXCH",
        "EXPR",
    ]
    assert [value_of(p, "Type") for p in account(protocol("EXPR", "<Server>ex1</Server>"))] == ["EXPR"]


def test_what_names_a_mailbox_stays_with_exch_alone():
    dn = f"/o=Lab/cn=Configuration/cn=Servers/cn={GUID}@lab.test"
    exch, expr = account(
        protocol("EXCH", f"<ServerDN>{dn}</ServerDN><MdbDN>/o=x/cn=Configuration/cn=Servers/cn=EX1</MdbDN>")
    )
    assert value_of(exch, "ServerDN") == dn
    assert named(exch, "MdbDN") == named(expr, "ServerDN") == []


@pytest.mark.parametrize("kind", ["POP3", "IMAP", "SMTP", "SITE", ""])
def test_protocols_nobody_publishes_disappear(kind):
    assert len(account(protocol(kind, "<Server>ex1</Server>"))) == 0


def test_an_empty_field_stays_and_a_field_with_elements_goes():
    (block,) = account(protocol("EXHTTP", "<EmwsUrl/><EwsUrl><x/></EwsUrl><Server> </Server>"))
    assert fields(block) == {"Type": "EXHTTP", "EmwsUrl": None, "Server": " "}


def test_pages_go_with_their_base():
    with_base = protocol("EXHTTP", "<EcpUrl>https://ex1/ecp/</EcpUrl><EcpUrl-um>?p</EcpUrl-um>")
    assert fields(account(with_base)[0]) == {
        "Type": "EXHTTP",
        "EcpUrl": f"https://{H}/ecp/",
        "EcpUrl-um": "?p",
    }
    unpublished = PublishedNames("autodiscover.lab.test", ews=H)
    assert fields(account(with_base, unpublished)[0]) == {"Type": "EXHTTP"}


def mapi(inner: str) -> str:
    return f'<Protocol Type="mapiHttp" Version="1">{inner}</Protocol>'


def test_mapi_has_one_url_under_both_names():
    url = f"https://ex1/mapi/emsmdb/?MailboxId={GUID}@lab.test"
    (block,) = account(
        mapi(
            f"<MailStore><InternalUrl>{url}</InternalUrl></MailStore><AddressBook><InternalUrl>x</InternalUrl></AddressBook>"
        )
    )
    (store,) = block
    published = f"https://{H}/mapi/emsmdb/?MailboxId={GUID}@lab.test"
    assert fields(store) == {"InternalUrl": published, "ExternalUrl": published}


def test_mapi_that_is_not_published_disappears():
    url = f"https://ex1/mapi/emsmdb/?MailboxId={GUID}@lab.test"
    inner = mapi(f"<MailStore><InternalUrl>{url}</InternalUrl></MailStore>")
    assert len(account(inner, PublishedNames("autodiscover.lab.test", ews=H))) == 0


def web(inside: str, outside: str) -> str:
    return protocol("WEB", f"<Internal>{inside}</Internal><External>{outside}</External>")


def side(url: str, kind: str) -> str:
    return f"<OWAUrl AuthenticationMethod='{url}'>https://x/owa/</OWAUrl><Protocol><Type>{kind}</Type><ASUrl>{url}</ASUrl></Protocol>"


def test_internal_says_what_external_says():
    (block,) = account(web(side("Ntlm", "EXCH"), side("Fba", "EXPR")))
    _, inside, outside = block
    for one, kind in ((inside, "EXCH"), (outside, "EXPR")):
        assert [page.get("AuthenticationMethod") for page in named(one, "OWAUrl")] == ["Fba"]
        assert fields(named(one, "Protocol")[0]) == {"Type": kind, "ASUrl": EWS}


def test_what_external_lacks_it_has_from_internal():
    (block,) = account(web(side("Ntlm", "EXCH"), ""))
    assert value_of(named(block, "External")[0], "OWAUrl") == f"https://{H}/owa/"


def test_a_method_that_is_none_goes():
    (block,) = account(web(side("ex1.corp.lab", "EXCH"), ""))
    assert named(named(block, "Internal")[0], "OWAUrl")[0].attrib == {}


def test_web_without_anything_published_disappears():
    unpublished = PublishedNames("autodiscover.lab.test")
    assert len(account(web(side("Ntlm", "EXCH"), side("Fba", "EXPR")), unpublished)) == 0


def test_two_servers_blocks_become_one():
    block = protocol("EXHTTP", "<Server>ex{}</Server>")
    assert len(account(block.format(1) + "\n" + block.format(2))) == 1


def test_a_display_name_like_a_server_s_gives_way_to_the_address():
    root = parse_xml(
        f'<Response xmlns="{OUTLOOK_RESPONSE}"><User><DisplayName>ex1.corp.lab</DisplayName></User>'
        "<User><DisplayName>Dr. Alice</DisplayName></User></Response>".encode()
    )
    rewrite_outlook(root, NAMES, SCAN, "alice@lab.test")
    assert [value_of(user, "DisplayName") for user in root] == ["alice@lab.test", "Dr. Alice"]


def test_every_field_that_exchange_documents_has_a_rule():
    """PoxAutodiscover's Protocol element: the fields that carry a server, a URL or a name."""
    documented = {
        "Server", "ServerDN", "MdbDN", "PublicFolderServer", "AD", "ASUrl", "EwsUrl", "EmwsUrl", "SharingUrl", "EcpUrl",
        "OOFUrl", "OABUrl", "UMUrl", "EwsPartnerUrl", "LoginName", "DomainName", "AuthPackage", "CertPrincipalName",
        "SSL", "GroupingInformation", "OWAUrl",
    }  # fmt: skip
    assert documented <= PROTOCOL_FIELDS.keys()
