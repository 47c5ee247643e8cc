"""What a refused bind says: Active Directory puts the Windows error behind `data` in the diagnostic message.

    80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1

Source: RFC 4511 4.1.9 (result 49, invalidCredentials), MS-ERREF 2.2 (the numbers, hexadecimal).
"""

from __future__ import annotations

import re

from handfast.identity.directory.ports import PasswordVerdict

_DATA = re.compile(r"\bdata ([0-9a-fA-F]{1,8})\b")

_VERDICTS = {
    0x525: PasswordVerdict.WRONG,  # no such user
    0x52E: PasswordVerdict.WRONG,  # ERROR_LOGON_FAILURE
    0x52F: PasswordVerdict.DISABLED,  # ERROR_ACCOUNT_RESTRICTION, e.g. one of the Protected Users
    0x530: PasswordVerdict.DISABLED,  # ERROR_INVALID_LOGON_HOURS
    0x531: PasswordVerdict.DISABLED,  # ERROR_INVALID_WORKSTATION
    0x532: PasswordVerdict.MUST_CHANGE,  # ERROR_PASSWORD_EXPIRED
    0x533: PasswordVerdict.DISABLED,  # ERROR_ACCOUNT_DISABLED
    0x701: PasswordVerdict.EXPIRED,  # ERROR_ACCOUNT_EXPIRED
    0x773: PasswordVerdict.MUST_CHANGE,  # ERROR_PASSWORD_MUST_CHANGE
    0x775: PasswordVerdict.LOCKED,  # ERROR_ACCOUNT_LOCKED_OUT
}

_WORDS = {
    0x525: "there is no such account",
    0x52E: "the user name or password is wrong",
    0x52F: "the account is restricted (is it one of the Protected Users?)",
    0x530: "the account may not sign in at this hour",
    0x531: "the account may not sign in from here",
    0x532: "its password has expired",
    0x533: "the account is disabled",
    0x701: "the account has expired",
    0x773: "its password must be changed first",
    0x775: "the account is locked",
}


def parse_sub_code(message: str) -> int | None:
    """The Windows error in a diagnostic message; None where it names none."""
    found = _DATA.search(message[:1024])
    return int(found[1], 16) if found else None


def verdict(message: str) -> PasswordVerdict:
    """Of a bind refused as invalidCredentials; what nobody foresaw is WRONG."""
    return _VERDICTS.get(parse_sub_code(message) or 0, PasswordVerdict.WRONG)


def words(message: str) -> str:
    """Why, for an administrator."""
    code = parse_sub_code(message)
    return _WORDS.get(code or 0, f"refused with {code:#x}" if code else "refused")
