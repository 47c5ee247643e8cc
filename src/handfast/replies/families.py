"""The families of reasons: reasons of one family are answered alike, whatever the channel."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from handfast.decision.reasons import Reason


class Family(StrEnum):
    """What a client may learn from a refusal; nothing finer ever leaves."""

    ALLOWED = "allowed"
    MALFORMED = "malformed"
    HEAD_TOO_LARGE = "head-too-large"
    BODY_TOO_LARGE = "body-too-large"
    TOO_SLOW = "too-slow"
    NOT_FOUND = "not-found"
    WEB_PAGE = "web-page"
    METHOD = "method"
    COMMAND = "command"
    DEVICE_ID = "device-id"
    CREDENTIAL = "credential"
    FORBIDDEN = "forbidden"
    CUT = "cut"
    OURS = "ours"
    STOPPING = "stopping"
    INTERNAL = "internal"
    BACKEND_DOWN = "backend-down"
    BACKEND_SLOW = "backend-slow"
    GONE = "gone"


def family_of(reason: Reason) -> Family:  # noqa: C901, PLR0912 - one arm a family, none of them nested
    """The family of a reason; a new reason does not type-check before it stands here."""
    match reason:
        case Reason.ALLOWED | Reason.ANSWERED_HERE:
            return Family.ALLOWED
        case Reason.MALFORMED_REQUEST:
            return Family.MALFORMED
        case Reason.HEAD_TOO_LARGE:
            return Family.HEAD_TOO_LARGE
        case Reason.BODY_TOO_LARGE:
            return Family.BODY_TOO_LARGE
        case Reason.REQUEST_TIMEOUT:
            return Family.TOO_SLOW
        case Reason.UNKNOWN_HOST | Reason.UNKNOWN_PATH | Reason.PATH_DENIED | Reason.QUERY_REFUSED:
            return Family.NOT_FOUND
        case Reason.WEB_SIGN_IN_MISSING:
            return Family.WEB_PAGE
        case Reason.METHOD_REFUSED:
            return Family.METHOD
        case Reason.COMMAND_REFUSED:
            return Family.COMMAND
        case Reason.DEVICE_ID_MISSING:
            return Family.DEVICE_ID
        case (
            Reason.CREDENTIAL_MISSING
            | Reason.NTLM_CONTINUE
            | Reason.CREDENTIAL_WRONG
            | Reason.ACCOUNT_UNKNOWN
            | Reason.ACCOUNT_LOCKED_OUT
            | Reason.DOMAIN_PASSWORD_NOT_TRIED
            | Reason.METHOD_NOT_OFFERED
            | Reason.APP_PASSWORD_EXPIRED
            | Reason.APP_PASSWORD_REVOKED
            | Reason.NTLM_MALFORMED
            | Reason.NEGOTIATE_MALFORMED
            | Reason.NTLM_VERSION_REFUSED
            | Reason.NTLM_ANONYMOUS
            | Reason.NTLM_CHALLENGE_UNKNOWN
            | Reason.NTLM_MIC_WRONG
            | Reason.NTLM_TIMESTAMP_OFF
            | Reason.CHANNEL_BINDING_MISSING
            | Reason.CHANNEL_BINDING_WRONG
            | Reason.TARGET_SPN_WRONG
            | Reason.TICKET_REFUSED
            | Reason.TICKET_REPLAYED
        ):
            return Family.CREDENTIAL
        case (
            Reason.PROXIED_NTLM
            | Reason.PROXIED_TICKET
            | Reason.RPC_OVER_HTTP_REFUSED
            | Reason.SOURCE_REFUSED
            | Reason.IMPERSONATION_REFUSED
            | Reason.EWS_REQUEST_REFUSED
            | Reason.ACCOUNT_DISABLED
            | Reason.ACCOUNT_DISABLED_IN_DIRECTORY
            | Reason.ACCOUNT_LOCKED_IN_DIRECTORY
            | Reason.ACCOUNT_EXPIRED
            | Reason.DOMAIN_PASSWORD_EXPIRED
            | Reason.ACCOUNT_GONE
            | Reason.ACCESS_REFUSED
            | Reason.CREDENTIAL_KIND_REFUSED
            | Reason.PROFILE_REFUSED
            | Reason.APP_PASSWORD_UNBOUND
            | Reason.APP_PASSWORD_OTHER_DEVICE
            | Reason.COMPANION_STALE
            | Reason.DEVICE_UNKNOWN
            | Reason.DEVICE_PENDING
            | Reason.DEVICE_PENDING_LIMIT
            | Reason.DEVICE_QUARANTINED
            | Reason.DEVICE_BLOCKED
            | Reason.DEVICE_WIPE_PENDING
            | Reason.DEVICE_WIPED
            | Reason.DEVICE_LIMIT
            | Reason.DEVICE_TYPE_REFUSED
            | Reason.USER_AGENT_REFUSED
            | Reason.PROTOCOL_VERSION_REFUSED
            | Reason.DEVICE_MODEL_REFUSED
            | Reason.DEVICE_OS_REFUSED
            | Reason.DEVICE_IMEI_REFUSED
            | Reason.DEVICE_PHONE_NUMBER_REFUSED
            | Reason.DEVICE_FRIENDLY_NAME_REFUSED
            | Reason.DEVICE_FACTS_MISSING
            | Reason.WINDOW_CLOSED
        ):
            return Family.FORBIDDEN
        case Reason.REVOKED_IN_FLIGHT:
            return Family.CUT
        case (
            Reason.GRANT_EXPIRED
            | Reason.IDENTITY_UNAVAILABLE
            | Reason.OVERLOADED
            | Reason.BACKEND_SIGN_IN_REFUSED
            | Reason.BACKEND_SECRET_MISSING
            | Reason.BACKEND_SECRET_SUSPENDED
            | Reason.DIRECTORY_UNAVAILABLE
            | Reason.KDC_UNAVAILABLE
            | Reason.DELEGATION_REFUSED
            | Reason.SERVICE_UNKNOWN_TO_KDC
            | Reason.TICKET_UNIDENTIFIED
            | Reason.TICKET_OF_OTHER_ACCOUNT
            | Reason.CLOCK_SKEW
            | Reason.KEYTAB_REFUSED
        ):
            return Family.OURS
        case Reason.SHUTTING_DOWN | Reason.TOO_MANY_CONNECTIONS:
            return Family.STOPPING
        case Reason.INTERNAL_ERROR:
            return Family.INTERNAL
        case Reason.BACKEND_UNAVAILABLE | Reason.BACKEND_MALFORMED | Reason.ANSWER_WITHHELD:
            return Family.BACKEND_DOWN
        case Reason.BACKEND_TIMEOUT:
            return Family.BACKEND_SLOW
        case Reason.CLIENT_GONE:
            return Family.GONE
        case _:
            assert_never(reason)
