"""The service principal name a client meant (AV pair 9), held against the names we publish.

It stops a sign-in that was made for one server from being relayed to another.
Source: MS-NLMP 2.2.2.1 (MsvAvTargetName); MS-KILE 3.1.5.11 for the form `class/host[:port][/name]`.
"""

from __future__ import annotations

from collections.abc import Collection

SERVICE_CLASSES = frozenset({"http", "host"})
"""HTTP is what browsers, Outlook, Windows and requests-ntlm send. HOST is Active Directory's umbrella over it (the
default sPNMappings list HTTP under HOST) and what pyspnego takes when told a host alone. Any other class (cifs, ldap,
SMTPSVC, sip) was meant for another kind of server and is refused."""

_NAMES_NOTHING = frozenset({"", "host/unspecified"})
"""No statement at all. Observed: httpx-ntlm gives pyspnego no host, and that then writes `host/unspecified`."""


def is_acceptable_target(target_name: str, hosts: Collection[str]) -> bool:
    """True where the client named no service, or HTTP (or HOST) on one of `hosts`, with any port."""
    spn = target_name.lower()
    if spn in _NAMES_NOTHING:
        return True
    service, slash, rest = spn.partition("/")
    if not slash or service not in SERVICE_CLASSES:
        return False
    return _host_of(rest) in {_host_of(host.lower()) for host in hosts}


def _host_of(authority: str) -> str:
    """The host in `host[:port][/name][@realm]` or `[IPv6]:port`, without a closing dot; bare IPv6 is kept whole."""
    authority = authority.partition("/")[0].partition("@")[0]
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    if authority.count(":") == 1:
        authority = authority.partition(":")[0]
    return authority.removesuffix(".")
