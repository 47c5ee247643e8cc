"""Plain XML Autodiscover for Outlook and for phones. Source: MS-OXDSCLI 2.2.4, 3.1.5; MS-ASCMD 2.2.1.1."""

from __future__ import annotations

from datetime import UTC, datetime

from handfast.lab.autodiscover.pox_protocols import account_protocols, outlook
from handfast.lab.documents import BadDocument, Node, builder, find, read_document, text_at
from handfast.lab.mailbox import mailbox_name
from handfast.lab.reply import Reply, xml_reply
from handfast.lab.site_names import Person, SiteNames

_ENVELOPE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_MOBILE = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"
_INVALID_REQUEST = "600"
_UNKNOWN_ADDRESS = "500"

envelope = builder(_ENVELOPE, {None: _ENVELOPE})
mobile = builder(_MOBILE, {None: _MOBILE})


class PoxAutodiscover:
    """Answers of one site. `redirect` sends every client on: ("redirectAddr", address) or ("redirectUrl", URL)."""

    def __init__(self, names: SiteNames) -> None:
        self._names = names
        self.redirect: tuple[str, str] | None = None

    def answer(self, body: bytes, *, mapi_http: bool, exhttp: bool) -> Reply:
        """`mapi_http` and `exhttp` say what the request's headers X-MapiHttpCapability and X-ClientCanHandle ask for."""
        try:
            request = find(read_document(body), "Request")
        except BadDocument:
            request = None
        if request is None:
            return xml_reply(_error(_INVALID_REQUEST, "Invalid Request"))
        address, schema = text_at(request, "EMailAddress"), text_at(request, "AcceptableResponseSchema")
        person = self._names.person(mailbox_name(address))
        if "/mobilesync/" in schema:
            return xml_reply(envelope("Autodiscover", self._mobile(person, address)))
        if person.address != address.lower():
            return xml_reply(_error(_UNKNOWN_ADDRESS, "The email address can't be found."))
        return xml_reply(envelope("Autodiscover", self._outlook(person, mapi_http, exhttp)))

    def _outlook(self, person: Person, mapi_http: bool, exhttp: bool) -> Node:  # noqa: FBT001 - two facts of one request
        user = outlook(
            "User",
            outlook("DisplayName", person.display_name),
            outlook("LegacyDN", person.legacy_dn),
            outlook("AutoDiscoverSMTPAddress", person.address),
            outlook("DeploymentId", self._names.address_book_id),
        )
        if self.redirect:
            kind, target = self.redirect
            element = {"redirectAddr": "RedirectAddr", "redirectUrl": "RedirectUrl"}[kind]
            account = outlook("Account", outlook("Action", kind), outlook(element, target))
            return outlook("Response", account)
        protocols = account_protocols(self._names, person, mapi_http=mapi_http, exhttp=exhttp)
        account = outlook(
            "Account",
            outlook("AccountType", "email"),
            outlook("Action", "settings"),
            outlook("MicrosoftOnline", "False"),
            *protocols,
        )
        return outlook("Response", user, account)

    def _mobile(self, person: Person, address: str) -> Node:
        url = self._names.published_url("/Microsoft-Server-ActiveSync") or self._names.inside_url(
            "/Microsoft-Server-ActiveSync"
        )
        user = mobile(
            "User", mobile("DisplayName", person.display_name), mobile("EMailAddress", person.address)
        )
        if person.address != address.lower():
            problem = mobile(
                "Error", mobile("Status", "1"), mobile("Message", "The directory has no such address.")
            )
            return mobile("Response", mobile("Culture", "en:us"), user, mobile("Action", problem))
        if self.redirect and self.redirect[0] == "redirectAddr":
            return mobile(
                "Response",
                mobile("Culture", "en:us"),
                user,
                mobile("Action", mobile("Redirect", self.redirect[1])),
            )
        server = mobile("Server", mobile("Type", "MobileSync"), mobile("Url", url), mobile("Name", url))
        action = mobile("Action", mobile("Settings", server))
        return mobile("Response", mobile("Culture", "en:us"), user, action)


def _error(code: str, message: str) -> Node:
    now = datetime.now(UTC)
    error = envelope(
        "Error",
        envelope("ErrorCode", code),
        envelope("Message", message),
        envelope("DebugData"),
        Time=f"{now:%H:%M:%S.%f}",
        Id="1054084152",
    )
    return envelope("Autodiscover", envelope("Response", error))
