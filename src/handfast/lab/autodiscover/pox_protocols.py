"""The Protocol blocks of a plain XML answer: which server, by which protocol, under which URLs.

EXCH is meant for clients inside, EXPR for those outside, EXHTTP for both, WEB for browsers, mapiHttp for Outlook since
2013. Source: MS-OXDSCLI 2.2.4.1.1.2.6; Microsoft, "Protocol (POX)".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from handfast.lab.documents import Node, builder
from handfast.lab.site_names import Person, SiteNames

_OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_EWS = "/EWS/Exchange.asmx"
_ECP_PAGES = {
    "EcpUrl-um": "?path=/options/callanswering",
    "EcpUrl-aggr": "?path=/options/connectedaccounts",
    "EcpUrl-mt": "options/ecp/PersonalSettings/DeliveryReport.aspx?rfr=olk&exsvurl=1&IsOWA=<IsOWA>",
    "EcpUrl-ret": "?path=/options/retentionpolicies",
    "EcpUrl-sms": "?path=/options/textmessaging",
    "EcpUrl-publish": "?path=/options/calendarpublishing/id/<FldID>",
    "EcpUrl-photo": "?path=/options/myaccount/action/photo",
    "EcpUrl-tm": "options/ecp/?rfr=olk&ftr=TeamMailbox&exsvurl=1",
    "EcpUrl-extinstall": "?path=/options/manageapps",
}

outlook = builder(_OUTLOOK, {None: _OUTLOOK})
Url = Callable[[str], str]


def account_protocols(names: SiteNames, person: Person, *, mapi_http: bool, exhttp: bool) -> Iterator[Node]:
    """A client that can speak MAPI over HTTP is offered no RPC, so neither EXCH nor EXPR."""
    if not mapi_http:
        yield _exch(names, person)
        if names.published:
            yield _expr(names)
    if exhttp and not mapi_http:
        yield _exhttp(names.server, names.inside_url)
        if names.published:
            yield _exhttp(names.published, names.published_url)
    yield _web(names)
    if mapi_http:
        yield _mapi_http(names, person)


def _exch(names: SiteNames, person: Person) -> Node:
    server = names.configuration_dn(person.mailbox_id)
    return outlook(
        "Protocol",
        outlook("Type", "EXCH"),
        outlook("Server", person.mailbox_id),
        outlook("ServerDN", server),
        outlook("ServerVersion", "73C28000"),
        outlook("MdbDN", f"{server}/cn=Microsoft Private MDB"),
        outlook("PublicFolderServer", names.server),
        outlook("AD", names.domain_controller),
        outlook("AuthPackage", "Anonymous"),
        *_services(names, names.inside_url),
        outlook("ServerExclusiveConnect", "off"),
    )


def _expr(names: SiteNames) -> Node:
    return outlook(
        "Protocol",
        outlook("Type", "EXPR"),
        outlook("Server", names.published),
        outlook("SSL", "On"),
        outlook("AuthPackage", "Ntlm"),
        *_services(names, names.published_url),
        outlook("CertPrincipalName", f"msstd:{names.server}"),
        outlook("ServerExclusiveConnect", "on"),
        outlook("EwsPartnerUrl", names.inside_url(_EWS)),
        outlook("GroupingInformation", f"Site-{names.machine}"),
    )


def _exhttp(server: str, url: Url) -> Node:
    return outlook(
        "Protocol",
        outlook("Type", "EXHTTP"),
        outlook("Server", server),
        outlook("SSL", "On"),
        outlook("AuthPackage", "Negotiate"),
        outlook("ASUrl", url(_EWS)),
        outlook("EwsUrl", url(_EWS)),
        outlook("OOFUrl", url(_EWS)),
        outlook("ServerExclusiveConnect", "On"),
    )


def _services(names: SiteNames, url: Url) -> Iterator[Node]:
    """What EXCH and EXPR have in common, with URLs of one side."""
    yield outlook("ASUrl", url(_EWS))
    yield outlook("EwsUrl", url(_EWS))
    yield outlook("EmwsUrl", url(_EWS))
    yield outlook("SharingUrl", url(_EWS))
    yield outlook("EcpUrl", url("/owa/"))
    for name, page in _ECP_PAGES.items():
        yield outlook(name, page)
    yield outlook("OOFUrl", url(_EWS))
    yield outlook("UMUrl", url("/EWS/UM2007Legacy.asmx"))
    yield outlook("OABUrl", url(f"/OAB/{names.address_book_id}/"))


def _web(names: SiteNames) -> Node:
    inside = outlook(
        "Internal",
        outlook("OWAUrl", names.inside_url("/owa/"), AuthenticationMethod="Basic, Fba"),
        outlook("Protocol", outlook("Type", "EXCH"), outlook("ASUrl", names.inside_url(_EWS))),
    )
    if not names.published:
        return outlook("Protocol", outlook("Type", "WEB"), inside)
    outside = outlook(
        "External",
        outlook("OWAUrl", names.published_url("/owa/"), AuthenticationMethod="Fba"),
        outlook("Protocol", outlook("Type", "EXPR"), outlook("ASUrl", names.published_url(_EWS))),
    )
    return outlook("Protocol", outlook("Type", "WEB"), inside, outside)


def _mapi_http(names: SiteNames, person: Person) -> Node:
    def endpoint(name: str, path: str) -> Node:
        target = f"{path}/?MailboxId={person.mailbox_id}"
        outside = outlook("ExternalUrl", names.published_url(target)) if names.published else None
        return outlook(name, outlook("InternalUrl", names.inside_url(target)), outside)

    return outlook(
        "Protocol",
        endpoint("MailStore", "/mapi/emsmdb"),
        endpoint("AddressBook", "/mapi/nspi"),
        Type="mapiHttp",
        Version="1",
    )
