"""Kerberos errors as what they mean to us. The same number means different things at the different steps of a sign-in.

Source: RFC 4120 7.5.9; MS-SFU 3.2.5.2; MIT krb5 `krb5_err.et` for the library's own numbers (128 and up).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import assert_never

from handfast.identity.directory.ports import DelegationFailure, TicketFailure
from handfast.kerberos.mechanism import MechanismError, Unidentified


class Step(Enum):
    """What was asked, in the order of a sign-in."""

    SERVICE_ACCOUNT = auto()
    """Our own ticket-granting ticket."""
    USER = auto()
    """S4U2Self: the user's evidence."""
    IDENTITY = auto()
    """Whose evidence it is. Our own key says that, and no KDC."""
    SERVICE = auto()
    """S4U2Proxy: the ticket to the service."""


class Verdict(Enum):
    """What came of a question that was put to a KDC, where it was no ticket."""

    SILENCE = auto()
    """Nobody said anything: the one verdict that counts against the KDCs."""
    UNABLE = auto()
    """A KDC said that it can't serve this one request, or stopped answering in the middle of it."""
    CLOCK_SKEW = auto()
    KEYTAB = auto()
    SERVICE_UNKNOWN = auto()
    REFUSED = auto()
    UNIDENTIFIED = auto()
    """The evidence does not say whose it is."""
    OTHER_ACCOUNT = auto()
    """It is of another account than the one that is meant."""

    @property
    def failure(self) -> DelegationFailure:
        """What it is to the account that wants to sign in."""
        return _FAILURES[self]


_FAILURES: Mapping[Verdict, DelegationFailure] = {
    Verdict.SILENCE: DelegationFailure.UNAVAILABLE,
    Verdict.UNABLE: DelegationFailure.UNAVAILABLE,
    Verdict.CLOCK_SKEW: DelegationFailure.CLOCK_SKEW,
    Verdict.KEYTAB: DelegationFailure.KEYTAB,
    Verdict.SERVICE_UNKNOWN: DelegationFailure.SERVICE_UNKNOWN,
    Verdict.REFUSED: DelegationFailure.REFUSED,
    Verdict.UNIDENTIFIED: DelegationFailure.UNIDENTIFIED,
    Verdict.OTHER_ACCOUNT: DelegationFailure.OTHER_ACCOUNT,
}
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
_UNABLE = frozenset({KDC_ERR_SVC_UNAVAILABLE, KRB_ERR_GENERIC})
_NOBODY_THERE = frozenset({KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE})
_NO_SUCH_SERVICE = frozenset({KDC_ERR_S_PRINCIPAL_UNKNOWN, KDC_ERR_PRINCIPAL_NOT_UNIQUE})
_NO_WAY_TO_SERVICE = frozenset({KRB5_REALM_UNKNOWN, KRB5_REALM_CANT_RESOLVE})
"""The KDC refers the service to a realm that can't be found from here."""
_OWN_TICKET = frozenset(
    {KDC_ERR_TGT_REVOKED, KRB_AP_ERR_BAD_INTEGRITY, KRB_AP_ERR_TKT_EXPIRED, KRB_AP_ERR_MODIFIED}
)


def verdict_on(error: MechanismError, step: Step) -> Verdict:
    """What a refusal at `step` is.

    Whatever is wrong with our own account (its key, its state) is KEYTAB: only an administrator can mend it. A refusal to
    sign the user in, for whatever reason the KDC has (disabled, locked, expired, not delegable, not on the list), is
    REFUSED; the KDC tells most of them alike (KDC_ERR_BADOPTION, KDC_ERR_POLICY).
    """
    if error.code in _SKEW:
        return Verdict.CLOCK_SKEW
    if error.code in _UNABLE:
        return Verdict.UNABLE
    match step:
        case Step.SERVICE_ACCOUNT:
            is_silence = error.code in _NOBODY_THERE or error.code == KRB5_REALM_UNKNOWN
            return Verdict.SILENCE if is_silence else Verdict.KEYTAB
        case Step.USER:
            return Verdict.SILENCE if error.code in _NOBODY_THERE else Verdict.REFUSED
        case Step.IDENTITY:
            # Evidence that our keys don't open: the KDC has another key of ours, or of another kind.
            return Verdict.UNIDENTIFIED if isinstance(error, Unidentified) else Verdict.KEYTAB
        case Step.SERVICE:
            return _verdict_on_service(error)
        case _:
            assert_never(step)


def _verdict_on_service(error: MechanismError) -> Verdict:
    if error.code in _NO_SUCH_SERVICE | _NO_WAY_TO_SERVICE:
        return Verdict.SERVICE_UNKNOWN
    # No silence: our KDC gave the evidence a moment ago, and one of the service's realm may be what can't be reached.
    return Verdict.UNABLE if error.code == KRB5_KDC_UNREACH else Verdict.REFUSED


def is_wrong_key(error: MechanismError) -> bool:
    """Whether a KDC refused our own key: to it that is a wrong password, which counts towards the account's lockout."""
    return error.code == KDC_ERR_PREAUTH_FAILED


def spoils_own_ticket(error: MechanismError) -> bool:
    """Whether our own ticket-granting ticket may be what was refused: the domain's key has changed, or it was revoked."""
    return error.code in _OWN_TICKET


def ticket_failure(error: MechanismError) -> TicketFailure:
    """What the library's refusal of a client's token is."""
    if error.is_wrong_binding:
        return TicketFailure.BINDING_WRONG
    return TicketFailure.REPLAYED if error.code == KRB_AP_ERR_REPEAT else TicketFailure.REFUSED
