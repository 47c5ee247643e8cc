"""SOAP headers by which an EWS request asks to be handled as somebody else than who signed in.

A server grants them by its own rights (the role ApplicationImpersonation, token serialization), which are set for programs
inside. From outside they would turn one stolen password into every mailbox of the site. A delegate needs none of them:
whose folder is meant stands in the Body (`t:Mailbox` within a folder id), and the server asks for the delegate's rights.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

ACTING_FOR_HEADERS = MappingProxyType(
    {
        "exchangeimpersonation": "another account by its SID, UPN or address; MS-OXWSCDATA 2.2.3.3",
        "serializedsecuritycontext": "a token made of SIDs that the caller names; MS-OXWSCDATA, t:SerializedSecurityContext",
        "managementrole": "rights by role (discovery, archive) over other mailboxes; MS-OXWSCDATA, t:ManagementRole",
        "openasadminorsystemservice": "a mailbox opened as administrator or system; types.xsd, t:OpenAsAdminOrSystemService",
        "proxysecuritycontext": "one server for a user of another; web service reference, ProxySecurityContext",
        "proxysuggestersid": "the same by a SID sent before; web service reference, ProxySuggesterSid",
        "proxypartnertoken": "the same for a partner organisation; types.xsd, t:ProxyPartnerToken",
        "sharingsecurity": "somebody of another organisation, encrypted; types.xsd, t:SharingSecurity",
        "security": "a sign-in beside the one judged here; WS-Security 1.1 5",
    }
)
"""Local names in lower case, with what each asks for and where it is defined."""


def find_acting_for(names: Iterable[str]) -> str | None:
    """The first name that asks to act for somebody, in whatever namespace and case; None where none does."""
    return next((name for name in sorted(names) if name.lower() in ACTING_FOR_HEADERS), None)
