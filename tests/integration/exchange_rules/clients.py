"""What real clients send to Exchange, each with where it was seen or is documented. None of it may be refused by a rule.

Names and GUIDs are changed; paths, queries, methods and fields are the clients' own. A source is a repository with its path
(github.com), a page, or a specification with its section. Where its text could not be had when this list was last
checked, it says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

GUID = "94a5c596-90a8-4985-91fd-57629ee06561"
OAB_GUID = "b6eaa1c0-d7f5-4619-ad8d-b453f967353b"
MAIL = "alice@contoso.lab"
PHONE = "Cmd={}&User=alice&DeviceId=PHONE1&DeviceType=iPhone"
ANDROID = "Cmd={}&User=bob&DeviceId=android1592&DeviceType=Android"
EAS = "/Microsoft-Server-ActiveSync"
SOAP = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
    '<t:RequestServerVersion xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" Version="Exchange2016"/>'
    '</s:Header><s:Body><m:GetServerTimeZones xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"/>'
    "</s:Body></s:Envelope>"
)
_REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/{}/requestschema/2006"
_ANSWER = "http://schemas.microsoft.com/exchange/autodiscover/{}/responseschema/2006{}"
POX, POX_MOBILE = (
    f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{_REQUEST.format(kind)}"><Request><EMailAddress>{MAIL}'
    f"</EMailAddress><AcceptableResponseSchema>{_ANSWER.format(kind, tail)}</AcceptableResponseSchema></Request>"
    "</Autodiscover>"
    for kind, tail in (("outlook", "a"), ("mobilesync", ""))
)
SOAP_SETTINGS = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://schemas.microsoft.com/exchange/2010/'
    'Autodiscover" xmlns:w="http://www.w3.org/2005/08/addressing"><s:Header><a:RequestedServerVersion>Exchange2013'
    "</a:RequestedServerVersion><w:Action>http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/"
    "GetUserSettings</w:Action></s:Header><s:Body><a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User>"
    f"<a:Mailbox>{MAIL}</a:Mailbox></a:User></a:Users><a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting>"
    "</a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>"
)


@dataclass(frozen=True)
class Sample:
    """One request; `behind` is the target its server must see ("": answered by the gateway itself).

    `login` is the name as the client types it, "" for the account's plain one; `signs_in` is False where the client only
    looks for the challenge.
    """

    client: str
    source: str
    method: str
    target: str
    behind: str
    agent: str
    headers: dict[str, str] = field(default_factory=dict, hash=False)
    body: str = ""
    account: str = "alice"
    login: str = ""
    signs_in: bool = True

    def __str__(self) -> str:
        return f"{self.client}: {self.method} {self.target}"


XML = {"Content-Type": "text/xml; charset=utf-8"}
WBXML = {"Content-Type": "application/vnd.ms-sync.wbxml", "MS-ASProtocolVersion": "14.1"}
MAPI = {
    "Content-Type": "application/mapi-http",
    "X-RequestType": "PING",
    "X-ClientInfo": "{2F94A2BF-A2E6-4CCC-BF98-B5F22C542226}",
    "X-RequestId": "{C715155F-2BE8-44E0-BD34-2960067874C8}:1",
    "X-ClientApplication": "Outlook/16.0.11601.20230",
}
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.11601; Pro)"

_BLUEMIND = (
    "BlueMind's guide «Troubleshooting Outlook», an nginx access log, forge.bluemind.net (not looked up)"
)
_EWS_API = "github.com/OfficeDev/ews-managed-api "
_EXCHANGELIB = "github.com/ecederstrand/exchangelib exchangelib/"
_DAVMAIL = "github.com/mguessan/davmail src/java/davmail/exchange/"
_EVOLUTION = "gitlab.gnome.org/GNOME/evolution-ews src/EWS/common/"
_AUTOCONFIG = "github.com/wdes/mail-autodiscover-autoconfig src/routes/autoconfig.rs"
_AUTOD = "/Autodiscover/Autodiscover.xml"
_EWS = "/EWS/Exchange.asmx"
_MSDOC = "learn.microsoft.com "


def _sample(client: str, source: str, method: str, target: str, behind: str, agent: str, **more) -> Sample:
    return Sample(client, source, method, target, behind, agent, **more)


def _phone(client: str, agent: str, command: str, form: str = PHONE, account: str = "alice") -> Sample:
    target = f"{EAS}?{form.format(command)}"
    return Sample(client, _ASHTTP, "POST", target, target, agent, WBXML, account=account)


_IOS, _ANDROID = "Apple-iPhone12C1/1801.373", "Android-Mail/2023.04.30"
_ASHTTP = "MS-ASHTTP 4.1 to 4.4, examples"

SAMPLES: tuple[Sample, ...] = (
    # Autodiscover
    _sample("Outlook", _BLUEMIND, "POST", "/autodiscover/autodiscover.xml", _AUTOD, OUTLOOK, headers=XML, body=POX),
    _sample("Outlook", "MS-OXDSCLI 4.1", "POST", "/Autodiscover/Autodiscover.xml", _AUTOD, OUTLOOK,
            headers={**XML, "X-MapiHttpCapability": "1", "X-ClientCanHandle": "Negotiate,ExHttpInfo"}, body=POX),
    _sample("Outlook Mobile", _AUTOCONFIG + ": «Used by Microsoft Outlook for Android»", "POST",
            "/autodiscover/autodiscover.xml", _AUTOD, "OutlookMobileCloudService-Autodetect/1.0.0", headers=XML,
            body=POX_MOBILE),
    _sample("iOS", "MS-ASCMD 4.2.1", "POST", "/Autodiscover/Autodiscover.xml", _AUTOD, _IOS,
            headers={"Content-Type": "text/xml"}, body=POX_MOBILE),
    _sample("Thunderbird", _AUTOCONFIG + ": «Used by Thunderbird»; fields of Thunderbird 102", "POST",
            "/autodiscover/autodiscover.xml", _AUTOD,
            "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Thunderbird/102.8.0",
            headers={"Content-Type": "text/xml"}, body=POX),
    _sample("exchangelib", _EXCHANGELIB + "autodiscover/discovery.py (versions 3 and 4): step 1", "POST",
            "/Autodiscover/Autodiscover.xml", _AUTOD, "exchangelib/4.9.0 (python-requests/2.28.1)", headers=XML,
            body=POX),
    _sample("exchangelib", _EXCHANGELIB + "autodiscover/discovery.py: HEAD to where a redirect leads", "HEAD",
            "/Autodiscover/Autodiscover.xml", _AUTOD, "exchangelib/5.6.0 (python-requests/2.32.3)", signs_in=False),
    _sample("EWS Managed API", _EWS_API + "Autodiscover/AutodiscoverService.cs: TryGetEnabledEndpointsForHost",
            "GET", "/autodiscover/autodiscover.xml", _AUTOD, "ExchangeServicesClient/15.00.1076.004"),
    _sample("curl", "gromox's autodiscover guide, docs.grommunio.com (not looked up)", "GET", "/Autodiscover/Autodiscover.xml", _AUTOD,
            "curl/8.5.0", headers={"Accept": "*/*"}),
    _sample("evolution-ews", _EVOLUTION + "e-ews-connection.c: its list of URLs", "POST",
            "/autodiscover/autodiscover.xml", _AUTOD, "Evolution/3.52.3", headers=XML, body=POX),
    _sample("EWS Managed API", "MS-OXWSADISC 4.1", "POST", "/autodiscover/autodiscover.svc",
            "/Autodiscover/Autodiscover.svc", "ExchangeServicesClient/15.00.1076.004",
            headers=XML, body=SOAP_SETTINGS),
    _sample("exchangelib", _EXCHANGELIB + "autodiscover/discovery.py (5.6.0): step 1", "POST", "/Autodiscover/Autodiscover.svc",
            "/Autodiscover/Autodiscover.svc", "exchangelib/5.6.0 (python-requests/2.32.3)", headers=XML,
            body=SOAP_SETTINGS),
    _sample("exchangelib", _EXCHANGELIB + "autodiscover/discovery.py (5.6.0): HEAD to where a redirect leads", "HEAD",
            "/autodiscover/autodiscover.svc", "/Autodiscover/Autodiscover.svc",
            "exchangelib/5.6.0 (python-requests/2.32.3)", signs_in=False),
    _sample("Outlook for Android", _AUTOCONFIG + ": the example of a route", "GET",
            f"/autodiscover/autodiscover.json?Email={quote(MAIL)}&Protocol=ActiveSync&RedirectCount=1", "",
            "Outlook-Android/2.0"),
    _sample("Outlook 2021", "github.com/gremwell/o365enum README.md: where its Location leads", "GET",
            f"/autodiscover/autodiscover.json?Email={quote(MAIL)}&Protocol=Autodiscoverv1&RedirectCount=1", "", OUTLOOK),
    _sample("Outlook AutoDetect", "github.com/MicrosoftDocs/OfficeDocs-Exchange Exchange/ExchangeServer/clients/"
            "outlook-for-ios-and-android/use-hybrid-modern-auth.md", "GET",
            f"/autodiscover/autodiscover.json?Email={quote(MAIL)}&Protocol=activesync&RedirectCount=3", "",
            "OutlookMobileCloudService-Autodetect/1.0.0"),
    _sample("Outlook", "github.com/gremwell/o365enum README.md, «Autodiscover Enumeration»: its fields", "GET",
            f"/autodiscover/autodiscover.json/v1.0/{MAIL}?Protocol=Autodiscoverv1", "",
            "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.12026; Pro)"),
    _sample("Outlook", "a variant of ours of github.com/gremwell/o365enum README.md and " + _AUTOCONFIG, "GET",
            f"/autodiscover/autodiscover.json/v1.0/{quote(MAIL)}?Protocol=ActiveSync&RedirectCount=1", "", OUTLOOK),
    # EWS
    _sample("EWS Managed API", _EWS_API + "Core/Requests/ServiceRequestBase.cs, Core/ExchangeServiceBase.cs", "POST", "/EWS/Exchange.asmx", _EWS,
            "ExchangeServicesClient/15.00.1076.004", headers={**XML, "Accept": "text/xml"}, body=SOAP),
    _sample("macOS", _MSDOC + "answers, an IIS log of 2022-09-02 (not looked up)", "POST", "/EWS/Exchange.asmx", _EWS,
            "AppleExchangeWebServices/818.0.1", headers=XML, body=SOAP),
    _sample("exchangelib", _EXCHANGELIB + "transport.py, services/common.py (5.6.0)", "POST", "/EWS/Exchange.asmx", _EWS,
            "exchangelib/5.6.0 (python-requests/2.32.3)", headers=XML, body=SOAP),
    _sample("DavMail", _DAVMAIL + "ews/EWSMethod.java", "POST", "/ews/exchange.asmx", _EWS,
            "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:24.0) Gecko/20100101 Firefox/24.0",
            headers={"Content-Type": "text/xml;charset=UTF-8"}, body=SOAP),
    _sample("DavMail", _DAVMAIL + "ExchangeSessionFactory.java: the check of its settings", "GET",
            "/ews/exchange.asmx", _EWS, "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:24.0) Gecko/20100101 Firefox/24.0"),
    _sample("evolution-ews", _EVOLUTION + "e-soap-request.c, e-ews-request.c", "POST", "/EWS/Exchange.asmx", _EWS, "Evolution/3.52.3",
            headers=XML, body=SOAP),
    _sample("Skype for Business", "github.com/MicrosoftDocs/OfficeDocs-SkypeForBusiness Skype/SfbServer/deploy/"
            "integrate-with-exchange-server/high-resolution-photos.md", "GET",
            f"/ews/Exchange.asmx/s/GetUserPhoto?email={MAIL}&size=HR648x648",
            f"/EWS/Exchange.asmx/s/GetUserPhoto?email={MAIL}&size=HR648x648", "UCCAPI/16.0.11601 OC/16.0.11601"),
    _sample("Outlook", "github.com/MicrosoftDocs/office-developer-exchange-docs docs/exchange-web-services/"
            "how-to-get-user-photos-by-using-ews-in-exchange.md", "GET",
            f"/EWS/Exchange.asmx/s/GetUserPhoto?email={quote(MAIL)}&size=HR96x96",
            f"/EWS/Exchange.asmx/s/GetUserPhoto?email={MAIL}&size=HR96x96", OUTLOOK),
    _sample("KDE's EWS resource", "github.com/KDE/kdepim-runtime resources/ews/test/fakeserver/test/ewsfakesrv_test.cpp", "POST", "/EWS/Exchange.asmx",
            _EWS, "Mozilla/5.0 (X11; Linux x86_64) KHTML/5.26.0 (like Gecko) Konqueror/5.26", headers=XML, body=SOAP),
    _sample("Outlook LTSC", "RFC 9110 11.6.1: it looks for the challenge first",
            "GET", "/EWS/Exchange.asmx", _EWS, OUTLOOK, signs_in=False),
    # MAPI over HTTP
    _sample("Outlook", _BLUEMIND, "POST", f"/mapi/nspi/?MailboxId={GUID}@contoso.lab",
            f"/mapi/nspi/?MailboxId={GUID}@contoso.lab", OUTLOOK, headers=MAPI),
    _sample("Outlook", "github.com/grommunio/gromox exch/mh/nsp.cpp: the URL Autodiscover gives", "POST",
            f"/mapi/emsmdb/?MailboxId={GUID}@contoso.lab", f"/mapi/emsmdb/?MailboxId={GUID}@contoso.lab", OUTLOOK,
            headers=MAPI),
    _sample("Outlook", "the same, the address escaped as RFC 3986 2.1 allows", "POST", f"/MAPI/emsmdb/?mailboxid={GUID}%40contoso.lab",
            f"/mapi/emsmdb/?MailboxId={GUID}@contoso.lab", OUTLOOK, headers=MAPI),
    _sample("MapiHttpClient", "a trace of Exchange's own probe of 2023-04-02, in a public repository (its name is lost)", "POST",
            "/mapi/emsmdb/?useMailboxOfAuthenticatedUser=true", "/mapi/emsmdb/?useMailboxOfAuthenticatedUser=true",
            "MapiHttpClient", headers={**MAPI, "Content-Type": "application/octet-stream"}),
    # OAB
    _sample("Outlook", "MS-OXWOAB 2.2: the manifest (not looked up)", "GET", f"/OAB/{OAB_GUID}/oab.xml", f"/OAB/{OAB_GUID}/oab.xml",
            "Microsoft BITS/7.8"),
    _sample("BITS", "learn.microsoft.com/windows/win32/bits/http-requirements-for-bits-downloads: the size first", "HEAD", f"/OAB/{OAB_GUID}/oab.xml",
            f"/OAB/{OAB_GUID}/oab.xml", "Microsoft BITS/7.8", headers={"Accept-Encoding": "identity"}),
    _sample("BITS", "github.com/ffffffff0x/1earn 1earn/Security/RedTeam/后渗透/实验/Exchange.md: names of an Exchange 2016", "GET",
            f"/OAB/{OAB_GUID}/fd1e35ac-08ef-4e4c-a6fc-b8b88c69c7b2-data-1.lzx",
            f"/OAB/{OAB_GUID}/fd1e35ac-08ef-4e4c-a6fc-b8b88c69c7b2-data-1.lzx", "Microsoft BITS/7.8",
            headers={"Range": "bytes=0-524287"}),
    _sample("Outlook", "MS-OXWOAB 2.2: a manifest's files, full and as differences (not looked up)", "GET",
            f"/oab/{OAB_GUID.upper()}/fd1e35ac-08ef-4e4c-a6fc-b8b88c69c7b2-binpatch-2.lzx",
            f"/OAB/{OAB_GUID}/fd1e35ac-08ef-4e4c-a6fc-b8b88c69c7b2-binpatch-2.lzx", OUTLOOK),
    # ActiveSync
    _sample("iOS", _ASHTTP, "OPTIONS", EAS, EAS, _IOS),
    *(_phone("iOS", _IOS, command) for command in ("FolderSync", "Sync", "SendMail", "Search")),
    *(_phone("Android", _ANDROID, command, ANDROID, "bob") for command in ("Sync", "GetItemEstimate")),
    _sample("SOGo's phones", "SOGo's ActiveSync with iOS, its Apache log: default.eas (not looked up)", "POST",
            f"{EAS}/default.eas?{PHONE.format('FolderSync')}", f"{EAS}/default.eas?{PHONE.format('FolderSync')}", _IOS,
            headers=WBXML),
    _sample("Gmail", "User with its domain, as Android spells it: MS-ASHTTP 2.2.1.1.1.2.5", "POST",
            f"{EAS}?Cmd=Sync&User=CONTOSO%5Calice&DeviceId=PHONE1&DeviceType=iPhone",
            f"{EAS}?Cmd=Sync&User=CONTOSO%5Calice&DeviceId=PHONE1&DeviceType=iPhone", _IOS, headers=WBXML,
            login="CONTOSO\\alice"),
)  # fmt: skip
