"""Plain XML answers: which blocks come, and which names stand where."""

import pytest
from lxml import etree

from handfast.lab.autodiscover.pox import PoxAutodiscover
from handfast.lab.site_names import SiteNames

REQUEST = (
    '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/{kind}/requestschema/2006"><Request>'
    "<EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>"
    "http://schemas.microsoft.com/exchange/autodiscover/{kind}/responseschema/2006{letter}"
    "</AcceptableResponseSchema></Request></Autodiscover>"
)
OUTLOOK = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
MOBILE = "{http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006}"
INSIDE, PUBLISHED = "https://ex01.corp.internal/", "https://mail.contoso.lab/"


def ask(server, address="alice@contoso.lab", *, mobile=False, mapi_http=False, exhttp=False):
    kind, letter = ("mobilesync", "") if mobile else ("outlook", "a")
    body = REQUEST.format(kind=kind, letter=letter, address=address).encode()
    reply = server.answer(body, mapi_http=mapi_http, exhttp=exhttp)
    assert reply.status == 200
    assert reply.body.startswith(b'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://')
    return etree.fromstring(reply.body)


def kinds(root):
    return [
        block.get("Type") or block.findtext(f"{OUTLOOK}Type")
        for block in root.findall(f".//{OUTLOOK}Account/{OUTLOOK}Protocol")
    ]


def block(root, kind):
    return next(node for node in root.iter(f"{OUTLOOK}Protocol") if node.findtext(f"{OUTLOOK}Type") == kind)


def test_an_old_outlook_is_given_inside_and_published_urls():
    root = ask(PoxAutodiscover(SiteNames()))
    assert kinds(root) == ["EXCH", "EXPR", "WEB"]
    exch, expr = block(root, "EXCH"), block(root, "EXPR")
    for name in ("ASUrl", "EwsUrl", "EmwsUrl", "SharingUrl", "OOFUrl", "UMUrl", "OABUrl", "EcpUrl"):
        assert exch.findtext(OUTLOOK + name).startswith(INSIDE), name
        assert expr.findtext(OUTLOOK + name).startswith(PUBLISHED), name
    assert exch.findtext(f"{OUTLOOK}AD") == "dc01.corp.internal"
    assert exch.findtext(f"{OUTLOOK}PublicFolderServer") == "ex01.corp.internal"
    assert expr.findtext(f"{OUTLOOK}EwsPartnerUrl").startswith(INSIDE)
    assert expr.findtext(f"{OUTLOOK}CertPrincipalName") == "msstd:ex01.corp.internal"


def test_what_a_client_says_it_can_handle_decides_the_blocks():
    server = PoxAutodiscover(SiteNames())
    assert kinds(ask(server, exhttp=True)) == ["EXCH", "EXPR", "EXHTTP", "EXHTTP", "WEB"]
    root = ask(server, mapi_http=True, exhttp=True)
    assert kinds(root) == ["WEB", "mapiHttp"]
    urls = [node.text for node in root.iter(f"{OUTLOOK}InternalUrl", f"{OUTLOOK}ExternalUrl")]
    assert [url.partition("/mapi/")[0] + "/" for url in urls] == [INSIDE, PUBLISHED, INSIDE, PUBLISHED]


@pytest.mark.parametrize("mapi_http", [False, True])
def test_without_external_urls_there_are_only_inside_ones(mapi_http):
    root = ask(PoxAutodiscover(SiteNames(published="")), mapi_http=mapi_http, exhttp=True)
    assert PUBLISHED not in etree.tostring(root, encoding="unicode")
    assert "EXPR" not in kinds(root)


def test_a_phone_is_given_one_url():
    for names, url in ((SiteNames(), PUBLISHED), (SiteNames(published=""), INSIDE)):
        server = ask(PoxAutodiscover(names), mobile=True).find(f".//{MOBILE}Server")
        assert server.findtext(f"{MOBILE}Type") == "MobileSync"
        assert (
            server.findtext(f"{MOBILE}Url")
            == server.findtext(f"{MOBILE}Name")
            == f"{url}Microsoft-Server-ActiveSync"
        )


def test_an_unknown_address():
    server = PoxAutodiscover(SiteNames())
    assert b"<ErrorCode>500<" in etree.tostring(ask(server, "alice@elsewhere.example")).replace(b"ns0:", b"")
    assert ask(server, "alice@elsewhere.example", mobile=True).findtext(f".//{MOBILE}Status") == "1"


@pytest.mark.parametrize("body", [b"", b"no XML", b"<Autodiscover/>"])
def test_a_request_that_says_nothing(body):
    assert b"<ErrorCode>600<" in PoxAutodiscover(SiteNames()).answer(body, mapi_http=False, exhttp=False).body


@pytest.mark.parametrize(
    ("kind", "element", "target"),
    [
        ("redirectAddr", "RedirectAddr", "alice@other.lab"),
        ("redirectUrl", "RedirectUrl", "https://other.lab/x"),
    ],
)
def test_everybody_is_sent_on(kind, element, target):
    server = PoxAutodiscover(SiteNames())
    server.redirect = (kind, target)
    root = ask(server)
    assert root.findtext(f".//{OUTLOOK}Action") == kind
    assert root.findtext(f".//{OUTLOOK}{element}") == target
    assert (ask(server, mobile=True).findtext(f".//{MOBILE}Redirect") == target) is (kind == "redirectAddr")
