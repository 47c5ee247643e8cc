"""SOAP Autodiscover: GetUserSettings, one answer a user, each setting by its name.

Source: MS-OXWSADISC 3.1.4.3. A setting this server does not know is reported as an error beside those it knows.
"""

from __future__ import annotations

from collections.abc import Callable

from handfast.lab.documents import XSI_TYPE, BadDocument, Node, builder, children, find, text_at
from handfast.lab.mailbox import mailbox_name
from handfast.lab.reply import Reply, xml_reply
from handfast.lab.site_names import Person, SiteNames
from handfast.lab.soap import ADDRESSING, SOAP, XSI, read_envelope, soap, soap_fault

NAMESPACE = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
_PREFIXES = {"s": SOAP, "a": ADDRESSING, "i": XSI, None: NAMESPACE}
_EWS = "/EWS/Exchange.asmx"
_ECP = {
    "Voicemail": "?path=/options/callanswering",
    "EmailSubscriptions": "?path=/options/connectedaccounts",
    "TextMessaging": "?path=/options/textmessaging",
    "DeliveryReport": "PersonalSettings/DeliveryReport.aspx?exsvurl=1&IsOWA=<IsOWA>",
    "RetentionPolicyTags": "?path=/options/retentionpolicies",
    "Publishing": "?path=/options/calendarpublishing/id/<FldID>",
    "Photo": "?path=/options/myaccount/action/photo",
}

ad = builder(NAMESPACE, _PREFIXES)


class UserSettings:
    """Answers of one site. `redirect`: ("redirectAddr", address) or ("redirectUrl", URL) for everybody."""

    def __init__(self, names: SiteNames) -> None:
        self._names = names
        self.redirect: tuple[str, str] | None = None

    def answer(self, body: bytes) -> Reply:
        try:
            request = read_envelope(body)
        except BadDocument as error:
            return soap_fault(str(error))
        if request.operation != "GetUserSettings":
            return soap_fault("The operation isn't supported.")
        asked = find(request.element, "Request")
        if asked is None:
            return soap_fault("The request holds no Request element.")
        users = [text_at(user, "Mailbox") for user in children(find(asked, "Users"))]
        wanted = [setting.text or "" for setting in children(find(asked, "RequestedSettings"))]
        responses = [self._user(address, wanted) for address in users]
        return xml_reply(_envelope("GetUserSettings", ad("UserResponses", *responses)))

    def _user(self, address: str, wanted: list[str]) -> Node:
        person = self._names.person(mailbox_name(address))
        if self.redirect:
            kind, target = self.redirect
            return _failed("Redirect" + kind.removeprefix("redirect").replace("Addr", "Address"), target)
        if person.address != address.lower():
            return _failed("InvalidUser")
        known = settings(self._names, person)
        missing = [
            ad(
                "UserSettingError",
                ad("ErrorCode", "SettingIsNotAvailable"),
                ad("ErrorMessage", f"Setting '{name}' is not available."),
                ad("SettingName", name),
            )
            for name in wanted
            if name not in known
        ]
        return ad(
            "UserResponse",
            ad("ErrorCode", "NoError"),
            ad("ErrorMessage", "No error."),
            ad("RedirectTarget"),
            ad("UserSettingErrors", *missing),
            ad("UserSettings", *(known[name] for name in wanted if name in known)),
        )


def settings(names: SiteNames, person: Person) -> dict[str, Node]:
    """Every setting of a person, by name."""
    server = names.configuration_dn(person.mailbox_id)
    strings = {
        "UserDisplayName": person.display_name,
        "UserDN": person.legacy_dn,
        "UserDeploymentId": names.address_book_id,
        "AutoDiscoverSMTPAddress": person.address,
        "InternalMailboxServer": person.mailbox_id,
        "InternalMailboxServerDN": server,
        "InternalRpcClientServer": names.server,
        "MailboxDN": f"{server}/cn=Microsoft Private MDB",
        "PublicFolderServer": names.server,
        "ActiveDirectoryServer": names.domain_controller,
        "EwsPartnerUrl": names.inside_url(_EWS),
        "CasVersion": "15.02.1544.004",
        "EwsSupportedSchemas": "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, "
        "Exchange2010_SP2, Exchange2013, Exchange2013_SP1, Exchange2015, Exchange2016",
        "GroupingInformation": f"Site-{names.machine}",
        "MapiHttpEnabled": "True",
        "InternalServerExclusiveConnect": "False",
        "ShowGalAsDefaultView": "True",
    }
    strings |= _urls("Internal", names.inside_url, names.address_book_id)
    if names.published:
        strings |= _urls("External", names.published_url, names.address_book_id)
        strings |= {"ExternalMailboxServer": names.published, "ExternalMailboxServerRequiresSSL": "True"}
        strings |= {
            "ExternalMailboxServerAuthenticationMethods": "Ntlm",
            "ExternalEwsVersion": "15.02.1544.000",
        }
    known = {name: _string(name, value) for name, value in strings.items()}
    known["InternalWebClientUrls"] = _web_clients(
        "InternalWebClientUrls", names.inside_url("/owa/"), "Basic, Fba"
    )
    for kind, port in (("Pop3", 995), ("Imap4", 993), ("Smtp", 587)):
        name = f"Internal{kind}Connections"
        known[name] = _connections(name, names.server, port)
    if names.published:
        known["ExternalWebClientUrls"] = _web_clients(
            "ExternalWebClientUrls", names.published_url("/owa/"), "Fba"
        )
    return known


def _urls(side: str, url: Callable[[str], str], address_book_id: str) -> dict[str, str]:
    found = {
        f"{side}EwsUrl": url(_EWS),
        f"{side}EmwsUrl": url(_EWS),
        f"{side}OABUrl": url(f"/OAB/{address_book_id}/"),
        f"{side}UMUrl": url("/EWS/UM2007Legacy.asmx"),
        f"{side}EcpUrl": url("/owa/"),
        f"{side}PhotosUrl": url("/EWS/Exchange.asmx/s/"),
    }
    return found | {f"{side}Ecp{page}Url": url("/owa/" + fragment) for page, fragment in _ECP.items()}


def _string(name: str, value: str) -> Node:
    return _setting("StringSetting", name, ad("Value", value))


def _web_clients(name: str, url: str, methods: str) -> Node:
    client = ad("WebClientUrl", ad("AuthenticationMethods", methods), ad("Url", url))
    return _setting("WebClientUrlCollectionSetting", name, ad("WebClientUrls", client))


def _connections(name: str, host: str, port: int) -> Node:
    connection = ad(
        "ProtocolConnection", ad("Hostname", host), ad("Port", str(port)), ad("EncryptionMethod", "SSL")
    )
    return _setting("ProtocolConnectionCollectionSetting", name, ad("ProtocolConnections", connection))


def _setting(kind: str, name: str, value: Node) -> Node:
    setting = ad("UserSetting", ad("Name", name), value)
    setting.set(XSI_TYPE, kind)
    return setting


def _failed(code: str, target: str = "") -> Node:
    return ad(
        "UserResponse",
        ad("ErrorCode", code),
        ad("ErrorMessage", "Redirection." if target else "The address is unknown."),
        ad("RedirectTarget", target),
        ad("UserSettingErrors"),
        ad("UserSettings"),
    )


def _envelope(operation: str, *content: Node) -> Node:
    version = ad(
        "ServerVersionInfo",
        ad("MajorVersion", "15"),
        ad("MinorVersion", "2"),
        ad("MajorBuildNumber", "1544"),
        ad("MinorBuildNumber", "4"),
        ad("Version", "Exchange2016"),
    )
    action = builder(ADDRESSING, _PREFIXES)("Action", f"{NAMESPACE}/Autodiscover/{operation}Response")
    response = ad("Response", ad("ErrorCode", "NoError"), ad("ErrorMessage"), *content)
    message = ad(f"{operation}ResponseMessage", response)
    return soap("Envelope", soap("Header", action, version), soap("Body", message))
