"""Known attacks on Exchange by path and query, as published, and their mutations. None of them is a working exploit.

Each form names where it was published: a repository with its path, or a page's address. A page whose text could not be had
when this list was last checked is marked, and so is what was published in another form. The mutations are those by which path rules of servers, proxies and firewalls
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


_MSF = "github.com/rapid7/metasploit-framework modules/"
_PROXYLOGON = _MSF + "exploits/windows/http/exchange_proxylogon_rce.rb"
_PROXYLOGON_TEST = (
    "github.com/microsoft/CSS-Exchange Security/src/http-vuln-cve2021-26855.nse (until 1c33bb8), and "
    + _MSF
    + "auxiliary/scanner/http/exchange_proxylogon.rb"
)
_PRAETORIAN = "https://www.praetorian.com/blog/reproducing-proxylogon-exploit/ (that the page says so was not looked up)"
_VOLEXITY = (
    "https://www.volexity.com/blog/2021/03/02/active-exploitation-of-microsoft-exchange-zero-day-vulnerabilities/"
    " (not looked up)"
)
_SHELLS = "github.com/PwnDefend/Exchange-RCE-Detect-Hafnium honeypot_shell_list.txt"
_HAFNIUM = (
    "https://www.microsoft.com/security/blog/2021/03/02/hafnium-targeting-exchange-servers/ (not looked up)"
)
_PROXYSHELL = _MSF + "exploits/windows/http/exchange_proxyshell_rce.rb"
_PROXYSHELL_TEST = "github.com/projectdiscovery/nuclei-templates http/cves/2021/CVE-2021-34473.yaml"
_ENUMERATING = "github.com/dmaasland/proxyshell-poc proxyshell-enumerate.py"
_GUESSING = "github.com/Jumbo-WJB/Exchange_SSRF README.md"
_IN_PATH = "github.com/hosch3n/ProxyVulns 34473.py"
_IIS_LOG = "github.com/splunk/security_content detections/endpoint/exchange_powershell_abuse_via_ssrf.yml"
_NOTSHELL_TEST = "github.com/VNCERT-CC/0dayex-checker main.go"
_NOTSHELL_SCAN = "github.com/ipsBruno/CVE-2022-40140-SCANNER main.py"
_NOTSHELL_V1 = "github.com/kljunowsky/CVE-2022-41040-POC README.md"
_MITIGATION = "github.com/microsoft/CSS-Exchange Security/src/EOMTv2.ps1, (?=.*autodiscover)(?=.*powershell)"
_ZDI_CONTROL = (
    "https://www.zerodayinitiative.com/blog/2022/11/14/"
    "control-your-types-or-get-pwned-remote-code-execution-in-exchange-powershell-backend (not looked up)"
)
_OWASSRF = "github.com/balki97/OWASSRF-CVE-2022-41082-POC poc.py"
_TOKEN = "github.com/bhdresh/CVE-2021-33766 proxytoken.sh"
_ORACLE = "github.com/hosch3n/ProxyVulns README.md, ProxyOracle"
_VIEWSTATE = _MSF + "exploits/windows/http/exchange_ecp_viewstate.rb"
_DLP_POLICY = _MSF + "exploits/windows/http/exchange_ecp_dlp_policy.rb"
_FEDERATED = "github.com/OfficeDev/ews-managed-api Credentials/WSSecurityBasedCredentials.cs, Credentials/PartnerTokenCredentials.cs"
_DIRECTORIES = (
    "a path of ours in a virtual directory of Exchange's; which there are: "
    "learn.microsoft.com/exchange/default-settings-for-exchange-virtual-directories-exchange-2013-help (not looked up)"
)
_RPC = "MS-RPCH 2.1.2"


def _like(source: str) -> str:
    """The source of a form that differs from the one published there."""
    return f"a variant of ours of {source}"


_MAIL = "autodiscover/autodiscover.json%3f@evil.example"
_JSON = "/autodiscover/autodiscover.json"
_RES = "X-BEResource=localhost~1942062522"
_ANON = "X-AnonResource=true; X-AnonResource-Backend=localhost/ecp/default.flt?~3"

FORMS: tuple[Attack, ...] = (
    # ProxyLogon: CVE-2021-26855, -27065.
    _form("proxylogon", "GET", "/ecp/y.js", "proxylogon-static-file", _PROXYLOGON, Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/x.js", "proxylogon-static-file", _PROXYLOGON, Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/program.js", "proxylogon-static-file", _PRAETORIAN, Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/default.flt", "proxylogon-ecp", _like(_PROXYLOGON_TEST), Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/main.css", "proxylogon-static-file", _VOLEXITY, Cookie=_RES),
    _form("proxylogon", "POST", "/ecp/a.png", "proxylogon-static-file", _like(_PROXYLOGON), Cookie=_RES),
    _form("proxylogon", "GET", "/owa/auth/x.js", "proxylogon-static-file", _PROXYLOGON_TEST, Cookie=_ANON),
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
        _PROXYLOGON,
        msExchLogonMailbox="S-1-5-20",
    ),
    _form("proxylogon", "GET", "/ecp/about.aspx", "proxylogon-ecp", _PRAETORIAN),
    _form(
        "proxylogon",
        "POST",
        "/ecp/DDI/DDIService.svc/GetObject?schema=OABVirtualDirectory&msExchEcpCanary=x",
        "proxylogon-ecp",
        _like(_PROXYLOGON),
    ),
    _form(
        "proxylogon",
        "POST",
        "/ecp/DDI/DDIService.svc/SetObject?schema=OABVirtualDirectory&msExchEcpCanary=x",
        "proxylogon-ecp",
        _PROXYLOGON,
    ),
    _form(
        "proxylogon",
        "POST",
        "/ecp/DDI/DDIService.svc/SetObject?schema=ResetOABVirtualDirectory",
        "proxylogon-ecp",
        _PROXYLOGON,
    ),
    _form("web-shell", "GET", "/owa/auth/errorEE.aspx", "owa-auth", _HAFNIUM),
    _form("web-shell", "POST", "/aspnet_client/supp0rt.aspx", "owa-auth", _SHELLS),
    _form("web-shell", "POST", "/aspnet_client/system_web/log.aspx", "owa-auth", _SHELLS),
    # ProxyShell: CVE-2021-34473, -34523, -31207.
    _form(
        "proxyshell",
        "GET",
        f"{_JSON}?@evil.example/mapi/nspi/?&Email={_MAIL}",
        "proxyshell",
        _PROXYSHELL_TEST,
    ),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/autodiscover/autodiscover.xml?&Email={_MAIL}",
        "proxyshell",
        _PROXYSHELL,
    ),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/mapi/emsmdb/?&Email={_MAIL}",
        "proxyshell",
        _PROXYSHELL,
    ),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/EWS/exchange.asmx?&Email={_MAIL}",
        "proxyshell",
        _PROXYSHELL,
    ),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/powershell/?X-Rps-CAT=VgEAVA==&Email={_MAIL}",
        "proxynotshell",
        _PROXYSHELL,
    ),
    _form(
        "proxyshell",
        "GET",
        f"{_JSON}?@test.com/owa/?&Email=autodiscover/autodiscover.json%3F@test.com",
        "proxyshell",
        _PROXYSHELL_TEST,
    ),
    _form(
        "proxyshell", "GET", f"{_JSON}?a=abcde@evil.example/owa/?&Email={_MAIL}", "proxyshell", _ENUMERATING
    ),
    _form("proxyshell", "POST", f"{_JSON}?a=a@edu.example/ews/exchange.asmx", "proxyshell", _GUESSING),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?a=dsxvu@fnsso.flq/powershell/?X-Rps-CAT=VgEAVA==",
        "proxynotshell",
        _IIS_LOG,
    ),
    _form("proxyshell", "POST", f"{_JSON}?/mapi/emsmdb/?&Email={_MAIL}", "proxyshell", _like(_PROXYSHELL)),
    _form(
        "proxyshell",
        "POST",
        f"{_JSON}?@evil.example/EWS/exchange.asmx",
        "proxyshell",
        _PROXYSHELL,
        Cookie="Email=autodiscover/autodiscover.json?@evil.example",
    ),
    _form("proxyshell", "POST", f"{_JSON}/powershell?@evil.example", "proxynotshell", _IN_PATH),
    _form("proxyshell", "POST", f"{_JSON}/EWS/exchange.asmx", "autodiscover-json-path-confusion", _IN_PATH),
    _form(
        "proxyshell",
        "GET",
        f"{_JSON}/v1.0/a@evil.example/owa/",
        "autodiscover-json-path-confusion",
        _NOTSHELL_V1,
    ),
    _form(
        "proxyshell",
        "POST",
        "/autodiscover/autodiscover.xml/a@evil.example/powershell",
        "autodiscover-path-info",
        _like(_IN_PATH),
    ),
    _form(
        "proxyshell", "POST", "/autodiscover/a@evil.example/owa/", "autodiscover-path-info", _like(_IN_PATH)
    ),
    # ProxyNotShell: CVE-2022-41040, -41082.
    _form(
        "proxynotshell",
        "GET",
        f"{_JSON}?@evil.example/owa/&Email={_MAIL}&Protocol=XYZ&FooProtocol=Powershell",
        "proxynotshell",
        _NOTSHELL_TEST,
    ),
    _form(
        "proxynotshell",
        "GET",
        f"{_JSON}?a@foo.var/owa/?&Email=autodiscover/autodiscover.json?a@foo.var&Protocol=XYZ&FooProtocol=Powershell",
        "proxynotshell",
        _NOTSHELL_SCAN,
    ),
    _form(
        "proxynotshell",
        "GET",
        f"{_JSON}?a..foo.var/owa/?&Email=autodiscover/autodiscover.json?a..foo.var&Protocol=XYZ&FooProtocol=Powershell",
        "proxynotshell",
        _NOTSHELL_SCAN,
    ),
    _form(
        "proxynotshell",
        "GET",
        f"{_JSON}?a..foo.var/owa/?&Email=autodiscover/autodiscover.json?a..foo.var&Protocol=XYZ&FooProtocol=%50owershell",
        "proxynotshell",
        _NOTSHELL_SCAN,
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
    _form("powershell", "POST", "/powershell", "powershell", MSRC + "CVE-2022-41082"),
    _form("powershell", "POST", "/PowerShell/?X-Rps-CAT=VgEAVA==", "powershell", _PROXYSHELL),
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
    _form(
        "owassrf",
        "POST",
        "/owa/a@evil.example/powershell?serializationLevel=Full",
        "owassrf",
        _like(_OWASSRF),
    ),
    _form("owassrf", "POST", "/owa/powershell/", "owassrf", _like(_OWASSRF)),
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
        "proxytoken",
        "GET",
        "/ecp/RulesEditor/InboxRules.svc/GetList?SecurityToken=x",
        "proxytoken",
        _like(_TOKEN),
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
    _form("proxyoracle", "GET", "/owa/auth/logoff.aspx?Cmd=logoff", "owa-auth", _like(_ORACLE)),
    # Ways for servers to reach each other.
    _form("closed", "POST", "/rpc/rpcproxy.dll?mail.contoso.lab:6001", "rpc-over-http", _RPC),
    _form("closed", "GET", "/ews/managed/", "ews-beside-exchange.asmx", _DIRECTORIES),
    # CVE-2021-42321 goes by EWS's own path (its requests are in bodies.py); these are the other ways to the same service.
    _form("ews-42321", "POST", "/ews/exchange.asmx/wssecurity", "ews-beside-exchange.asmx", _FEDERATED),
    _form(
        "ews-42321",
        "POST",
        "/ews/exchange.asmx/wssecurity/symmetrickey",
        "ews-beside-exchange.asmx",
        _FEDERATED,
    ),
    _form(
        "ews-42321",
        "GET",
        "/ews/services.wsdl",
        "ews-beside-exchange.asmx",
        "MS-OXWSCORE 6, appendix A: the WSDL (not looked up)",
    ),
    _form("ews-42321", "GET", "/ews/bin/", "ews-beside-exchange.asmx", _DIRECTORIES),
    # CVE-2020-0688, -16875.
    _form(
        "viewstate",
        "GET",
        "/ecp/default.aspx?__VIEWSTATEGENERATOR=B97B4E27&__VIEWSTATE=x",
        "ecp-viewstate",
        _VIEWSTATE,
    ),
    _form(
        "ecp-admin", "POST", "/ecp/DLPPolicy/ManagePolicyFromISV.aspx", "ecp-for-administrators", _DLP_POLICY
    ),
    _form("ecp-admin", "GET", "/ecp/?ExchClientVer=15", "web-sign-in", _DIRECTORIES),
    _form(
        "ecp-admin", "GET", "/ecp/Servers/Servers.slab?showhelp=false", "ecp-for-administrators", _DIRECTORIES
    ),
    # What is closed outside.
    _form("closed", "RPC_IN_DATA", "/rpc/rpcproxy.dll?guid@contoso.lab:6001", "rpc-over-http", _RPC),
    _form("closed", "RPC_OUT_DATA", "/rpcwithcert/rpcproxy.dll?server:6004", "rpc-over-http", _RPC),
    _form("closed", "GET", "/api/v2.0/me/messages", "rest-api", _DIRECTORIES),
    _form(
        "closed",
        "POST",
        "/Microsoft-Server-ActiveSync/Proxy?Cmd=Sync&User=a&DeviceId=B1&DeviceType=c",
        "activesync-proxy",
        _DIRECTORIES,
    ),
    _form("closed", "GET", "/mapi/emsmdb/?showdebug=yes", "mapi-beside-endpoints", _DIRECTORIES),
    _form("closed", "GET", "/mapi/healthcheck.htm", "mapi-beside-endpoints", _DIRECTORIES),
    _form("closed", "GET", "/OAB/../ecp/y.js", "proxylogon-static-file", _DIRECTORIES),
    _form("closed", "GET", "/OAB/web.config", "oab-beside-files", _DIRECTORIES),
    _form("closed", "PROPFIND", "/exadmin/admin/", "exadmin", _DIRECTORIES),
    _form("closed", "PROPFIND", "/public/", "public-folders-web", _DIRECTORIES),
    _form("closed", "SEARCH", "/exchange/victim/inbox", "public-folders-web", _DIRECTORIES),
    _form("closed", "GET", "/EWS/healthcheck.htm", "ews-beside-exchange.asmx", _DIRECTORIES),
    _form("closed", "GET", "/autodiscover/healthcheck.htm", "healthcheck", _DIRECTORIES),
    _form(
        "closed",
        "POST",
        "/autodiscover/autodiscover.svc/wssecurity",
        "autodiscover-path-info",
        "github.com/OfficeDev/ews-managed-api Autodiscover/AutodiscoverService.cs",
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
