"""Known attacks on Exchange by path and query, as published, and their mutations. None of them is a working exploit.

Each form names where it was published. The mutations are those by which path rules of servers, proxies and firewalls
have been passed: letters' case, one and two rounds of escapes, other separators, dot segments, parameters, second names
of files, verbs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

MSRC = "https://msrc.microsoft.com/update-guide/vulnerability/"
HOST = "mail.contoso.lab"


@dataclass(frozen=True)
class Attack:
    """One request. `rule` is the named rule that the unmutated form must be refused by."""

    name: str
    method: str
    target: str
    source: str
    rule: str
    headers: dict[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.name} {self.method} {self.target}"


def _form(name: str, method: str, target: str, rule: str, source: str, **headers: str) -> Attack:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Attack(name, method, target, source, rule, named)


_ORANGE_LOGON = "Orange Tsai, ProxyLogon, blog.orange.tw 2021-08-06"
_ORANGE_SHELL = "Orange Tsai, ProxyShell, zerodayinitiative.com 2021-08-17"
_PRAETORIAN = "Praetorian, Reproducing the Microsoft Exchange ProxyLogon Exploit Chain, 2021-03-09"
_MICROSOFT_NOTES = "Microsoft, HAFNIUM targeting Exchange Servers, 2021-03-02"
_NMAP = "http-vuln-cve2021-26855.nse, github.com/microsoft/CSS-Exchange, 2021-03"
_TOKEN = "ZDI, ProxyToken, zerodayinitiative.com 2021-08-30"
_GTSC = "GTSC, Warning: new attack campaign on Exchange, gteltsc.vn 2022-09-28"
_ZDI_CONTROL = "ZDI, Control Your Types or Get Pwned, zerodayinitiative.com 2022-11-14"
_OWASSRF = "CrowdStrike, OWASSRF, crowdstrike.com 2022-12-20"
_TESTS = "github.com/VNCERT-CC/0dayex-checker and proxynotshell_checker.nse, 2022-10"
_MITIGATION = "Microsoft, EOMTv2.ps1: (?=.*autodiscover)(?=.*powershell), 2022-10"
_VOLEXITY = "Volexity, Operation Exchange Marauder, 2021-03-02"
_SHELLS = "web shells named by Microsoft and CISA, 2021-03"
_ZDI_VIEWSTATE = "ZDI, CVE-2020-0688: Remote Code Execution by Fixed Cryptographic Keys, 2020-02-25"
_GUESSING = "README of a ProxyShell tool that guesses addresses (github.com), 2021-08"
_IIS_LOG = "IIS log line in Splunk's «Exchange PowerShell Abuse via SSRF», research.splunk.com"
_ORACLE = "Orange Tsai, ProxyOracle, blog.orange.tw 2021-08-06"
_EWS = MSRC + "CVE-2021-42321; further endpoints of Exchange.asmx"
_MR_ME = "Steven Seeley, CVE-2020-16875: DLP policies, srcincite.io 2020-09"
_HARDENING = "Microsoft, Exchange virtual directories; MS-RPCH; closed outside"

_MAIL = "autodiscover/autodiscover.json%3f@evil.example"
_JSON = "/autodiscover/autodiscover.json"
_RES = "X-BEResource=localhost~1942062522"
_ANON = "X-AnonResource=true; X-AnonResource-Backend=localhost/ecp/default.flt?~3"

FORMS: tuple[Attack, ...] = (
    # ProxyLogon: CVE-2021-26855, -27065.
    _form("proxylogon", "GET", "/ecp/y.js", "proxylogon-static-file", _PRAETORIAN, Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/x.js", "proxylogon-static-file", _ORANGE_LOGON, Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/program.js", "proxylogon-static-file", _PRAETORIAN, Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/default.flt", "proxylogon-ecp", _VOLEXITY, Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/main.css", "proxylogon-static-file", _VOLEXITY, Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/a.png", "proxylogon-static-file", _VOLEXITY, Cookie=_RES),
    _form("proxylogon", "GET", "/owa/auth/x.js", "proxylogon-static-file", _NMAP, Cookie=_ANON),
    _form(
        "proxylogon",
        "POST",
        "/owa/auth/Current/themes/resources/logon.css",
        "proxylogon-static-file",
        _VOLEXITY,
        Cookie=_ANON,
    ),
    _form(
        "proxylogon",
        "GET",
        "/owa/auth/Current/themes/resources/owafont_ja.css",
        "proxylogon-static-file",
        _VOLEXITY,
        Cookie=_ANON,
    ),
    _form(
        "proxylogon",
        "POST",
        "/ecp/proxyLogon.ecp",
        "proxylogon-ecp",
        _ORANGE_LOGON,
        msExchLogonMailbox="S-1-5-20",
    ),
    _form("proxylogon", "GET", "/ecp/about.aspx", "proxylogon-ecp", _PRAETORIAN),
    _form(
        "proxylogon",
        "POST",
        "/ecp/DDI/DDIService.svc/GetObject?schema=OABVirtualDirectory&msExchEcpCanary=x",
        "proxylogon-ecp",
        _PRAETORIAN,
    ),
    _form(
        "proxylogon",
        "POST",
        "/ecp/DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory&msExchEcpCanary=x",
        "proxylogon-ecp",
        _ORANGE_LOGON,
    ),
    _form(
        "proxylogon",
        "POST",
        "/ecp/DDI/DDIService.svc/SetObject?schema=ResetOABVirtualDirectory",
        "proxylogon-ecp",
        _MICROSOFT_NOTES,
    ),
    _form("web-shell", "GET", "/owa/auth/errorEE.aspx", "owa-auth", _SHELLS),
    _form("web-shell", "POST", "/aspnet_client/supp0rt.aspx", "owa-auth", _SHELLS),
    _form("web-shell", "POST", "/aspnet_client/system_web/log.aspx", "owa-auth", _SHELLS),
    # ProxyShell: CVE-2021-34473, -34523, -31207.
    _form(
        "proxyshell", "GET", f"{_JSON}?@evil.example/mapi/nspi/?&Email={_MAIL}", "proxyshell", _ORANGE_SHELL
    ),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/autodiscover/autodiscover.xml?&Email={_MAIL}",
        "proxyshell",
        _ORANGE_SHELL,
    ),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/mapi/emsmdb/?&Email={_MAIL}",
        "proxyshell",
        _ORANGE_SHELL,
    ),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/EWS/exchange.asmx?&Email={_MAIL}",
        "proxyshell",
        _ORANGE_SHELL,
    ),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/powershell/?X-Rps-CAT=VgEAVA==&Email={_MAIL}",
        "proxynotshell",
        _ORANGE_SHELL,
    ),
    _form(
        "proxyshell",
        "GET",
        f"{_JSON}?@test.com/owa/?&Email=autodiscover/autodiscover.json%3F@test.com",
        "proxyshell",
        "nuclei-templates CVE-2021-34473, 2021-08",
    ),
    _form(
        "proxyshell", "GET", f"{_JSON}?a=abcde@evil.example/owa/?&Email={_MAIL}", "proxyshell", _ORANGE_SHELL
    ),
    _form("proxyshell", "POST", f"{_JSON}?a=a@edu.example/ews/exchange.asmx", "proxyshell", _GUESSING),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?a=dsxvu@fnsso.flq/powershell/?X-Rps-CAT=VgEAVA==",
        "proxynotshell",
        _IIS_LOG,
    ),
    _form("proxyshell", "POST", f"{_JSON}?/mapi/emsmdb/?&Email={_MAIL}", "proxyshell", _ORANGE_SHELL),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/EWS/exchange.asmx",
        "proxyshell",
        _ORANGE_SHELL,
        Cookie="Email=autodiscover/autodiscover.json?@evil.example",
    ),
    _form("proxyshell", "POST", f"{_JSON}/powershell?@evil.example", "proxynotshell", _ORANGE_SHELL),
    _form(
        "proxyshell", "POST", f"{_JSON}/EWS/exchange.asmx", "autodiscover-json-path-confusion", _ORANGE_SHELL
    ),
    _form(
        "proxyshell",
        "GET",
        f"{_JSON}/v1.0/a@evil.example/owa/",
        "autodiscover-json-path-confusion",
        _ORANGE_SHELL,
    ),
    _form(
        "proxyshell",
        "POST",
        "/autodiscover/autodiscover.xml/a@evil.example/powershell",
        "autodiscover-path-info",
        _ORANGE_SHELL,
    ),
    _form("proxyshell", "POST", "/autodiscover/a@evil.example/owa/", "autodiscover-path-info", _ORANGE_SHELL),
    # ProxyNotShell: CVE-2022-41040, -41082.
    _form(
        "proxynotshell",
        "GET",
        f"{_JSON}?@evil.example/owa/&Email={_MAIL}&Protocol=XYZ&FooProtocol=Powershell",
        "proxynotshell",
        _GTSC,
    ),
    _form(
        "proxynotshell",
        "GET",
        f"{_JSON}?a@foo.var/owa/?&Email=autodiscover/autodiscover.json?a@foo.var&Protocol=XYZ&FooProtocol=Powershell",
        "proxynotshell",
        _TESTS,
    ),
    _form(
        "proxynotshell",
        "GET",
        f"{_JSON}?a..foo.var/owa/?&Email=autodiscover/autodiscover.json?a..foo.var&Protocol=XYZ&FooProtocol=Powershell",
        "proxynotshell",
        _TESTS,
    ),
    _form(
        "proxynotshell",
        "GET",
        f"{_JSON}?a..foo.var/owa/?&Email=autodiscover/autodiscover.json?a..foo.var&Protocol=XYZ&FooProtocol=%50owershell",
        "proxynotshell",
        _TESTS,
    ),
    _form(
        "proxynotshell",
        "POST",
        f"{_JSON}?@zdi/PowerShell?serializationLevel=Full",
        "proxynotshell",
        _ZDI_CONTROL,
    ),
    _form(
        "proxynotshell", "GET", f"{_JSON}?Protocol=Powershell&Email=a@foo.var", "proxynotshell", _MITIGATION
    ),
    _form("powershell", "POST", "/powershell", "powershell", _GTSC),
    _form("powershell", "POST", "/PowerShell/?X-Rps-CAT=VgEAVA==", "powershell", _ORANGE_SHELL),
    _form(
        "powershell",
        "POST",
        "/powershell/?serializationLevel=Full;ExchClientVer=15",
        "powershell",
        _ZDI_CONTROL,
    ),
    # OWASSRF: CVE-2022-41080.
    _form(
        "owassrf",
        "POST",
        "/owa/mastermailbox%40outlook.com/powershell",
        "owassrf",
        _OWASSRF,
        X_OWA_ExplicitLogonUser="owa/mastermailbox@outlook.com",
    ),
    _form("owassrf", "POST", "/owa/a@evil.example/powershell?serializationLevel=Full", "owassrf", _OWASSRF),
    _form("owassrf", "POST", "/owa/powershell/", "owassrf", _OWASSRF),
    # ProxyToken: CVE-2021-33766.
    _form(
        "proxytoken",
        "POST",
        "/ecp/victim@contoso.lab/RulesEditor/InboxRules.svc/NewObject?msExchEcpCanary=x",
        "proxytoken",
        _TOKEN,
        Cookie="SecurityToken=x",
    ),
    _form(
        "proxytoken", "GET", "/ecp/RulesEditor/InboxRules.svc/GetList?SecurityToken=x", "proxytoken", _TOKEN
    ),
    _form(
        "proxytoken",
        "POST",
        "/ecp/PersonalSettings/HomePage.aspx",
        "proxytoken",
        _TOKEN,
        Cookie="SecurityToken=x",
    ),
    # ProxyOracle: CVE-2021-31195, -31196.
    _form(
        "proxyoracle",
        "GET",
        "/owa/auth/frowny.aspx?app=people&et=ServerError&esrc=MasterPage",
        "owa-auth",
        _ORACLE,
    ),
    _form("proxyoracle", "GET", "/owa/auth/logoff.aspx?Cmd=logoff", "owa-auth", _ORACLE),
    # Ways for servers to reach each other.
    _form("closed", "POST", "/rpc/rpcproxy.dll?mail.contoso.lab:6001", "rpc-over-http", _HARDENING),
    _form("closed", "GET", "/ews/managed/", "ews-beside-exchange.asmx", _HARDENING),
    # CVE-2021-42321 goes by EWS's own path; what can be refused by path is every other way to the same service.
    _form("ews-42321", "POST", "/ews/exchange.asmx/wssecurity", "ews-beside-exchange.asmx", _EWS),
    _form(
        "ews-42321", "POST", "/ews/exchange.asmx/wssecurity/symmetrickey", "ews-beside-exchange.asmx", _EWS
    ),
    _form("ews-42321", "GET", "/ews/services.wsdl", "ews-beside-exchange.asmx", _EWS),
    _form("ews-42321", "GET", "/ews/bin/", "ews-beside-exchange.asmx", _EWS),
    # CVE-2020-0688, -16875.
    _form(
        "viewstate",
        "GET",
        "/ecp/default.aspx?__VIEWSTATEGENERATOR=B97B4E27&__VIEWSTATE=x",
        "ecp-viewstate",
        _ZDI_VIEWSTATE,
    ),
    _form("ecp-admin", "POST", "/ecp/DLPPolicy/ManagePolicyFromISV.aspx", "ecp-for-administrators", _MR_ME),
    _form("ecp-admin", "GET", "/ecp/?ExchClientVer=15", "web-sign-in", _HARDENING),
    _form(
        "ecp-admin", "GET", "/ecp/Servers/Servers.slab?showhelp=false", "ecp-for-administrators", _HARDENING
    ),
    # What is closed outside.
    _form("closed", "RPC_IN_DATA", "/rpc/rpcproxy.dll?guid@contoso.lab:6001", "rpc-over-http", _HARDENING),
    _form("closed", "RPC_OUT_DATA", "/rpcwithcert/rpcproxy.dll?server:6004", "rpc-over-http", _HARDENING),
    _form("closed", "GET", "/api/v2.0/me/messages", "rest-api", _HARDENING),
    _form(
        "closed",
        "POST",
        "/Microsoft-Server-ActiveSync/Proxy?Cmd=Sync&User=a&DeviceId=B1&DeviceType=c",
        "activesync-proxy",
        _HARDENING,
    ),
    _form("closed", "GET", "/mapi/emsmdb/?showdebug=yes", "mapi-beside-endpoints", _HARDENING),
    _form("closed", "GET", "/mapi/healthcheck.htm", "mapi-beside-endpoints", _HARDENING),
    _form("closed", "GET", "/OAB/../ecp/y.js", "proxylogon-static-file", _HARDENING),
    _form("closed", "GET", "/OAB/web.config", "oab-beside-files", _HARDENING),
    _form("closed", "PROPFIND", "/exadmin/admin/", "exadmin", _HARDENING),
    _form("closed", "PROPFIND", "/public/", "public-folders-web", _HARDENING),
    _form("closed", "SEARCH", "/exchange/victim/inbox", "public-folders-web", _HARDENING),
    _form("closed", "GET", "/EWS/healthcheck.htm", "ews-beside-exchange.asmx", _HARDENING),
    _form("closed", "GET", "/autodiscover/healthcheck.htm", "healthcheck", _HARDENING),
    _form(
        "closed", "POST", "/autodiscover/autodiscover.svc/wssecurity", "autodiscover-path-info", _HARDENING
    ),
)

Mutator = Callable[[str], str]


def _in_path(change: Mutator) -> Mutator:
    def mutate(target: str) -> str:
        path, mark, query = target.partition("?")
        return change(path) + mark + query

    return mutate


def _escaped(path: str, rounds: int = 1) -> str:
    """Each letter of the second segment escaped, so often."""
    head, slash, tail = path[1:].partition("/")
    mark = "%" + "25" * (rounds - 1)
    return (
        "/"
        + head[:-1]
        + f"{mark}{ord(head[-1]):02x}"
        + slash
        + "".join(f"{mark}{ord(letter):02x}" if letter.isalpha() else letter for letter in tail)
    )


def _last_slash(path: str, other: str) -> str:
    head, _, tail = path.rstrip("/").rpartition("/")
    return f"{head}{other}{tail}" if head else f"/x{other}{tail}"


MUTATORS: dict[str, Mutator] = {
    "as published": lambda target: target,
    "lower case": str.lower,
    "upper case": _in_path(str.upper),
    "swapped case": _in_path(str.swapcase),
    "letters escaped": _in_path(_escaped),
    "letters escaped twice": _in_path(lambda path: _escaped(path, 2)),
    "encoded slash": _in_path(lambda path: _last_slash(path, "%2f")),
    "slash encoded twice": _in_path(lambda path: _last_slash(path, "%252f")),
    "backslash": _in_path(lambda path: _last_slash(path, "\\")),
    "encoded backslash": _in_path(lambda path: _last_slash(path, "%5C")),
    "overlong slash": _in_path(lambda path: _last_slash(path, "%c0%af")),
    "full-width slash": _in_path(lambda path: _last_slash(path, "%ef%bc%8f")),
    "%u slash": _in_path(lambda path: _last_slash(path, "%u002f")),
    "doubled slashes": _in_path(lambda path: path.replace("/", "//")),
    "dot segment": _in_path(lambda path: "/." + path),
    "out of EWS": lambda target: "/EWS/Exchange.asmx/.." + "/.." + target,
    "out of ActiveSync, encoded": lambda target: "/Microsoft-Server-ActiveSync/%2e%2e" + target,
    "out of Autodiscover by a parameter": lambda target: "/autodiscover/..;/" + target[1:],
    "encoded dot segments": lambda target: "/autodiscover%2f.." + target,
    "path parameter": _in_path(lambda path: path + ";x=y"),
    "parameter in the first segment": _in_path(lambda path: path.replace("/", "/;jsessionid=1/", 1)),
    "trailing dot": _in_path(lambda path: path.rstrip("/") + "."),
    "trailing space": _in_path(lambda path: path.rstrip("/") + "%20"),
    "stream": _in_path(lambda path: path.rstrip("/") + "::$DATA"),
    "NUL": _in_path(lambda path: path.rstrip("/") + "%00.xml"),
    "short name": _in_path(lambda path: path[:7] + "~1" + path[7:]),
    "absolute form": lambda target: f"https://{HOST}{target}",
    "absolute form of another host": lambda target: f"https://localhost:444{target}",
    "mark encoded": lambda target: target.replace("?", "%3f", 1),
    "at sign encoded": lambda target: target.replace("@", "%40"),
    "at sign encoded twice": lambda target: target.replace("@", "%2540"),
    "second query": lambda target: target + ("&" if "?" in target else "?") + "Email=alice@contoso.lab",
    "behind a published file": lambda target: "/autodiscover/autodiscover.xml" + target,
    "as parameter of EWS": lambda target: "/EWS/Exchange.asmx?" + target,
}
VERBS = ("GET", "POST", "HEAD", "PUT", "OPTIONS", "DEBUG", "PROPFIND", "DELETE")


def mutations() -> Iterator[Attack]:
    """Every form by every mutator, and every form by every verb; no request twice."""
    seen = set()
    for form in FORMS:
        shapes = [replace(form, target=change(form.target)) for change in MUTATORS.values()]
        verbs = [replace(form, method=verb) for verb in VERBS]
        for attack in (*shapes, *verbs):
            key = (attack.method, attack.target)
            if key not in seen:
                seen.add(key)
                yield attack
