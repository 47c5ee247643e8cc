"""The SOAP answer: settings by name, for mailboxes (GetUserSettings) or for domains (GetDomainSettings).

A setting that can't be said outside is left out, as Exchange leaves out what it has no value for.

Source: MS-OXWSADISC 3.1.4.2, 3.1.4.3; Microsoft, "UserSettingName".
"""

from __future__ import annotations

from copy import deepcopy
from typing import Final

from handfast.protocols.xml.document import XmlElement
from handfast.protocols.xml.tree import local_name
from handfast.rewriting.autodiscover import field_rules as rules
from handfast.rewriting.autodiscover.elements import named, remove, text_in, value_of
from handfast.rewriting.autodiscover.field_rules import FieldRule
from handfast.rewriting.autodiscover.name_scan import NameScan
from handfast.rewriting.autodiscover.published_names import PublishedNames

SETTINGS: Final[dict[str, FieldRule]] = {
    "ActiveDirectoryServer": rules.gone,
    "CasVersion": rules.version,
    "CertPrincipalName": rules.cert_principal_name,
    "DocumentSharingLocations": rules.gone,
    "EwsPartnerUrl": rules.gone,
    "ExchangeRpcUrl": rules.gone,
    "ExternalEwsUrl": rules.ews_url,
    "ExternalEwsVersion": rules.version,
    "ExternalImap4Connections": rules.gone,
    "ExternalMailboxServer": rules.outlook_server,
    "ExternalMailboxServerAuthenticationMethods": rules.auth_package,
    "ExternalMailboxServerRequiresSSL": rules.true,
    "ExternalOABUrl": rules.oab_url,
    "ExternalPop3Connections": rules.gone,
    "ExternalSmtpConnections": rules.gone,
    "ExternalUMUrl": rules.gone,
    "GroupingInformation": rules.gone,
    "InternalEwsUrl": rules.ews_url,
    "InternalMailboxServer": rules.outlook_server,
    "InternalMailboxServerDN": rules.server_dn,
    "InternalOABUrl": rules.oab_url,
    "InternalRpcClientServer": rules.outlook_server,
    "InteropExternalEwsUrl": rules.gone,
    "InteropExternalEwsVersion": rules.version,
    "PublicFolderServer": rules.outlook_server,
}
"""Settings with one text as their value. The control panel's pages and web clients have rules of their own below."""

_WITHOUT_HOSTS = frozenset({"InternalServerExclusiveConnect"})
_LISTS = frozenset({"InternalWebClientUrls", "ExternalWebClientUrls"})
_SHOWN_NAMES = frozenset({"UserDisplayName", "DisplayName"})


def rewrite_soap(body: XmlElement, names: PublishedNames, scan: NameScan, address: str) -> None:
    """Changes the Body element in place. `address` stands in for a display name that looks like a server's."""
    for element in list(body.iter()):
        match local_name(element)[1]:
            case "UserSettings" | "DomainSettings":
                _rewrite_settings(element, names, scan, address)
            case "RedirectTarget" if "://" in text_in(element):  # otherwise it is an address
                element.text = rules.redirect_url(text_in(element), names)


def _rewrite_settings(settings: XmlElement, names: PublishedNames, scan: NameScan, address: str) -> None:
    for setting in list(settings):
        _rewrite_setting(setting, names, scan, address)
    _make_agree(settings)


def _rewrite_setting(setting: XmlElement, names: PublishedNames, scan: NameScan, address: str) -> None:
    name = value_of(setting, "Name")
    if name in _SHOWN_NAMES:
        for value in named(setting, "Value"):
            value.text = address if scan.first(value.text or "") else value.text
    elif name in _LISTS:
        _rewrite_web_clients(setting, names)
    elif name == "AlternateMailboxes":
        _rewrite_mailboxes(setting, names)
    else:
        _apply(_rule_for(name), setting, names, scan)


def _rule_for(name: str) -> FieldRule | None:
    """A page of the control panel by its prefix; what else is internal has no use outside."""
    rule = SETTINGS.get(name)
    if rule is not None or name in _WITHOUT_HOSTS:
        return rule
    if name.startswith(("InternalEcp", "ExternalEcp")):
        return rules.web_page
    return rules.gone if name.startswith("Internal") else None


def _apply(rule: FieldRule | None, setting: XmlElement, names: PublishedNames, scan: NameScan) -> None:
    """The rule's value, or nothing. Without a rule the setting stays where no name is found in it, whole or not at all."""
    if rule is None:
        if any(scan.first(element.text or "") for element in setting.iter()):
            remove(setting)
        return
    values = named(setting, "Value")
    if not values or len(values[0]):
        remove(setting)
        return
    value = rule(text_in(values[0]), names) if text_in(values[0]) else ""
    if value is None:
        remove(setting)
    else:
        values[0].text = value


def _rewrite_web_clients(setting: XmlElement, names: PublishedNames) -> None:
    """One entry for each way to sign in, all with the published URL."""
    seen: set[tuple[str, str]] = set()
    for client in [e for e in setting.iter() if local_name(e)[1] == "WebClientUrl"]:
        url = rules.web_page(value_of(client, "Url"), names)
        methods = rules.authentication_methods(value_of(client, "AuthenticationMethods"), names) or ""
        if url is None or (url, methods) in seen:
            remove(client)
            continue
        seen.add((url, methods))
        for child in client:
            child.text = url if local_name(child)[1] == "Url" else methods
    if not seen:
        remove(setting)


def _rewrite_mailboxes(setting: XmlElement, names: PublishedNames) -> None:
    """A further mailbox's server is a mailbox's name, or the client finds it by its address."""
    for server in [e for e in setting.iter() if local_name(e)[1] == "Server"]:
        if rules.mailbox_id(text_in(server), names) is None:
            remove(server)


def _make_agree(settings: XmlElement) -> None:
    """Internal* says what External* says, where both are there."""
    by_name = {value_of(setting, "Name"): setting for setting in settings}
    for name, inside in by_name.items():
        outside = by_name.get("External" + name.removeprefix("Internal"))
        if not name.startswith("Internal") or outside is None:
            continue
        for child in list(inside)[1:]:
            remove(child)
        inside.extend(deepcopy(child) for child in list(outside)[1:])
