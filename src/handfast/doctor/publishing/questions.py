"""What clients ask on their way to their mail. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from handfast.doctor.publishing.visit import Ask
from handfast.protocols.autodiscover.schemas import (
    MOBILESYNC_REQUEST,
    MOBILESYNC_RESPONSE,
    OUTLOOK_REQUEST,
    OUTLOOK_RESPONSE,
    PoxSchema,
)

ACTIVESYNC = "/Microsoft-Server-ActiveSync"
AUTODISCOVER = "/autodiscover/autodiscover.xml"
EWS = "/EWS/Exchange.asmx"
MAPI = "/mapi/emsmdb/"
JSON = "/autodiscover/autodiscover.json"
CLOSED = ("/PowerShell", "/ecp/DDI/DDIService.svc", "/rpc/rpcproxy.dll", "/api/v2.0/me")
"""Nobody outside has business there."""
NOBODY = "nobody@invalid"
"""For questions before sign-in, whose answer is the same for every address."""

_XML = {"Content-Type": "text/xml; charset=utf-8"}
_SCHEMAS = {
    PoxSchema.OUTLOOK: (OUTLOOK_REQUEST, OUTLOOK_RESPONSE),
    PoxSchema.MOBILESYNC: (MOBILESYNC_REQUEST, MOBILESYNC_RESPONSE),
}
_INBOX = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>'
    '<t:RequestServerVersion Version="Exchange2013"/></s:Header><s:Body><m:GetFolder><m:FolderShape>'
    "<t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
    '<t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder></s:Body></s:Envelope>'
)


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks: a login name, an app password, and the mail address that Autodiscover is asked for, "" where unknown."""

    user: str
    password: str = field(repr=False)
    address: str = ""

    @property
    def authorization(self) -> str:
        """The value of the Authorization field. Source: RFC 7617 2."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def ask_options(host: str, login: Login | None = None) -> Ask:
    """A phone's first question to ActiveSync. Source: MS-ASHTTP 2.2.3."""
    return Ask("OPTIONS", host, ACTIVESYNC, _signed(login), is_secret=login is not None)


def ask_autodiscover(host: str, address: str, schema: PoxSchema, login: Login | None = None) -> Ask:
    """Where is the server of this address? Source: MS-OXDSCLI 2.2.3 (Outlook), MS-ASCMD 2.2.1.1 (phones)."""
    asked, wanted = _SCHEMAS[schema]
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{asked}"><Request>'
        f"<EMailAddress>{escape(address)}</EMailAddress>"
        f"<AcceptableResponseSchema>{wanted}</AcceptableResponseSchema></Request></Autodiscover>"
    )
    fields = {**_XML, **_signed(login)}
    return Ask("POST", host, AUTODISCOVER, fields, body.encode(), is_secret=login is not None)


def ask_json(host: str, protocol: str) -> Ask:
    """What newer clients ask before they sign in."""
    return Ask("GET", host, f"{JSON}?Email={NOBODY.replace('@', '%40')}&Protocol={protocol}")


def ask_ews(host: str, login: Login | None = None) -> Ask:
    """Which folder is the inbox? Source: MS-OXWSFOLD 3.1.4.6."""
    fields = {**_XML, **_signed(login)}
    return Ask("POST", host, EWS, fields, _INBOX.encode(), is_secret=login is not None)


def ask_mapi(host: str) -> Ask:
    """Outlook's knock, without a credential. Source: MS-OXCMAPIHTTP 2.2.3.3."""
    return Ask("POST", host, MAPI, {"Content-Type": "application/mapi-http", "X-RequestType": "PING"})


def _signed(login: Login | None) -> dict[str, str]:
    return {} if login is None else {"Authorization": login.authorization}
