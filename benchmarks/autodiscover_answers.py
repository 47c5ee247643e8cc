"""Autodiscover answers as Exchange gives them to Outlook, full of inside names: of 5 KiB as for most people, or as long as
further mailboxes and servers make them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from benchmarks.subject import HOST, MAIL_DOMAIN
from handfast.lab.autodiscover.pox import PoxAutodiscover
from handfast.lab.site_names import SiteNames

KIB = 1024
PATH = "/Autodiscover/Autodiscover.xml"
SITE = SiteNames("ex01.corp.internal", HOST, MAIL_DOMAIN)
REQUEST = f"""\
<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
  <Request>
    <EMailAddress>bench@{MAIL_DOMAIN}</EMailAddress>
    <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
  </Request>
</Autodiscover>"""

_SERVERS = 8
_END = b"    </Account>\n"
_INSIDE_RE = re.compile(rf"[\w-]+\.{re.escape(SITE.inside_domain)}")


def build_answer(size: int) -> bytes:
    """The longest answer of at most `size` bytes, above that of a mailbox without any other."""
    plain = _indented(PoxAutodiscover(SITE).answer(REQUEST.encode(), mapi_http=False, exhttp=False).body)
    at = plain.index(_END)
    parts, left = [plain[:at]], size - len(plain)
    for block in _further_blocks():
        left -= len(block)
        if left < 0:
            break
        parts.append(block)
    return b"".join([*parts, plain[at:]])


def inside_names(answer: bytes) -> list[str]:
    """The inside hosts an administrator finds in it, in their order of appearance."""
    return [*dict.fromkeys(_INSIDE_RE.findall(answer.decode()))]


def _indented(document: bytes) -> bytes:
    """With the line ends and blanks that Exchange writes."""
    root = etree.fromstring(document)
    etree.indent(root)
    return etree.tostring(root, encoding="utf-8") + b"\n"


def _further_blocks() -> Iterator[bytes]:
    """Without end: an EXHTTP block of each server, then the mailboxes of others, on each server in turn."""
    for number in range(1, _SERVERS + 1):
        yield _exhttp(_server(number)).encode()
    number = 0
    while True:
        number += 1
        yield _mailbox(number, _server(number % _SERVERS + 1)).encode()


def _server(number: int) -> str:
    return f"ex{number:02}.{SITE.inside_domain}"


def _exhttp(server: str) -> str:
    """What a client that speaks HTTP alone is told. Source: MS-OXDSCLI 2.2.4.1.1.2.6."""
    return f"""\
      <Protocol>
        <Type>EXHTTP</Type>
        <Server>{server}</Server>
        <SSL>On</SSL>
        <AuthPackage>Ntlm</AuthPackage>
        <ASUrl>https://{server}/EWS/Exchange.asmx</ASUrl>
        <EwsUrl>https://{server}/EWS/Exchange.asmx</EwsUrl>
        <EmwsUrl>https://{server}/EWS/Exchange.asmx</EmwsUrl>
        <OOFUrl>https://{server}/EWS/Exchange.asmx</OOFUrl>
        <OABUrl>https://{server}/OAB/{SITE.address_book_id}/</OABUrl>
        <ServerExclusiveConnect>On</ServerExclusiveConnect>
      </Protocol>
"""


def _mailbox(number: int, server: str) -> str:
    """A mailbox that the account may open. Source: MS-OXDSCLI 2.2.4.1.1.2.5."""
    person = SITE.person(f"team.{number}")
    return f"""\
      <AlternativeMailbox>
        <Type>Delegate</Type>
        <DisplayName>Team {number}</DisplayName>
        <LegacyDN>{person.legacy_dn}</LegacyDN>
        <Server>{server}</Server>
        <SmtpAddress>{person.address}</SmtpAddress>
        <OwnerSmtpAddress>{person.address}</OwnerSmtpAddress>
      </AlternativeMailbox>
"""
