"""What an outside client is told in place of an inside value: one rule for each kind of field.

A rule is given the value as the server wrote it and says what stands there instead, or None: then the field disappears.
Hosts always come from the published names; of the server's value only what is no name is kept (an address book's GUID,
a page's path). So Internal* and External* of a kind agree, whatever the server thought of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from handfast.rewriting.autodiscover.published_names import PublishedNames

FieldRule = Callable[[str, PublishedNames], str | None]

_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_OAB_RE = re.compile(rf"(?:[a-z]+://[^/]*)?/oab/({_GUID})/?(?:oab\.xml)?", re.IGNORECASE)
_MAILBOX_ID_RE = re.compile(rf"({_GUID})@([A-Za-z0-9.-]{{1,255}})")
_MAPI_RE = re.compile(rf".*/mapi/(emsmdb|nspi)/?\?mailboxid=({_GUID}@[A-Za-z0-9.-]{{1,255}})", re.IGNORECASE)
_PAGE_RE = re.compile(r"(?:[a-z]+://[^/]*)?(/(ecp|owa)(?:/[^\s\\]*|\?[^\s\\]*)?)", re.IGNORECASE)
_SERVER_CN_RE = re.compile(r"/cn=configuration/cn=servers/cn=([^/]+)", re.IGNORECASE)
_NUMBER_RE = re.compile(r"[0-9]{1,10}")
_VERSION_RE = re.compile(r"0?(?:8|14|15)(?:\.[0-9]{1,5}){1,3}|[0-9A-Fa-f]{8}|Exchange20[0-9A-Za-z_]{2,20}")
_AUTHENTICATION_RE = re.compile(r"[A-Za-z0-9]{2,24}(?:, ?[A-Za-z0-9]{2,24}){0,9}")


def gone(_value: str, _names: PublishedNames) -> None:
    """Of use inside alone."""


def ews_url(_value: str, names: PublishedNames) -> str | None:
    """Exchange Web Services; availability, out of office and sharing are operations of the same address."""
    return f"https://{names.ews}/EWS/Exchange.asmx" if names.ews else None


def activesync_url(_value: str, names: PublishedNames) -> str | None:
    """ActiveSync."""
    return f"https://{names.activesync}/Microsoft-Server-ActiveSync" if names.activesync else None


def oab_url(value: str, names: PublishedNames) -> str | None:
    """The offline address book's folder. "Public Folder" (Exchange 2007 and older) has no outside form."""
    match = _OAB_RE.fullmatch(value.strip())
    return f"https://{names.oab}/OAB/{match[1]}/" if match and names.oab else None


def mapi_url(value: str, names: PublishedNames) -> str | None:
    """MAPI over HTTP, which names the mailbox as guid@mail domain."""
    match = _MAPI_RE.fullmatch(value.strip())
    if match is None or not names.mapi or mailbox_id(match[2], names) is None:
        return None
    return f"https://{names.mapi}/mapi/{match[1].lower()}/?MailboxId={match[2]}"


def web_page(value: str, names: PublishedNames) -> str | None:
    """Outlook on the web and the control panel, whose pages are told apart by path and query."""
    match = _PAGE_RE.fullmatch(value.strip())
    if match is None:
        return None
    host = names.ecp if match[2].lower() == "ecp" else names.owa
    return f"https://{host}{match[1]}" if host else None


def outlook_server(_value: str, names: PublishedNames) -> str | None:
    """The host Outlook takes for its server."""
    return names.outlook_server or None


def mailbox_id(value: str, names: PublishedNames) -> str | None:
    """guid@mail domain, which is a mailbox's name and no machine's. Anything else is a server of ours."""
    match = _MAILBOX_ID_RE.fullmatch(value.strip())
    return match[0] if match and match[2].lower() in names.mail_domains else None


def server_dn(value: str, names: PublishedNames) -> str | None:
    """A server's or database's distinguished name, where its server is a mailbox's name."""
    servers = _SERVER_CN_RE.findall(value)
    return value if servers and all(mailbox_id(server, names) for server in servers) else None


def redirect_url(value: str, names: PublishedNames) -> str:
    """The published form of the address a client is sent to. Without one it stays, and the last look finds it."""
    return names.published_url(value) or value


def auth_package(_value: str, names: PublishedNames) -> str:
    """How to sign in outside."""
    return names.auth_package


def cert_principal_name(_value: str, names: PublishedNames) -> str:
    """The name Outlook expects in the certificate."""
    return names.cert_principal_name or "None"


def ssl_on(_value: str, _names: PublishedNames) -> str:
    """Outside there is nothing without TLS."""
    return "On"


def true(_value: str, _names: PublishedNames) -> str:
    """The same, as SOAP says it."""
    return "True"


def number(value: str, _names: PublishedNames) -> str | None:
    """A port, a number of hours."""
    return value if _NUMBER_RE.fullmatch(value) else None


def version(value: str, _names: PublishedNames) -> str | None:
    """A version of Exchange (8, 14 or 15), as Outlook and Exchange Web Services write it."""
    return value if _VERSION_RE.fullmatch(value) else None


def authentication_methods(value: str, _names: PublishedNames) -> str | None:
    """The attribute of an OWAUrl."""
    return value if _AUTHENTICATION_RE.fullmatch(value) else None
