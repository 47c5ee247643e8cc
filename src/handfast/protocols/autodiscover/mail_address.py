"""A mail address as Autodiscover carries it: one, bare, without display name, comment or quoting.

Source: RFC 5321 4.1.2, of whose forms only dot-string and domain (international ones too, RFC 6531 3.3) are taken, and
of a dot-string's characters none that means something in a path or query: # % / ? are what attacks are made of.
"""

from __future__ import annotations

import re

from handfast.protocols.errors import MalformedMessage

MAX_ADDRESS_CHARACTERS = 320
_ADDRESS_RE = re.compile(
    r"[^\s\x00-\x20\x7f\"#%(),/:;<>?@\[\\\]]{1,64}@(?=.{1,255}\Z)[^\W_](?:[\w-]{0,62})(?:\.[^\W_][\w-]{0,62})*\.?"
)


def parse_mail_address(text: str) -> tuple[str, str]:
    """Local part as written, and domain in lower case without a trailing dot.

    Raises: MalformedMessage.
    """
    address = text.strip()
    if len(address) > MAX_ADDRESS_CHARACTERS or not _ADDRESS_RE.fullmatch(address):
        raise MalformedMessage("autodiscover", "address", "not one mail address", "RFC 5321 4.1.2")
    local, _, domain = address.partition("@")
    return local, domain.lower().rstrip(".")
