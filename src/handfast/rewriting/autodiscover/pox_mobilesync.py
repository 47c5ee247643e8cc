"""The plain XML answer to phones: where ActiveSync is.

Source: MS-ASCMD 2.2.1.1 and 2.2.3.153.1.
"""

from __future__ import annotations

from handfast.protocols.xml.document import XmlElement
from handfast.protocols.xml.tree import local_name
from handfast.rewriting.autodiscover.elements import named, remove, value_of
from handfast.rewriting.autodiscover.field_rules import activesync_url
from handfast.rewriting.autodiscover.name_scan import NameScan
from handfast.rewriting.autodiscover.published_names import PublishedNames


def rewrite_mobilesync(response: XmlElement, names: PublishedNames, scan: NameScan, address: str) -> None:
    """Changes the Response element in place. `address` stands in for a display name that looks like a server's.

    Url and Name of the server both become the published URL, as Exchange itself writes them: phones read either.
    """
    for user in named(response, "User"):
        for shown in named(user, "DisplayName"):
            if scan.first(shown.text or ""):
                shown.text = address
    for action in named(response, "Action"):
        for settings in named(action, "Settings"):
            for server in named(settings, "Server"):
                _rewrite_server(server, names)


def _rewrite_server(server: XmlElement, names: PublishedNames) -> None:
    url = activesync_url("", names)
    if (
        value_of(server, "Type") != "MobileSync" or url is None
    ):  # CertEnroll: a certification authority inside
        remove(server)
        return
    for child in list(server):
        if local_name(child)[1] in ("Url", "Name"):
            child.text = url
        elif local_name(child)[1] != "Type":
            remove(child)
