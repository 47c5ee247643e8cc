from __future__ import annotations

import pytest

from handfast.rewriting.autodiscover import field_rules as rules
from handfast.rewriting.autodiscover.published_names import PublishedNames

NAMES = PublishedNames(
    autodiscover="a.test",
    activesync="as.test",
    ews="ews.test",
    oab="oab.test",
    mapi="mapi.test",
    owa="owa.test",
    ecp="ecp.test",
    mail_domains=frozenset({"lab.test"}),
    mapping={"ex2": "a.test"},
    auth_package="Ntlm",
    cert_principal_name="msstd:mapi.test",
)
NOTHING = PublishedNames("a.test")
GUID = "7c1d2e3f-4a5b-4c6d-8e9f-0a1b2c3d4e5f"
SERVERS = "/o=Lab/ou=X/cn=Configuration/cn=Servers/cn="


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (rules.gone, "https://ex1/", None),
        (rules.ews_url, "https://ex1/ews/exchange.asmx", "https://ews.test/EWS/Exchange.asmx"),
        (rules.activesync_url, "x", "https://as.test/Microsoft-Server-ActiveSync"),
        (rules.oab_url, f"https://ex1/OAB/{GUID}/", f"https://oab.test/OAB/{GUID}/"),
        (rules.oab_url, f"http://ex1/oab/{GUID}/oab.xml", f"https://oab.test/OAB/{GUID}/"),
        (rules.oab_url, "Public Folder", None),
        (rules.oab_url, "https://ex1/OAB/ex1.corp.lab/", None),
        (
            rules.mapi_url,
            f"https://ex1/mapi/emsmdb/?MailboxId={GUID}@lab.test",
            f"https://mapi.test/mapi/emsmdb/?MailboxId={GUID}@lab.test",
        ),
        (
            rules.mapi_url,
            f"https://ex1/MAPI/NSPI?mailboxid={GUID}@LAB.test",
            f"https://mapi.test/mapi/nspi/?MailboxId={GUID}@LAB.test",
        ),
        (rules.mapi_url, f"https://ex1/mapi/emsmdb/?MailboxId={GUID}@corp.lab", None),
        (rules.mapi_url, f"https://ex1/mapi/emsmdb/?MailboxId={GUID}@lab.test&x=ex1", None),
        (rules.mapi_url, "https://ex1/mapi/emsmdb/", None),
        (rules.web_page, "https://ex1/owa/", "https://owa.test/owa/"),
        (rules.web_page, "https://ex1/owa", "https://owa.test/owa"),
        (rules.web_page, "https://ex1/owa?path=/options", "https://owa.test/owa?path=/options"),
        (rules.web_page, "https://ex1/ecp/a.aspx?x=<y>", "https://ecp.test/ecp/a.aspx?x=<y>"),
        (rules.web_page, "https://ex1/other/", None),
        (rules.web_page, "https://ex1/owa\\ex1", None),
        (rules.outlook_server, "ex1", "mapi.test"),
        (rules.mailbox_id, f"{GUID}@lab.test", f"{GUID}@lab.test"),
        (rules.mailbox_id, f"{GUID}@corp.lab", None),
        (rules.mailbox_id, "ex1", None),
        (
            rules.server_dn,
            f"{SERVERS}{GUID}@lab.test/cn=Microsoft Private MDB",
            f"{SERVERS}{GUID}@lab.test/cn=Microsoft Private MDB",
        ),
        (rules.server_dn, f"{SERVERS}EX1", None),
        (rules.server_dn, "/o=Lab", None),
        (rules.redirect_url, "https://ex2/x", "https://a.test/x"),
        (rules.redirect_url, "https://ex3/x", "https://ex3/x"),
        (rules.auth_package, "Kerb", "Ntlm"),
        (rules.cert_principal_name, "msstd:ex1", "msstd:mapi.test"),
        (rules.ssl_on, "Off", "On"),
        (rules.true, "False", "True"),
        (rules.number, "443", "443"),
        (rules.number, "ex1", None),
        (rules.version, "73C18880", "73C18880"),
        (rules.version, "15.01.2507.006", "15.01.2507.006"),
        (rules.version, "Exchange2013_SP1", "Exchange2013_SP1"),
        (rules.version, "10.1.2.3", None),
        (rules.version, "15.1.ex1", None),
        (rules.authentication_methods, "Basic, Fba", "Basic, Fba"),
        (rules.authentication_methods, "Basic, ex1.lab", None),
    ],
)
def test_a_field_s_value_outside(rule, value, expected):
    assert rule(value, NAMES) == expected


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (rules.ews_url, "x"),
        (rules.activesync_url, "x"),
        (rules.oab_url, f"https://ex1/OAB/{GUID}/"),
        (rules.mapi_url, f"https://ex1/mapi/nspi/?MailboxId={GUID}@lab.test"),
        (rules.web_page, "https://ex1/owa/"),
        (rules.web_page, "https://ex1/ecp/"),
        (rules.outlook_server, "ex1"),
    ],
)
def test_what_is_not_published_disappears(rule, value):
    assert rule(value, NOTHING) is None


def test_without_a_configured_name_outlook_takes_the_host_s():
    assert rules.cert_principal_name("msstd:ex1", NOTHING) == "None"
