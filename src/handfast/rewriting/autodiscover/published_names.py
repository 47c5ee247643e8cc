"""What an administrator publishes: the one place that says which host names an outside client may hear of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from urllib.parse import urlsplit

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class PublishedNames:
    """Host names are lower case, without port and trailing dot; "" means that the protocol is not published.

    Attributes:
        autodiscover: the host that answers Autodiscover.
        activesync, ews, oab, mapi, owa, ecp: the host of each protocol's published URL.
        other_hosts: further hosts that may appear in an answer.
        mail_domains: the organisation's accepted domains: they may stand behind an @ or alone, never in a URL.
        mapping: an inside host name -> the published one; or the start of an inside URL -> that of the published URL.
        inside_names: hosts, domains and NetBIOS names that must not appear in any form, wherever they stand.
        auth_package: how Outlook shall sign in, e.g. "Basic", "Ntlm", "Negotiate" (MS-OXDSCLI 2.2.4.1.1.2.6.2).
        cert_principal_name: e.g. "msstd:mail.example.org"; "" answers "None", which lets Outlook take the host's name.
    """

    autodiscover: str
    activesync: str = ""
    ews: str = ""
    oab: str = ""
    mapi: str = ""
    owa: str = ""
    ecp: str = ""
    other_hosts: frozenset[str] = frozenset()
    mail_domains: frozenset[str] = frozenset()
    mapping: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    inside_names: frozenset[str] = frozenset()
    auth_package: str = "Basic"
    cert_principal_name: str = ""

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Every host that may appear."""
        ours = {self.autodiscover, self.activesync, self.ews, self.oab, self.mapi, self.owa, self.ecp}
        return frozenset(ours | self.other_hosts) - {""}

    @cached_property
    def inside(self) -> frozenset[str]:
        """Every name known to be an inside one: those listed, and what the mapping maps from."""
        mapped = {_host_of(source) for source in self.mapping}
        return (
            frozenset({name.lower().rstrip(".") for name in self.inside_names} | mapped) - self.hosts - {""}
        )

    @property
    def outlook_server(self) -> str:
        """The host Outlook shall take for its server, "" where nothing that Outlook speaks is published."""
        return self.mapi or self.ews

    def published_url(self, url: str) -> str | None:
        """The URL that means `url` outside, None where it has none. Only https leads out; a port other than 443 does not."""
        url = url.strip()
        if not url.isascii() or not url.isprintable() or " " in url:
            return None
        for source, target in sorted(self.mapping.items(), key=lambda item: -len(item[0])):
            if "://" in source and url.lower().startswith(source.lower()):
                return target + url[len(source) :]
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if parts.scheme.lower() != "https" or "@" in parts.netloc or port not in (None, 443):
            return None
        host = self.published_host(parts.hostname or "")
        return parts._replace(scheme="https", netloc=host).geturl() if host else None

    def published_host(self, host: str) -> str | None:
        """The host that means `host` outside, None where it has none."""
        host = host.strip().lower().rstrip(".")
        if host in self.hosts:
            return host
        return next((to for name, to in self.mapping.items() if name.lower().rstrip(".") == host), None)


def _host_of(source: str) -> str:
    """The host of a mapping's key. What is no URL is a host itself."""
    host = urlsplit(source).hostname if "://" in source else source
    return (host or "").lower().rstrip(".")
