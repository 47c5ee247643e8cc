"""Why a request was answered as it was: one closed list, with its meaning beside each member."""

from __future__ import annotations

from handfast.protocols.meanings import MeaningEnum


class Reason(MeaningEnum):
    """Every outcome the product can have. The value is stable: logs, metrics, fail2ban and `explain` use it."""

    ALLOWED = "allowed", "credential, account and device may use the publication"
    ANSWERED_HERE = "answered-here", "the gateway answered from its settings; nothing was sent behind"

    # What the message itself is refused for, before anybody is asked.
    MALFORMED_REQUEST = "malformed-request", "the request breaks a rule of HTTP or of its channel's protocol"
    HEAD_TOO_LARGE = "head-too-large", "the request head is above the listener's limit"
    BODY_TOO_LARGE = "body-too-large", "the request body is above the publication's limit"
    REQUEST_TIMEOUT = "request-timeout", "the client did not send its request in time"
    UNKNOWN_HOST = "unknown-host", "no publication of this listener has that host name"
    UNKNOWN_PATH = "unknown-path", "no rule of the publication has that path"
    PATH_DENIED = "path-denied", "a named rule refuses that path: a known attack, or nothing for outside"
    QUERY_REFUSED = "query-refused", "the path is published, but not with such a query"
    RPC_OVER_HTTP_REFUSED = (
        "rpc-over-http-refused",
        "Outlook asks for RPC over HTTP, which is not published; MAPI over HTTP takes its place",
    )
    WEB_SIGN_IN_MISSING = (
        "web-sign-in-missing",
        "Outlook on the web and the control panel need sign-in pages, which are not there yet",
    )
    METHOD_REFUSED = "method-refused", "the rule does not take that method"
    COMMAND_REFUSED = "command-refused", "the channel's command is unknown or not allowed by the rule"
    DEVICE_ID_MISSING = "device-id-missing", "the command needs a device id and the request has none"
    IMPERSONATION_REFUSED = (
        "impersonation-refused",
        "the message asks the server to act for somebody else than the signed-in account",
    )
    EWS_REQUEST_REFUSED = (
        "ews-request-refused",
        "the EWS request has an operation, a part of one or a SOAP header that does not pass from outside",
    )
    PROXIED_NTLM = (
        "proxied-ntlm",
        "NTLM came through an HTTP proxy, where connections are not the client's own",
    )
    PROXIED_TICKET = (
        "proxied-ticket",
        "a Kerberos ticket came through an HTTP proxy, where connections are not the client's own",
    )
    TOO_MANY_CONNECTIONS = "too-many-connections", "the source or listener has reached its connection limit"

    # Where it comes from.
    SOURCE_REFUSED = "source-refused", "the policy does not allow that source network"

    # Credential. All but the first look alike to the client, in answer and in time.
    CREDENTIAL_MISSING = "credential-missing", "no credential yet: the client is asked for one"
    NTLM_CONTINUE = "ntlm-continue", "first leg of NTLM: the client is sent a challenge"
    CREDENTIAL_WRONG = "credential-wrong", "no live app password or PIN of that account fits"
    ACCOUNT_UNKNOWN = "account-unknown", "no account has that name"
    ACCOUNT_LOCKED_OUT = (
        "account-locked-out",
        "too many failures: human-chosen secrets are not evaluated for a while",
    )
    DOMAIN_PASSWORD_NOT_TRIED = (
        "domain-password-not-tried",
        "the domain would lock the account too soon, or after how many failures can't be read",
    )
    METHOD_NOT_OFFERED = (
        "method-not-offered",
        "the credential came by a method the publication does not offer",
    )
    APP_PASSWORD_EXPIRED = "app-password-expired", "the app password has ended or was not used in time"
    APP_PASSWORD_REVOKED = "app-password-revoked", "the app password was revoked"
    NTLM_MALFORMED = "ntlm-malformed", "the NTLM message can't be read"
    NEGOTIATE_MALFORMED = "negotiate-malformed", "the Negotiate token is no SPNEGO, no NTLM and no ticket"
    NTLM_VERSION_REFUSED = "ntlm-version-refused", "NTLMv1, NTLM2-session or LM; only NTLMv2 is taken"
    NTLM_ANONYMOUS = "ntlm-anonymous", "an anonymous or guest NTLM sign-in"
    NTLM_CHALLENGE_UNKNOWN = (
        "ntlm-challenge-unknown",
        "the challenge is used, too old, or belongs to another connection",
    )
    NTLM_MIC_WRONG = "ntlm-mic-wrong", "the message integrity code is wrong, or missing where it is required"
    NTLM_TIMESTAMP_OFF = "ntlm-timestamp-off", "the client's time is too far from ours"
    CHANNEL_BINDING_MISSING = (
        "channel-binding-missing",
        "the listener requires a channel binding and there is none",
    )
    CHANNEL_BINDING_WRONG = "channel-binding-wrong", "the channel binding names another TLS endpoint"
    TICKET_REFUSED = (
        "ticket-refused",
        "the Kerberos ticket is not for us, too old, can't be read, or has the SID of another account or none",
    )
    TICKET_REPLAYED = "ticket-replayed", "the Kerberos ticket was shown before"
    TARGET_SPN_WRONG = "target-spn-wrong", "the NTLM message was meant for another service"

    # Account, second factor.
    ACCOUNT_DISABLED = "account-disabled", "the account is disabled"
    ACCOUNT_DISABLED_IN_DIRECTORY = "account-disabled-in-directory", "the directory has disabled the account"
    ACCOUNT_LOCKED_IN_DIRECTORY = "account-locked-in-directory", "the directory has locked the account"
    ACCOUNT_EXPIRED = "account-expired", "the account's time in the directory is over"
    DOMAIN_PASSWORD_EXPIRED = "domain-password-expired", "the account's domain password must be changed first"
    ACCOUNT_GONE = (
        "account-gone",
        "the account is deleted in the directory, or no longer among those mirrored",
    )
    ACCESS_REFUSED = "access-refused", "no access rule lets this account in here, or one refuses it"
    CREDENTIAL_KIND_REFUSED = (
        "credential-kind-refused",
        "the access rule does not take that kind of credential",
    )
    PROFILE_REFUSED = "profile-refused", "the app password does not open this channel"

    # Device.
    APP_PASSWORD_UNBOUND = "app-password-unbound", "a fresh app password must pair with a device first"
    APP_PASSWORD_OTHER_DEVICE = "app-password-other-device", "the app password belongs to another device"
    COMPANION_STALE = (
        "companion-stale",
        "the bound device was not active lately, so its companion channels are shut",
    )
    DEVICE_UNKNOWN = "device-unknown", "the device is not listed and the mode lets no new one pair"
    DEVICE_PENDING = "device-pending", "the device waits for approval"
    DEVICE_PENDING_LIMIT = "device-pending-limit", "too many devices of the account wait for approval already"
    DEVICE_QUARANTINED = (
        "device-quarantined",
        "type or model changed, or the id is in use from two networks at once",
    )
    DEVICE_BLOCKED = "device-blocked", "the device is blocked"
    DEVICE_WIPE_PENDING = "device-wipe-pending", "the device is to be wiped, and is told nothing else"
    DEVICE_WIPED = "device-wiped", "the device has wiped itself; it stays out until it is removed"
    DEVICE_LIMIT = "device-limit", "the account has as many devices as its policy allows"
    DEVICE_TYPE_REFUSED = "device-type-refused", "the policy refuses that device type"
    USER_AGENT_REFUSED = "user-agent-refused", "the policy refuses that user agent"
    PROTOCOL_VERSION_REFUSED = "protocol-version-refused", "the policy refuses that protocol version"
    DEVICE_MODEL_REFUSED = "device-model-refused", "the policy refuses that device model"
    DEVICE_OS_REFUSED = "device-os-refused", "the policy refuses that device's operating system"
    DEVICE_IMEI_REFUSED = "device-imei-refused", "the policy refuses the IMEI that the device tells"
    DEVICE_PHONE_NUMBER_REFUSED = (
        "device-phone-number-refused",
        "the policy refuses the phone number that the device tells",
    )
    DEVICE_FRIENDLY_NAME_REFUSED = (
        "device-friendly-name-refused",
        "the policy refuses the name that the device tells",
    )
    DEVICE_FACTS_MISSING = (
        "device-facts-missing",
        "the policy lists models, systems, IMEIs, phone numbers or names, and the device has not told its own yet",
    )
    WINDOW_CLOSED = "window-closed", "pairing needs an open enrolment window and there is none"
    REVOKED_IN_FLIGHT = "revoked-in-flight", "what allowed the request was taken away while it ran"
    GRANT_EXPIRED = "grant-expired", "the grant ended while identity could not be reached"

    # Our own troubles.
    IDENTITY_UNAVAILABLE = "identity-unavailable", "identity or its database can't be reached"
    OVERLOADED = "overloaded", "a limit that protects the service was reached"
    BACKEND_UNAVAILABLE = "backend-unavailable", "no back end accepts a connection"
    BACKEND_TIMEOUT = "backend-timeout", "the back end did not answer in time"
    BACKEND_MALFORMED = "backend-malformed", "the back end's answer breaks HTTP and is not passed on"
    ANSWER_WITHHELD = (
        "answer-withheld",
        "the back end's answer names the inside, or can't be read well enough to be sure it does not",
    )
    BACKEND_SIGN_IN_REFUSED = (
        "backend-sign-in-refused",
        "the back end refused the sign-in made for the account",
    )
    BACKEND_SECRET_MISSING = "backend-secret-missing", "no stored secret for that account and publication"
    BACKEND_SECRET_SUSPENDED = (
        "backend-secret-suspended",
        "the stored secret was refused once and is suspended",
    )
    DIRECTORY_UNAVAILABLE = "directory-unavailable", "no domain controller answers in time"
    KDC_UNAVAILABLE = "kdc-unavailable", "no KDC answers in time"
    DELEGATION_REFUSED = (
        "delegation-refused",
        "the KDC gives no ticket for this account and service: not delegable, or not on the delegation list",
    )
    SERVICE_UNKNOWN_TO_KDC = (
        "service-unknown-to-kdc",
        "the KDC knows no account with the back end's SPN, or several",
    )
    TICKET_UNIDENTIFIED = (
        "ticket-unidentified",
        "the KDC's evidence for the account does not say whose it is (no PAC), so that no ticket is asked for with it",
    )
    TICKET_OF_OTHER_ACCOUNT = (
        "ticket-of-other-account",
        "to the KDC the account's name is another account's: one of them was renamed or made anew",
    )
    CLOCK_SKEW = "clock-skew", "our clock and the KDC's are too far apart"
    KEYTAB_REFUSED = "keytab-refused", "the KDC does not take our keytab's key, or there is none"
    CLIENT_GONE = "client-gone", "the client closed the connection before its answer was complete"
    SHUTTING_DOWN = "shutting-down", "the service is stopping"
    INTERNAL_ERROR = "internal-error", "something unforeseen; the log has the details"
