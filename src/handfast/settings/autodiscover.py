"""`[publication.autodiscover]`: which names clients outside are told, for a publication of kind "exchange"."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from handfast.settings.base import Section
from handfast.settings.values import HeaderText, HostName, OptionalHostName


class AutodiscoverSettings(Section):
    """Every server name and URL in an answer becomes one of these, or the answer is withheld."""

    host: OptionalHostName = ""
    """Who answers Autodiscover outside; empty: the first of `hosts` that begins with `autodiscover.`, else the first."""
    activesync_host: OptionalHostName = ""
    """Host of the ActiveSync URL that phones are given; empty: the first of `hosts` that is not the one above."""
    ews_host: OptionalHostName = ""
    """Host of the EWS URL; empty: as for `activesync_host`."""
    oab_host: OptionalHostName = ""
    """Host of the offline address book; empty: as for `activesync_host`."""
    mapi_host: OptionalHostName = ""
    """Host of MAPI over HTTP; empty: as for `activesync_host`."""
    owa_host: OptionalHostName = ""
    """Host of Outlook on the web; empty: its URLs disappear from answers."""
    ecp_host: OptionalHostName = ""
    """Host of the settings pages; empty: their URLs disappear from answers."""
    other_hosts: tuple[HostName, ...] = ()
    """Further names that may appear in answers, published by other means."""
    mail_domains: tuple[HostName, ...] = ()
    """Your mail domains: a signed-in account may ask about mailboxes in them, beside its own address's domain."""
    inside_names: tuple[str, ...] = ()
    """Servers, domains and NetBIOS names of the inside that must not appear in any form, e.g. "contoso.local". A field
    with one in the head of any answer is left out too."""
    mapping: dict[str, str] = Field(default_factory=dict)
    """Inside host name, or beginning of an inside URL, to the published one: `"ex01.contoso.local" = "mail.contoso.com"`."""
    other_mailboxes: Literal["none", "own-domains"] = "own-domains"
    """Whose settings an account may ask for beside its own: Outlook asks for shared mailboxes and delegators."""
    auth_package: Literal["Basic", "Ntlm", "Negotiate"] = "Basic"
    """How Outlook is told to sign in."""
    cert_principal_name: HeaderText = ""
    """E.g. "msstd:mail.contoso.com"; empty: Outlook takes the name of the host it connects to."""
