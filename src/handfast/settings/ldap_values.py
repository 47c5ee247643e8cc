"""Texts that a directory reads: distinguished names and filters. Whether they are any is seen here, before one is asked."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from handfast.settings.values import refuse

_ATTRIBUTE = r"[A-Za-z0-9][A-Za-z0-9.;-]*"
_PART = rf"\s*{_ATTRIBUTE}\s*=(?:\\.|[^\\,+\"<>;])+"
_NAME = re.compile(rf"{_PART}(?:[,+]{_PART})*")
_VALUE = r"(?:[^()\\\0]|\\[0-9A-Fa-f]{2})*"
_ITEM = re.compile(rf"\(\s*(?:{_ATTRIBUTE})?(?::dn)?(?::[A-Za-z0-9.-]+)?\s*(?::=|>=|<=|~=|=){_VALUE}\)")
_BRANCH = re.compile(r"\(\s*(?:[&|][\s\0]*\0|!\s*\0)\s*\)")


def is_distinguished_name(text: str) -> bool:
    """Source: RFC 4514 3."""
    return _NAME.fullmatch(text) is not None


def is_filter(text: str) -> bool:
    """Source: RFC 4515 3. Each part that is one becomes a NUL, from the innermost out, until one is left."""
    if "\0" in text:
        return False
    left = _ITEM.sub("\0", text)
    while (next_ := _BRANCH.sub("\0", left)) != left:
        left = next_
    return left.strip() == "\0"


def check_base(text: str) -> str:
    """The text, where it is a distinguished name; empty is the whole domain."""
    if text and not is_distinguished_name(text):
        refuse("not a distinguished name", 'write e.g. "OU=Staff,DC=contoso,DC=lab"')
    return text


def check_filter(text: str) -> str:
    """The text, where it is an LDAP filter; empty is every account."""
    if text and not is_filter(text):
        refuse(
            "not an LDAP filter", 'write e.g. "(mail=*)" or "(&(mail=*)(department=Sales))", parentheses too'
        )
    return text


BaseName = Annotated[str, AfterValidator(check_base)]
AccountFilter = Annotated[str, AfterValidator(check_filter)]
