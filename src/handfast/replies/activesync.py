"""How ActiveSync is answered where it differs from plain HTTP.

A phone that gets 401 asks its owner for the password, so 401 means the credential and nothing else; on 500 some forget
the account's settings, so our own troubles are always 503; an unknown command is a bad request.
Source: MS-ASHTTP 2.2.2.1.1; observed behaviour of phones.
"""

from __future__ import annotations

from handfast.replies.families import Family


def status_of(family: Family, http_status: int) -> int:
    """The status for ActiveSync; `http_status` is what plain HTTP would say."""
    if family is Family.INTERNAL:
        return 503
    if family is Family.COMMAND:
        return 400
    return http_status
