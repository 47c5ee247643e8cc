"""Kerberos errors as what they mean to us. The same number means different things at the different steps of a sign-in.

Source: RFC 4120 7.5.9; MS-SFU 3.2.5.2; MIT krb5 `krb5_err.et` for the library's own numbers (128 and up).
"""

from __future__ import annotations

from enum import Enum, auto

from handfast.identity.directory.ports import DelegationFailure, TicketFailure
from handfast.kerberos.mechanism import MechanismError


class Step(Enum):
    """What was asked of the KDC."""

    SERVICE_ACCOUNT = auto()
    """Our own ticket-granting ticket."""
    USER = auto()
    """S4U2Self: the user's evidence."""
    SERVICE = auto()
    """S4U2Proxy: the ticket to the service."""


KDC_ERR_S_PRINCIPAL_UNKNOWN = 7
KDC_ERR_PRINCIPAL_NOT_UNIQUE = 8
KDC_ERR_NEVER_VALID = 11
KDC_ERR_TGT_REVOKED = 20
KDC_ERR_SVC_UNAVAILABLE = 29
KDC_ERR_PREAUTH_FAILED = 24
KRB_AP_ERR_BAD_INTEGRITY = 31
KRB_AP_ERR_TKT_EXPIRED = 32
KRB_AP_ERR_TKT_NYV = 33
KRB_AP_ERR_REPEAT = 34
KRB_AP_ERR_SKEW = 37
KRB_AP_ERR_MODIFIED = 41
KRB_ERR_GENERIC = 60
KRB5_KDCREP_SKEW = 148
KRB5_REALM_UNKNOWN = 154
KRB5_KDC_UNREACH = 156
KRB5_REALM_CANT_RESOLVE = 220

_SKEW = frozenset({KDC_ERR_NEVER_VALID, KRB_AP_ERR_TKT_NYV, KRB_AP_ERR_SKEW, KRB5_KDCREP_SKEW})
_ANSWERED_UNAVAILABLE = frozenset({KDC_ERR_SVC_UNAVAILABLE, KRB_ERR_GENERIC})
_UNREACHABLE = _ANSWERED_UNAVAILABLE | {KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE}
_NO_SUCH_SERVICE = frozenset({KDC_ERR_S_PRINCIPAL_UNKNOWN, KDC_ERR_PRINCIPAL_NOT_UNIQUE})
_OWN_TICKET = frozenset(
    {KDC_ERR_TGT_REVOKED, KRB_AP_ERR_BAD_INTEGRITY, KRB_AP_ERR_TKT_EXPIRED, KRB_AP_ERR_MODIFIED}
)


def delegation_failure(error: MechanismError, step: Step) -> DelegationFailure:
    """What a refusal at `step` is to the account that wants to sign in.

    Whatever is wrong with our own account (its key, its state) is KEYTAB: only an administrator can mend it. A refusal to
    sign the user in, for whatever reason the KDC has (disabled, locked, expired, not delegable, not on the list), is
    REFUSED; the KDC tells most of them alike (KDC_ERR_BADOPTION, KDC_ERR_POLICY).
    """
    if error.code in _SKEW:
        return DelegationFailure.CLOCK_SKEW
    if error.code in _UNREACHABLE or (error.code == KRB5_REALM_UNKNOWN and step is not Step.USER):
        return DelegationFailure.UNAVAILABLE
    if step is Step.SERVICE_ACCOUNT:
        return DelegationFailure.KEYTAB
    if step is Step.SERVICE and error.code in _NO_SUCH_SERVICE:
        return DelegationFailure.SERVICE_UNKNOWN
    return DelegationFailure.REFUSED


def is_wrong_key(error: MechanismError) -> bool:
    """Whether a KDC refused our own key: to it that is a wrong password, which counts towards the account's lockout."""
    return error.code == KDC_ERR_PREAUTH_FAILED


def is_kdcs_answer(error: MechanismError) -> bool:
    """Whether it is a KDC's own word that it is unable to serve this one request: UNAVAILABLE, and yet no silence."""
    return error.code in _ANSWERED_UNAVAILABLE


def spoils_own_ticket(error: MechanismError) -> bool:
    """Whether our own ticket-granting ticket may be what was refused: the domain's key has changed, or it was revoked."""
    return error.code in _OWN_TICKET


def ticket_failure(error: MechanismError) -> TicketFailure:
    """What the library's refusal of a client's token is."""
    if error.is_wrong_binding:
        return TicketFailure.BINDING_WRONG
    return TicketFailure.REPLAYED if error.code == KRB_AP_ERR_REPEAT else TicketFailure.REFUSED
