from __future__ import annotations

from datetime import date

import pytest

from handfast.decision.reasons import Reason
from handfast.decision.rules.denials import find_denial
from handfast.decision.rules.exchange_denials import EXCHANGE_DENIALS

JSON = "/autodiscover/autodiscover.json"


def test_every_rule_has_its_own_name_a_date_a_source_and_a_why():
    assert len({denial.name for denial in EXCHANGE_DENIALS}) == len(EXCHANGE_DENIALS)
    for denial in EXCHANGE_DENIALS:
        assert denial.name == denial.name.lower().replace(" ", "-")
        assert date(1995, 1, 1) < denial.since <= date(2026, 11, 21)
        assert len(denial.source) > 10
        assert len(denial.why) > 5


NAMED = {
    "owassrf": "/owa/a@b.c/powershell",
    "proxynotshell": f"{JSON}?a@foo.var/owa/&Email={JSON[1:]}?a@foo.var&FooProtocol=Powershell",
    "proxyshell": f"{JSON}?@evil.example/mapi/nspi/?&Email={JSON[1:]}%3f@evil.example",
    "autodiscover-json-path-confusion": f"{JSON}/owa/",
    "autodiscover-path-info": "/autodiscover/autodiscover.xml/a@b/",
    "query-path-confusion": "/EWS/Exchange.asmx?/ecp/y.js",
    "proxytoken": "/ecp/a@b.c/RulesEditor/InboxRules.svc/NewObject",
    "proxylogon-ecp": "/ecp/proxyLogon.ecp",
    "proxylogon-static-file": "/ecp/y.js",
    "owa-auth": "/owa/auth/errorEE.aspx",
    "ecp-viewstate": "/ecp/default.aspx?__VIEWSTATE=x",
    "encoded-separator": "/x%2fy",
    "dot-segment": "/x/../y",
    "path-parameter": "/EWS/Exchange.asmx;a=b",
    "stream-name": "/EWS/Exchange.asmx::$DATA",
    "short-name": "/AUTODI~1/autodiscover.xml",
    "trailing-dot": "/EWS/Exchange.asmx.",
    "empty-segment": "//EWS/Exchange.asmx",
    "powershell": "/PowerShell-LiveID",
    "rpc-over-http": "/rpcwithcert/rpcproxy.dll",
    "rest-api": "/api/v2.0/me",
    "activesync-proxy": "/Microsoft-Server-ActiveSync/Proxy",
    "ews-beside-exchange.asmx": "/EWS/Services.wsdl",
    "mapi-beside-endpoints": "/mapi/emsmdb/?showdebug=yes",
    "oab-beside-files": "/OAB/x.config",
    "exadmin": "/exadmin",
    "public-folders-web": "/public/",
    "healthcheck": "/healthcheck.htm",
    "inside-services": "/PushNotifications/x",
    "ecp-for-administrators": "/ecp/UsersGroups/",
    "web-sign-in": "/owa/",
}


def test_each_rule_has_its_example_here():
    assert set(NAMED) == {denial.name for denial in EXCHANGE_DENIALS}


@pytest.mark.parametrize("name", NAMED)
def test_it_names_what_it_is_about(name):
    found = find_denial(EXCHANGE_DENIALS, NAMED[name])
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "target",
    [
        f"{JSON}?Email=powershell@contoso.com&Protocol=ActiveSync",
        f"{JSON}?Email=autodiscover@contoso.com&Protocol=ActiveSync",
        f"{JSON}?Email=a%40b.c&Protocol=Ews",
        f"{JSON}/v1.0/powershell@contoso.com?Protocol=Ews",
        "/Microsoft-Server-ActiveSync?Cmd=Sync&User=CONTOSO%5cpowershell&DeviceId=A~1&DeviceType=a",
        "/Microsoft-Server-ActiveSync?jAkJBBA==",
        "/mapi/emsmdb/?MailboxId=94a5c596-90a8-4985-91fd-57629ee06561@contoso.com",
        "/ews/exchange.asmx/s/getuserphoto?email=a@b.c&size=HR96x96",
    ],
)
def test_people_may_have_any_name(target):
    assert find_denial(EXCHANGE_DENIALS, target) is None


def test_three_kinds_of_refusal_have_reasons_that_say_what_to_do():
    reasons = {name: find_denial(EXCHANGE_DENIALS, NAMED[name]).reason for name in NAMED}
    assert reasons["rpc-over-http"] is Reason.RPC_OVER_HTTP_REFUSED
    assert reasons["web-sign-in"] is Reason.WEB_SIGN_IN_MISSING
    assert set(reasons.values()) == {
        Reason.RPC_OVER_HTTP_REFUSED,
        Reason.WEB_SIGN_IN_MISSING,
        Reason.PATH_DENIED,
    }


@pytest.mark.parametrize(
    "target", ["/owa", "/OWA/", "/owa/auth/logon.aspx?url=x", "/ecp", "/ecp/default.aspx"]
)
def test_a_browser_of_somebody_ordinary_gets_the_page(target):
    assert find_denial(EXCHANGE_DENIALS, target).reason is Reason.WEB_SIGN_IN_MISSING
