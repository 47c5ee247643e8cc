"""The named refusals of an Exchange publication, most telling first.

Each has a day (when it became public; else when it was closed here) and where one reads about it. Patterns are written for the forgiving reading (one
leading slash, no doubled or dot segments, lower case) unless they are about a disguise itself.
"""

from __future__ import annotations

import re
from datetime import date

from handfast.decision.reasons import Reason
from handfast.decision.rules.denials import Denial, Reading

_MSRC = "https://msrc.microsoft.com/update-guide/vulnerability/"
_JSON = r"^/autodiscover/autodiscover\.json"


def _known(name: str, since: str, cve: str, why: str, pattern: str) -> Denial:
    return Denial(name, date.fromisoformat(since), f"{cve} {_MSRC}{cve}", why, re.compile(pattern))


def _closed(name: str, source: str, why: str, pattern: str, reason: Reason = Reason.PATH_DENIED) -> Denial:
    return Denial(name, _PLANNED, source, why, re.compile(pattern), reason=reason)


def _disguise(name: str, since: str, source: str, why: str, pattern: str) -> Denial:
    return Denial(name, date.fromisoformat(since), source, why, re.compile(pattern), Reading.RAW_PATH)


_PLANNED = date(2026, 11, 21)
"""Day of the list of what is not published outside at all."""

_EXPLOITS = (
    _known(
        "owassrf",
        "2022-11-08",
        "CVE-2022-41080",
        "OWASSRF: the way to /PowerShell through /owa and an explicit-logon address",
        r"^/owa/(?:[^?]*/)?powershell",
    ),
    _known(
        "proxynotshell",
        "2022-09-29",
        "CVE-2022-41040",
        "ProxyNotShell: autodiscover and powershell in one target, as Microsoft's own mitigation refuses them",
        rf"{_JSON}.*[/=]powershell(?![a-z0-9._'+~-]*@)",
    ),
    _known(
        "proxyshell",
        "2021-07-13",
        "CVE-2021-34473",
        "ProxyShell: explicit logon by autodiscover.json reaches any path of the back end",
        rf"{_JSON}[^?]*\?(?:[^=&]*@|.*/)",
    ),
    _known(
        "autodiscover-json-path-confusion",
        "2021-07-13",
        "CVE-2021-34473",
        "a path of the back end behind autodiscover.json",
        rf"{_JSON}(?!/v1\.0/[^/?]*(?:\?|$)|\?|$)",
    ),
    _known(
        "autodiscover-path-info",
        "2021-07-13",
        "CVE-2021-34473",
        "path information behind autodiscover.xml or .svc: back-end paths, or its variants for other organisations",
        r"^/autodiscover/(?:autodiscover\.(?:xml|svc)/|[^/?]*@)",
    ),
    _known(
        "query-path-confusion",
        "2021-07-13",
        "CVE-2021-34473",
        "a path or an address where a query's first name belongs, on something that is published",
        r"^/(?:ews|mapi|oab|autodiscover)/[^?]*\?[^=&]*[/@]",
    ),
    _known(
        "proxytoken",
        "2021-07-13",
        "CVE-2021-33766",
        "ProxyToken: mail rules of anybody, by delegated authentication that nobody checks",
        r"^/ecp/.*(?:inboxrules|ruleseditor|personalsettings)|^/ecp/.*securitytoken",
    ),
    _known(
        "proxylogon-ecp",
        "2021-03-02",
        "CVE-2021-26855",
        "ProxyLogon: a sign-in made by hand, and the control panel's services behind it (CVE-2021-27065)",
        r"^/ecp/.*(?:proxylogon\.ecp|ddiservice\.svc|default\.flt|about\.aspx)",
    ),
    _known(
        "proxylogon-static-file",
        "2021-03-02",
        "CVE-2021-26855",
        "ProxyLogon: what looks like a static file is proxied to where a cookie says",
        r"^/(?:ecp|owa)/[^?]*\.(?:js|css|png|gif|jpe?g|ico|eot|ttf|woff2?|svg|axd|flt|xap|txt|wav)(?:\?|$)",
    ),
    _known(
        "owa-auth",
        "2021-03-02",
        "CVE-2021-27065",
        "web shells are written below /owa/auth and /aspnet_client, and asked for there",
        r"^/(?:owa|ecp)/auth/(?!logon\.aspx(?:\?|$))|^/aspnet_client(?:/|\?|$)",
    ),
    _known(
        "ecp-viewstate",
        "2020-02-11",
        "CVE-2020-0688",
        "a signed view state runs code; its pages belong to the control panel",
        r"^/ecp/.*__viewstate",
    ),
)

_HARDENING = "Exchange Server: virtual directories, learn.microsoft.com/exchange/plan-and-deploy"
_CLOSED = (
    _closed(
        "powershell",
        "CVE-2022-41082 https://msrc.microsoft.com/update-guide/vulnerability/CVE-2022-41082",
        "remote PowerShell is for administrators inside",
        r"^/powershell",
    ),
    _closed(
        "rpc-over-http",
        "MS-RPCH 2.1.2; retired by MAPI over HTTP",
        "RPC over HTTP is not published: two streams of up to 1 GB that nobody can inspect",
        r"^/(?:rpc|rpcwithcert)(?:/|\?|$)",
        Reason.RPC_OVER_HTTP_REFUSED,
    ),
    _closed(
        "rest-api",
        "Exchange Server REST API for hybrid sites",
        "takes OAuth tokens of Exchange Online alone, and is not published",
        r"^/api(?:/|\?|$)",
    ),
    _closed(
        "activesync-proxy",
        "MS-ASHTTP; Exchange's proxying between sites",
        "the door for other Exchange servers, which name whom they act for",
        r"^/microsoft-server-activesync/(?!default\.eas(?:\?|$))",
    ),
    _closed(
        "ews-beside-exchange.asmx",
        "MS-OXWSCORE knows one path",
        "descriptions (services.wsdl, types.xsd), federation and managed paths that no client needs",
        r"^/ews(?:/(?!exchange\.asmx(?:\?|$|/s/getuserphoto(?:\?|$)))|\?|$)",
    ),
    _closed(
        "mapi-beside-endpoints",
        "MS-OXCMAPIHTTP knows two paths",
        "anything of /mapi but its two endpoints, and their page of diagnostics",
        r"^/mapi(?:/(?!(?:emsmdb|nspi)/?(?:\?|$))|\?|$)|^/mapi/.*[?&]showdebug=",
    ),
    _closed(
        "oab-beside-files",
        "MS-OXWOAB: a manifest and the files it names",
        "anything of /OAB but an address book's manifest and its files",
        r"^/oab(?:/(?![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/?]*\.(?:xml|lzx)(?:\?|$))|\?|$)",
    ),
    _closed("exadmin", _HARDENING, "Exchange 2003's administration by WebDAV", r"^/exadmin"),
    _closed(
        "public-folders-web",
        _HARDENING,
        "Exchange 2003's folders by WebDAV",
        r"^/(?:public|exchange|exchweb)(?:/|\?|$)",
    ),
    _closed("healthcheck", _HARDENING, "for balancers inside", r"healthcheck\.htm(?:\?|$)"),
    _closed(
        "inside-services",
        _HARDENING,
        "services that Exchange's servers have for each other",
        r"^/(?:quarantine|sync|snacksync|pushnotifications|reportingwebservice|remoteps|certsrv|_vti_bin|certenroll)(?:/|\?|$)",
    ),
)

_DISGUISES = (
    _disguise(
        "encoded-separator",
        "2001-05-15",
        "CVE-2001-0333; RFC 3986 2.4",
        "an encoded slash, backslash, percent sign, NUL, or %u escape: two readers would find two paths",
        r"%(?:2f|5c|25|00|u[0-9a-f]{4}|c0%|c1%|ef%bc|ef%bd)|\\",
    ),
    _disguise(
        "dot-segment",
        "2000-10-17",
        "CVE-2000-0884; RFC 3986 6.2.2.3",
        "a path that climbs",
        r"/(?:\.|%2e){1,2}(?:/|$)",
    ),
    _disguise(
        "path-parameter",
        "2018-08-08",
        "Orange Tsai, Breaking Parser Logic, Black Hat USA 2018; RFC 3986 3.3",
        "a parameter that some readers take for the path's end",
        r";|%3b",
    ),
    _disguise(
        "stream-name",
        "1998-07-02",
        "CVE-1999-0278",
        "another name of the same file: NTFS streams, file types",
        r":(?:\$|%24)|(?:%3a|:)(?:%3a|:)",
    ),
    _disguise(
        "short-name",
        "2012-06-29",
        "Soroush Dalili, IIS Short File/Folder Name Disclosure",
        "another name of the same file: its 8.3 form",
        r"(?:~|%7e)[0-9*?]",
    ),
    _disguise(
        "trailing-dot",
        "2026-11-21",
        "CVE-1999-0154; Windows drops the dots and spaces that end a name",
        "another name of the same file",
        r"(?:[^/.]\.+|%2e|%20|\+)(?:/|$)",
    ),
    _disguise("empty-segment", "2026-11-21", "RFC 3986 3.3", "readers differ on doubled slashes", r"//"),
)

_WEB = (
    _closed(
        "ecp-for-administrators",
        "MS Exchange hardening: keep the admin centre off the internet",
        "all of the control panel but the page that says when it comes",
        r"^/ecp/(?!(?:default\.aspx)?(?:\?|$))",
    ),
    _closed(
        "web-sign-in",
        "Outlook on the web signs in by forms",
        "web access comes with sign-in pages",
        r"^/(?:owa|ecp)(?:/|\?|$)",
        Reason.WEB_SIGN_IN_MISSING,
    ),
)

EXCHANGE_DENIALS: tuple[Denial, ...] = (*_EXPLOITS, *_DISGUISES, *_CLOSED, *_WEB)
