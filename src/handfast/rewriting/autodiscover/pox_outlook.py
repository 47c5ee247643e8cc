"""The plain XML answer to Outlook and its like: an Account of Protocol blocks.

A block's Type says for whom it is: EXCH for clients inside, EXPR for those outside, EXHTTP for either, WEB for browsers,
and the attribute Type="mapiHttp" for Outlook since 2013. Clients outside read EXCH all the same, so it is not enough to
clean EXPR: one block is made of both, and stands in the answer as EXPR and as EXCH.

Source: MS-OXDSCLI 2.2.4.1.1.2.6; Microsoft, "Protocol (POX)".
"""

from __future__ import annotations

from copy import deepcopy
from typing import Final

from handfast.protocols.autodiscover.schemas import OUTLOOK_RESPONSE
from handfast.protocols.xml.document import XmlElement, serialise_xml
from handfast.protocols.xml.tree import build_element, local_name
from handfast.rewriting.autodiscover import field_rules as rules
from handfast.rewriting.autodiscover.elements import named, remove, text_in, value_of
from handfast.rewriting.autodiscover.field_rules import FieldRule
from handfast.rewriting.autodiscover.name_scan import NameScan
from handfast.rewriting.autodiscover.published_names import PublishedNames

PROTOCOL_FIELDS: Final[dict[str, FieldRule]] = {
    "AD": rules.gone,
    "ASUrl": rules.ews_url,
    "AuthPackage": rules.auth_package,
    "CertPrincipalName": rules.cert_principal_name,
    "DirectoryPort": rules.number,
    "DomainName": rules.gone,
    "EcpUrl": rules.web_page,
    "EmwsUrl": rules.ews_url,
    "EwsPartnerUrl": rules.gone,
    "EwsUrl": rules.ews_url,
    "GroupingInformation": rules.gone,  # the name of an Active Directory site
    "LoginName": rules.gone,
    "MdbDN": rules.server_dn,
    "OABUrl": rules.oab_url,
    "OOFUrl": rules.ews_url,
    "OWAUrl": rules.web_page,
    "Port": rules.number,
    "PublicFolderServer": rules.outlook_server,
    "ReferralPort": rules.number,
    "SSL": rules.ssl_on,
    "Server": rules.outlook_server,
    "ServerDN": rules.server_dn,
    "ServerVersion": rules.version,
    "SharingUrl": rules.ews_url,
    "TTL": rules.number,
    "UMUrl": rules.gone,  # Unified Messaging ended with Exchange 2016, and no rule publishes its path
}
"""Fields of any Protocol block. Others (EcpUrl-* among them, which are relative) stay where no name is found in them."""

_INSIDE_ONLY = frozenset({"ServerDN", "MdbDN", "ServerVersion"})
"""What EXCH has and EXPR never had; they name a mailbox, or are gone."""

_OUTSIDE, _INSIDE = "EXPR", "EXCH"
_KEPT_TYPES = frozenset({_OUTSIDE, _INSIDE, "EXHTTP", "WEB"})


def rewrite_outlook(response: XmlElement, names: PublishedNames, scan: NameScan, address: str) -> None:
    """Changes the Response element in place. `address` stands in for a display name that looks like a server's."""
    for user in named(response, "User"):
        for shown in named(user, "DisplayName"):
            if scan.first(shown.text or ""):
                shown.text = address
    for account in named(response, "Account"):
        _rewrite_account(account, names)


def _rewrite_account(account: XmlElement, names: PublishedNames) -> None:
    for target in named(account, "RedirectUrl"):
        target.text = rules.redirect_url(text_in(target), names)
    for mailbox in named(account, "AlternativeMailbox"):
        _rewrite_fields(mailbox, {"Server": rules.mailbox_id}, names)
    for protocol in named(account, "Protocol"):
        _rewrite_protocol(protocol, names)
    _join_outlook_blocks(account, names)
    _drop_doubles(account)


def _rewrite_protocol(protocol: XmlElement, names: PublishedNames) -> None:
    kind = protocol.get("Type") or value_of(protocol, "Type")
    if kind == "mapiHttp":
        _rewrite_mapi(protocol, names)
    elif kind == "WEB":
        _rewrite_web(protocol, names)
    elif kind in _KEPT_TYPES:
        _rewrite_fields(protocol, PROTOCOL_FIELDS, names)
        _drop_pages_without_base(protocol)
    else:  # POP3, IMAP, SMTP and what may come: nothing here publishes them
        remove(protocol)


def _rewrite_fields(block: XmlElement, fields: dict[str, FieldRule], names: PublishedNames) -> None:
    """Each known field's published value, or none. An empty field says nothing and stays."""
    for child in list(block):
        rule = fields.get(local_name(child)[1])
        if rule is None or (not len(child) and not text_in(child)):
            continue
        value = rule(text_in(child), names) if not len(child) else None
        if value is None:
            remove(child)
        else:
            child.text = value


def _drop_pages_without_base(protocol: XmlElement) -> None:
    """EcpUrl-* are appended to EcpUrl, and mean nothing without it."""
    if named(protocol, "EcpUrl"):
        return
    for child in list(protocol):
        if local_name(child)[1].startswith("EcpUrl-"):
            remove(child)


def _rewrite_mapi(protocol: XmlElement, names: PublishedNames) -> None:
    """InternalUrl and ExternalUrl of a store or address book become one URL, present under both names."""
    for name in ("MailStore", "AddressBook"):
        for holder in named(protocol, name):
            url = _first_mapi_url(holder, names)
            if url is None:
                remove(holder)
                continue
            holder[:] = [
                build_element(OUTLOOK_RESPONSE, side, text=url) for side in ("InternalUrl", "ExternalUrl")
            ]
    if not len(protocol):
        remove(protocol)


def _first_mapi_url(holder: XmlElement, names: PublishedNames) -> str | None:
    values = [value_of(holder, "ExternalUrl"), value_of(holder, "InternalUrl")]
    return next((url for value in values if (url := rules.mapi_url(value, names))), None)


def _rewrite_web(protocol: XmlElement, names: PublishedNames) -> None:
    """What External says becomes what Internal says; what External has nothing of is taken from Internal."""
    sides = {name: named(protocol, name) for name in ("Internal", "External")}
    for side in (*sides["Internal"], *sides["External"]):
        _rewrite_side(side, names)
    kept = _of_both(sides["External"], sides["Internal"])
    if not kept:
        remove(protocol)
        return
    for name, kind in (("Internal", _INSIDE), ("External", _OUTSIDE)):
        for side in sides[name]:
            side[:] = [_retyped(child, kind) for child in kept]


def _of_both(first: list[XmlElement], second: list[XmlElement]) -> list[XmlElement]:
    """Copies of what is in `first`, and of what is in `second` under names `first` has not."""
    kept = [deepcopy(child) for side in first for child in side]
    there = {child.tag for child in kept}
    return kept + [deepcopy(child) for side in second for child in side if child.tag not in there]


def _rewrite_side(side: XmlElement, names: PublishedNames) -> None:
    for page in named(side, "OWAUrl"):
        _rewrite_authentication(page, names)
    _rewrite_fields(side, PROTOCOL_FIELDS, names)
    for inner in named(side, "Protocol"):
        _rewrite_fields(inner, PROTOCOL_FIELDS, names)
        if all(local_name(child)[1] == "Type" for child in inner):
            remove(inner)
    _drop_doubles(side)


def _rewrite_authentication(page: XmlElement, names: PublishedNames) -> None:
    methods = page.get("AuthenticationMethod")
    if methods is not None and rules.authentication_methods(methods, names) is None:
        del page.attrib["AuthenticationMethod"]


def _join_outlook_blocks(account: XmlElement, names: PublishedNames) -> None:
    """One block of EXPR and EXCH, EXPR first; in the answer under the types that were there, EXPR always.

    A server whose external URLs nobody set answers without EXPR; made of EXCH alone it lacks how to sign in.
    """
    blocks = {
        kind: [p for p in named(account, "Protocol") if not p.get("Type") and value_of(p, "Type") == kind]
        for kind in (_OUTSIDE, _INSIDE)
    }
    every = [*blocks[_OUTSIDE], *blocks[_INSIDE]]
    if not every:
        return
    fields: dict[str, XmlElement] = {}
    for child in (child for block in every for child in block):
        fields.setdefault(local_name(child)[1], deepcopy(child))
    for name in ("SSL", "AuthPackage"):
        value = PROTOCOL_FIELDS[name]("", names)
        fields.setdefault(name, build_element(OUTLOOK_RESPONSE, name, text=value))
    at = min(account.index(block) for block in every)
    wanted = [_INSIDE, _OUTSIDE] if blocks[_INSIDE] else [_OUTSIDE]
    for block in every:
        remove(block)
    for offset, kind in enumerate(wanted):
        account.insert(at + offset, _block(kind, fields))


def _block(kind: str, fields: dict[str, XmlElement]) -> XmlElement:
    kept = [deepcopy(child) for name, child in fields.items() if kind == _INSIDE or name not in _INSIDE_ONLY]
    block = build_element(OUTLOOK_RESPONSE, "Protocol", *kept)
    return _retyped(block, kind)


def _retyped(element: XmlElement, kind: str) -> XmlElement:
    """A copy whose Type, where it is a Protocol, is `kind`."""
    copy = deepcopy(element)
    for kind_of in named(copy, "Type") if local_name(copy)[1] == "Protocol" else ():
        kind_of.text = kind
    return copy


def _drop_doubles(parent: XmlElement) -> None:
    """Blocks that became the same: two servers' worth of URLs are one behind one published name."""
    seen: set[bytes] = set()
    for child in list(parent):
        if local_name(child)[1] not in ("Protocol", "OWAUrl"):
            continue
        child.tail = None
        content = serialise_xml(child)
        if content in seen:
            remove(child)
        seen.add(content)
