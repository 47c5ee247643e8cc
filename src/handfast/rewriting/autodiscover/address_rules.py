"""Whose Autodiscover a signed-in account may ask for: its own, and by rule that of mailboxes in its own domains.

Outlook asks for every shared mailbox and delegator by address. They are in the organisation's domains; an address in
another one would make the server go and ask there, or tell a stranger's settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from handfast.decision.reasons import Reason
from handfast.protocols.autodiscover.mail_address import parse_mail_address
from handfast.protocols.autodiscover.pox_request import LIMITS as POX_LIMITS
from handfast.protocols.autodiscover.pox_request import PoxRequest, encode_pox_request
from handfast.protocols.autodiscover.soap_request import LIMITS as SOAP_LIMITS
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import parse_xml, serialise_xml
from handfast.rewriting.answers import InspectedRequest, PrincipalNames, RefusedRequest
from handfast.rewriting.autodiscover.requested import (
    POX_PATH,
    SOAP_PATH,
    Subjects,
    parse_request,
    subjects_of,
)

_XML_TYPE = b"text/xml; charset=utf-8"


class OtherMailboxes(StrEnum):
    """Whose settings an account may ask for beside its own."""

    NONE = "none"
    OWN_DOMAINS = "own-domains"


@dataclass(frozen=True, slots=True)
class AutodiscoverInspector:
    """Requests to `/autodiscover/autodiscover.xml` and `.svc`. A `RequestInspector`.

    Attributes:
        other_mailboxes: the rule for addresses that are not the account's own.
        mail_domains: domains that count as the account's own beside those of its addresses; lower case.
    """

    other_mailboxes: OtherMailboxes = OtherMailboxes.OWN_DOMAINS
    mail_domains: frozenset[str] = frozenset()
    max_bytes: int = max(POX_LIMITS.max_bytes, SOAP_LIMITS.max_bytes)

    def inspect(
        self, request: InspectedRequest, principal: PrincipalNames
    ) -> InspectedRequest | RefusedRequest:
        """The request, written anew from what was read of it, or why it does not pass."""
        if _looks_only(request):
            return request
        if request.path.lower() not in (POX_PATH, SOAP_PATH) or request.query:
            return RefusedRequest(
                Reason.UNKNOWN_PATH, "neither autodiscover.xml nor autodiscover.svc, without a query"
            )
        if request.method != b"POST":
            return RefusedRequest(Reason.METHOD_REFUSED, "Autodiscover is asked by POST", allow=(b"POST",))
        try:
            parsed = parse_request(request)
        except MalformedMessage as fault:
            return RefusedRequest(Reason.MALFORMED_REQUEST, str(fault))
        refused = self._foreign(subjects_of(parsed), principal)
        if refused is not None:
            return refused
        if isinstance(parsed, PoxRequest):
            named = self._by_address(parsed)
            if isinstance(named, RefusedRequest):
                return named
            body = encode_pox_request(named)
        else:
            body = serialise_xml(parse_xml(request.body, content_type=request.content_type))
        return replace(request, body=body, content_type=_XML_TYPE)

    def _by_address(self, asked: PoxRequest) -> PoxRequest | RefusedRequest:
        """Without a distinguished name where one's own address is all that counts: it may be anybody's here."""
        if self.other_mailboxes is not OtherMailboxes.NONE or not asked.legacy_dn:
            return asked
        if not asked.address:
            return RefusedRequest(
                Reason.COMMAND_REFUSED, "a LegacyDN does not say that it is the account's own"
            )
        return replace(asked, legacy_dn="")

    def _foreign(self, subjects: Subjects, principal: PrincipalNames) -> RefusedRequest | None:
        own = frozenset(_folded(name) for name in principal.addresses | principal.logins if "@" in name)
        own_domains = self.mail_domains | {name.rpartition("@")[2] for name in own}
        for address in subjects.addresses:
            if _folded(address) in own:
                continue
            if self.other_mailboxes is OtherMailboxes.NONE:
                return _refused(f"{address[:120]} is not the account's own address")
            if parse_mail_address(address)[1] not in own_domains:
                return _refused(f"{address[:120]} is in none of the account's mail domains")
        foreign = sorted(subjects.domains - own_domains)
        if foreign:
            return _refused(f"{foreign[0][:120]} is none of the account's mail domains")
        return None


def _looks_only(request: InspectedRequest) -> bool:
    """Whether somebody looks if it is there: a monitor, exchangelib following a redirect. Exchange answers a GET of the
    plain XML service with error 600, which names nobody; a GET of the SOAP one with a page about itself.
    """
    methods = {POX_PATH: (b"GET", b"HEAD"), SOAP_PATH: (b"HEAD",)}.get(request.path.lower(), ())
    return request.method in methods and not request.query and not request.body


def _folded(name: str) -> str:
    return name.strip().lower().rstrip(".")


def _refused(problem: str) -> RefusedRequest:
    return RefusedRequest(Reason.COMMAND_REFUSED, f"{problem}; add its domain to mail_domains if it is yours")
